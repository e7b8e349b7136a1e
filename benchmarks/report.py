"""What came of a run: for the terminal, for the docs, as a picture.

    python -m benchmarks.report RESULTS.json... [--docs FILE [--part NAME]] [--plot FILE]

Of several files, the later has the word on a mode that both have.  `--docs`
writes what stands between `<!-- benchmarks: begin -->` and the `end` of it; a
page with several such parts gives them names, as in `<!-- twin: begin -->`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import plot
from .measuring import result_file
from .modes import MODES
from .tables import costs, latencies, limits, values_of, verdicts


def notes(results: Mapping[str, Any]) -> list[str]:
    """All that a reader must know who sees only the tables."""
    lines = [f"missing: {peer}: {why}" for peer, why in results["missing"].items()]
    for peer, modes in results["cannot"].items():
        lines += [f"left out: {mode} {peer}: {why}" for mode, why in modes.items()]
    lines += [f"generator_limited: {line}" for line in limits(results)]
    lines += [f"closed without an answer to Close: {line}" for line in rude_closes(results)]
    lines += [f"cipher: {peer}: {names}" for peer, names in ciphers(results).items()]
    lines += [
        f"{mode} {peer}: with {sessions} sessions"
        for mode, peer, sessions in fewer_sessions(results)
    ]
    lines += [
        f"FAILED: {one['mode']} {one['peer']} in round {one['round']}: {one['why']}"
        for one in results["failures"]
    ]
    return lines


def rude_closes(results: Mapping[str, Any]) -> list[str]:
    """Who closes the connection without a word, or resets it."""
    return sorted(
        {
            f"{one['mode']} {one['peer']}"
            for one in results["measurements"]
            if one["result"].get("unanswered_closes") or one["result"].get("resets")
        }
    )


def ciphers(results: Mapping[str, Any]) -> dict[str, str]:
    """What each proxy agreed to with the same client; they do not cost the same."""
    found: dict[str, set[str]] = {}
    for one in results["measurements"]:
        if cipher := one["result"].get("cipher"):
            found.setdefault(one["peer"], set()).add(cipher)
    return {peer: ", ".join(sorted(names)) for peer, names in found.items()}


def fewer_sessions(results: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    return sorted(
        {
            (one["mode"], one["peer"], one["sessions"])
            for one in results["measurements"]
            if one["sessions"] < MODES[one["mode"]].sessions
        }
    )


def text(results: Mapping[str, Any]) -> str:
    values = values_of(results)
    parts = [costs(values), latencies(results), verdicts(values), "\n".join(notes(results))]
    return "\n".join(f"\n{part}" for part in parts if part)


def for_docs(results: Mapping[str, Any]) -> str:
    """The same in Markdown, with where and when it was measured."""
    values, machine = values_of(results), results["machine"]
    versions = [f"- {peer}: {version}" for peer, version in results["versions"].items()]
    remarks = [f"- {line}" for line in notes(results)]
    return "\n".join(
        [
            f"Measured on {results['when'][:10]} with",
            *("", *(f"    {command}" for command in results["command"].split("\n")), ""),
            f"{machine['processor']}, {machine['cores']} cores, Linux {machine['kernel']},",
            f"Python {machine['python']}.",
            *("", "### Against the bars", "", verdicts(values)),
            *("", "### What each costs, medians", "", costs(values)),
            *(["", "### Latencies, medians", "", waits] if (waits := latencies(results)) else []),
            *("", "### Who was compared", "", *versions),
            *(["", "### To be known with it", "", *remarks] if remarks else []),
        ]
    )


def with_part(page: str, part: str, name: str = "benchmarks") -> str:
    """The page with what stands between the markers of that name replaced."""
    first, last = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, begin, rest = page.partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        raise ValueError(f"the page lacks {first} or {last}")
    return f"{before}{first}\n{part}\n{last}{after}"


def merged(many: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A mode's measurements and failures are those of the last file that has it."""
    whole: dict[str, Any] = dict(many[-1])
    whole["command"] = "\n".join(dict.fromkeys(results["command"] for results in many))
    for kind in ("measurements", "failures"):
        last: dict[str, list[Any]] = {}
        for results in many:
            modes = {one["mode"] for one in results["measurements"]}
            for mode in modes | {one["mode"] for one in results["failures"]}:
                last[mode] = [one for one in results[kind] if one["mode"] == mode]
        whole[kind] = [one for mode in MODES for one in last.get(mode, [])]
    for kind in ("versions", "missing", "cannot"):
        whole[kind] = {key: value for one in many for key, value in one[kind].items()}
    return whole


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("results", nargs="+", type=Path)
    parser.add_argument("--docs", type=Path, help="a page with the two markers")
    parser.add_argument("--part", default="benchmarks", help="the markers' name")
    parser.add_argument("--plot", type=Path, help="an SVG file")
    given = parser.parse_args(arguments)
    results = merged([result_file(path) for path in given.results])
    if given.docs is not None:
        given.docs.write_text(with_part(given.docs.read_text(), for_docs(results), given.part))
    if given.plot is not None:
        given.plot.write_text(plot.draw(values_of(results)))
    if given.docs is None and given.plot is None:
        print(text(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
