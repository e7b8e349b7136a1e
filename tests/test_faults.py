"""Each fault of docs/faults.md that has a test has its number, and no test has another."""

from __future__ import annotations

import re
from pathlib import Path

from tests.cases.faults import FAULTS
from tests.e2e.faults.report import BEGIN, END, PAGE, figures, state, table, write

MARK = re.compile(r"mark\.fault\((\d+)\)")

# Those that no test shows yet, or a target of their own does.
ELSEWHERE = {11, 12, 35, 40, 47, 48, 49}


def marked() -> set[int]:
    tests = Path(__file__).parent
    files = [path for path in tests.rglob("test_*.py") if "node_modules" not in path.parts]
    return {int(number) for path in files for number in MARK.findall(path.read_text())}


def test_the_tests_and_the_list_have_the_same_numbers() -> None:
    assert sorted(FAULTS) == [*range(1, 51)]
    assert marked() | ELSEWHERE == set(FAULTS)
    assert not marked() & ELSEWHERE


RUN = {
    "engine": "compiled",
    "python": "3.11",
    "kernel": "6",
    "cores": 2,
    "day": "2026-11-27",
    "seconds": 3,
    "results": [
        {"test": "a[1-x]", "faults": [1], "outcome": "passed", "measured": ["few"]},
        {"test": "a[20-x]", "faults": [1], "outcome": "passed", "measured": ["many | more"]},
        {"test": "b", "faults": [2], "outcome": "failed", "measured": []},
        {"test": "c", "faults": [3], "outcome": "skipped", "measured": []},
    ],
}


def test_a_state_is_the_worst_that_was_seen() -> None:
    assert [state(RUN, number) for number in (1, 2, 3, 4)] == [
        *("holds", "**fails**", "skipped in part", "not tested")
    ]


def test_of_a_tests_sizes_the_largest_is_told() -> None:
    assert figures(RUN, 1) == "many \\| more"
    assert figures(RUN, 2) == "1 tests"


def test_the_page_keeps_what_is_around_its_table() -> None:
    page = write(f"a\n{BEGIN}\nstale\n{END}\nb\n", [RUN])
    assert page.startswith(f"a\n{BEGIN}\n")
    assert page.endswith(f"\n{END}\nb\n")
    assert "stale" not in page
    assert len([*table([RUN])]) == 4 + len(FAULTS)
    assert BEGIN in PAGE.read_text()
