"""Fuzz every target by coverage and print what came of it.

    python -m fuzz.run [--runs N] [--jobs N] [--work DIR] [--keep] [TARGET ...]

Inputs that crash a target, logs and the growing corpus are left in DIR.
With `--keep` the corpus is minimised at the end into tests/cases/corpus,
which the test suite replays.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from wsproxy_gevent import engine

from . import keeping, seeds
from .targets import TARGETS

ROOT = Path(__file__).resolve().parent.parent

# Long enough for the limits of each parser; inputs are no better for more.
LONGEST_INPUT = {"http1": 1024, "handshake": 512, "opening": 128, "policy": 64, "proxyline": 256}
USUAL_LONGEST_INPUT = 320

# A parser that needs more than these is broken, whatever the input.
MOST_MEGABYTES = 1024
SECONDS_FOR_ONE = 10

_STATISTIC = re.compile(r"^stat::number_of_executed_units: *(\d+)", re.MULTILINE)
_COVERAGE = re.compile(r"\bcov: (\d+)")


@dataclass(frozen=True)
class Result:
    target: str
    executions: int
    crashes: int
    slowest_milliseconds: float
    largest_heap: int
    edges: int
    corpus: int

    def __str__(self) -> str:
        return (
            f"{self.target:<12}{self.executions:>12,}{self.crashes:>9}"
            f"{self.slowest_milliseconds:>12.1f}{self.largest_heap / 1024:>10.0f}"
            f"{self.edges:>8}{self.corpus:>8}"
        )


HEADING = (
    f"{'target':<12}{'executions':>12}{'crashes':>9}{'slowest ms':>12}{'heap KiB':>10}"
    f"{'edges':>8}{'corpus':>8}"
)


def fuzz(target: str, runs: int, work: Path) -> Result:
    """Fuzz one target in a process of its own, at low priority."""
    place = work / target
    for folder in ("corpus", "crashes"):
        (place / folder).mkdir(parents=True, exist_ok=True)
    seeds.write(target, place / "seeds")
    state = place / "slowest"
    state.unlink(missing_ok=True)
    log = place / "log"
    with log.open("wb") as out:
        subprocess.run(
            _command(target, runs, place), stdout=out, stderr=out, cwd=ROOT, check=False
        )
    return _result(target, place, log.read_text(errors="replace"))


def _command(target: str, runs: int, place: Path) -> list[str]:
    return [
        *("nice", "-n", "5"),
        *(sys.executable, "-m", "fuzz.one", target, str(place / "slowest")),
        f"-runs={runs}",
        f"-max_len={LONGEST_INPUT.get(target, USUAL_LONGEST_INPUT)}",
        f"-rss_limit_mb={MOST_MEGABYTES}",
        f"-timeout={SECONDS_FOR_ONE}",
        f"-artifact_prefix={place / 'crashes'}/",
        "-print_final_stats=1",
        str(place / "corpus"),
        str(place / "seeds"),
        *map(str, [keeping.folder_of(target)] if keeping.folder_of(target).is_dir() else []),
    ]


def _result(target: str, place: Path, log: str) -> Result:
    executions = _STATISTIC.findall(log)
    slowest, heap = _reached(place / "slowest")
    return Result(
        target,
        int(executions[-1]) if executions else 0,
        # A process that died before its first execution has failed, too.
        len(list((place / "crashes").iterdir())) or int(not executions),
        slowest * 1000,
        heap,
        max(map(int, _COVERAGE.findall(log)), default=0),
        len(list((place / "corpus").iterdir())),
    )


def _reached(state: Path) -> tuple[float, int]:
    """The slowest execution in seconds and the largest heap in bytes, as `one` left them."""
    words = state.read_text().split() if state.exists() else []
    return (float(words[0]), int(words[1])) if len(words) == 2 else (0.0, 0)


def run(targets: Iterable[str], runs: int, jobs: int, work: Path) -> list[Result]:
    print(f"engine: {engine.NAME}\n{HEADING}", flush=True)
    results = []
    with ThreadPoolExecutor(jobs) as pool:
        for result in pool.map(lambda target: fuzz(target, runs, work), targets):
            print(result, flush=True)
            results.append(result)
    print(f"{'in all':<12}{sum(result.executions for result in results):>12,}", flush=True)
    return results


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzz.run", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="default: all")
    parser.add_argument("--runs", type=int, default=100_000, help="executions of each target")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--work", type=Path, default=ROOT / ".fuzz")
    parser.add_argument("--keep", action="store_true", help="minimise the corpus and keep it")
    given = parser.parse_args(arguments)
    targets = given.targets or list(TARGETS)
    if unknown := [target for target in targets if target not in TARGETS]:
        parser.error(f"no such target: {', '.join(unknown)}")
    results = run(targets, given.runs, given.jobs, given.work.resolve())
    if given.keep:
        for target in targets:
            print(f"{target}: {keeping.keep(target, given.work.resolve())} inputs kept")
    return int(any(result.crashes for result in results))


if __name__ == "__main__":
    sys.exit(main())
