"""A fixed slice of the differential fuzz: us beside `websockets` and `wsproto`.

Random but seeded inputs, almost right.  All must take or refuse them alike,
at the same frame, with the same payload and close code, but for what
`fuzz.differences` lists with a reason.
"""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from fuzz import differential, sessions
from fuzz.differences import FRAMES, HANDSHAKES, WEBSOCKETS, WSPROTO, Difference
from fuzz.feeding import make_input
from fuzz.streams import stream

COMPARISONS = 20_000


@pytest.fixture(scope="module")
def compared() -> tuple[differential.Tally, list[str]]:
    """What came of the slice, and what could not be explained."""
    met: differential.Tally = Counter()
    unexplained: list[str] = []
    for level, seeds in differential.batches(COMPARISONS, first=0):
        some, open_ones = differential.tally(level, seeds)
        met += some
        unexplained += open_ones
    return met, unexplained


@pytest.fixture(scope="module")
def met(compared: tuple[differential.Tally, list[str]]) -> differential.Tally:
    return compared[0]


def test_nothing_differs_without_a_reason(
    compared: tuple[differential.Tally, list[str]],
) -> None:
    assert compared[1] == []


@pytest.mark.parametrize("other", [WEBSOCKETS, WSPROTO])
def test_the_slice_has_every_kind_of_outcome(other: str, met: differential.Tally) -> None:
    said = {(level, outcome) for level, by, outcome in met if by == other}
    assert {
        *(("frames", end) for end in ("open", "closed 1000", "closed None")),
        *(("frames", end) for end in ("failed 1002", "failed 1007")),
        *(("handshakes", end) for end in ("more", "accepted", "refused")),
    } <= said


def test_the_slice_is_whole_and_most_of_it_needs_no_explanation(met: differential.Tally) -> None:
    assert met.total() == COMPARISONS
    explained = sum(n for (_, _, outcome), n in met.items() if isinstance(outcome, Difference))
    assert 0 < explained < COMPARISONS // 8


@pytest.mark.parametrize("known", [*FRAMES, *HANDSHAKES], ids=lambda known: known.ours)
def test_a_difference_names_two_verdicts_and_a_reason(known: Difference) -> None:
    assert known.other in (WEBSOCKETS, WSPROTO)
    assert known.ours != known.theirs
    assert len(known.why) > 20


@pytest.mark.parametrize("seed", range(0, 4000, 8))
def test_no_stream_cares_how_it_is_cut(seed: int) -> None:
    chance, given = Random(seed), stream(seed)
    client = sessions.CLIENT if given.client else 0
    for kind in range(len(sessions.KINDS)):
        variant = kind << 2 | sessions.CHECK_TEXT | sessions.MEASURED | client
        sessions.hybi(make_input(given.wire, variant, chance.randbytes(7)))
