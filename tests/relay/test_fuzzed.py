"""A slice of `fuzz.relays`: sessions whose clients are almost right."""

from __future__ import annotations

from itertools import islice

import pytest

from fuzz import relays
from fuzz.relays import Expected, UnlikeError, expected, hold, wires

SESSIONS, IN_A_TEST = 1000, 100


@pytest.mark.parametrize("begin", range(0, SESSIONS, IN_A_TEST))
def test_each_session_goes_as_its_bytes_say(begin: int) -> None:
    for seed, wire in islice(wires(begin), IN_A_TEST):
        hold(seed, wire)


@pytest.mark.parametrize("what", ["payload", "code"])
def test_one_that_went_otherwise_would_be_found(
    monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def otherwise(wire: bytes) -> Expected:
        due = expected(wire)
        if what == "payload":
            return Expected(due.payload + b"?", due.code)
        return Expected(due.payload, 4999)

    monkeypatch.setattr(relays, "expected", otherwise)
    seed, wire = next(wires(0))
    with pytest.raises(UnlikeError):
        hold(seed, wire)
