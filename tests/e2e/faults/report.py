"""What tests of faults measured, gathered (a plugin of pytest) and made a table of docs/faults.md.

    pytest -p tests.e2e.faults.report -m fault --faults-report FILE.json
    python -m tests.e2e.faults.report FILE.json ...

The page's table stands between two marks and has no other source.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.cases.faults import FAULTS
from wsproxy_gevent import engine

PAGE = Path(__file__).parents[3] / "docs" / "faults.md"
BEGIN, END = "<!-- begin: written by `make faults` -->", "<!-- end -->"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faults-report", type=Path, help="where what was measured goes (JSON)")


def pytest_configure(config: pytest.Config) -> None:
    if path := config.getoption("--faults-report"):
        config.pluginmanager.register(Gathering(path))


class Gathering:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._began = time.monotonic()
        self._results: list[dict[str, Any]] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            numbers = [mark.args[0] for mark in item.iter_markers("fault")]
            item.user_properties.append(("faults", numbers))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.passed:
            return
        properties: list[tuple[str, Any]] = report.user_properties
        faults = [number for name, value in properties if name == "faults" for number in value]
        self._results.append(
            {
                "test": report.nodeid,
                "faults": faults,
                "outcome": report.outcome,
                "measured": [value for name, value in properties if name == "measured"],
            }
        )

    def pytest_sessionfinish(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        told = {
            "engine": engine.NAME,
            "python": platform.python_version(),
            "kernel": platform.release(),
            "cores": os.cpu_count(),
            "day": time.strftime("%Y-%m-%d", time.gmtime()),
            "seconds": round(time.monotonic() - self._began),
            "results": self._results,
        }
        self._path.write_text(json.dumps(told, indent=1) + "\n")


# -- The page ------------------------------------------------------------------------


def table(runs: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The lines between the marks."""
    for run in runs:
        outcomes = [result["outcome"] for result in run["results"]]
        yield (
            f"Measured on {run['day']} with the {run['engine']} engine, Python {run['python']}, "
            f"Linux {run['kernel']}, {run['cores']} cores, in {run['seconds']} s: "
            f"{outcomes.count('passed')} tests passed, {outcomes.count('failed')} failed, "
            f"{outcomes.count('skipped')} skipped."
        )
        yield ""
    names = [run["engine"] for run in runs]
    yield f"| | fault | what must come of it | {' | '.join(names)} | measured ({names[0]}) |"
    yield "|---|" + "---|" * (len(names) + 3)
    for number, (fault, answer) in FAULTS.items():
        states = " | ".join(state(run, number) for run in runs)
        yield f"| {number} | {fault} | {answer} | {states} | {figures(runs[0], number)} |"


def results_of(run: dict[str, Any], number: int) -> list[dict[str, Any]]:
    return [result for result in run["results"] if number in result["faults"]]


def state(run: dict[str, Any], number: int) -> str:
    outcomes = {result["outcome"] for result in results_of(run, number)}
    if not outcomes:
        return "not tested"
    if "failed" in outcomes:
        return "**fails**"
    return "holds" if outcomes == {"passed"} else "skipped in part"


def figures(run: dict[str, Any], number: int) -> str:
    """What the largest of each test told; of those that tell nothing, how many there are."""
    told: dict[str, str] = {}
    silent = 0
    for result in results_of(run, number):
        if result["measured"]:
            told[_family(result["test"])] = "; ".join(result["measured"])
        else:
            silent += 1
    rest = [f"{silent} tests"] if silent else []
    return "; ".join([*told.values(), *rest]).replace("|", "\\|")


def _family(test: str) -> str:
    """Of the sizes of one test the last counts, which is the largest; kinds each count."""
    name, _, parameters = test.partition("[")
    words = [word for word in parameters.rstrip("]").split("-") if word and not _is_number(word)]
    return "-".join([name, *words])


def _is_number(word: str) -> bool:
    return word.replace(".", "").isdigit()


def write(page: str, runs: Sequence[dict[str, Any]]) -> str:
    """The page with that table between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + "\n".join([BEGIN, "", *table(runs), "", END]) + after


def main(paths: Sequence[str]) -> None:
    runs = [json.loads(Path(path).read_text()) for path in paths]
    PAGE.write_text(write(PAGE.read_text(), runs))
    failed = sum(result["outcome"] == "failed" for run in runs for result in run["results"])
    print(f"{PAGE.name}: {len(FAULTS)} faults, {failed} tests failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
