"""The same bytes to us and to another: do both say the same?

`frames` and `handshakes` compare one seed's input with each of the others,
and return what it was that both said, or the difference in its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from . import frame_sides, handshake_sides
from .differences import FRAMES, HANDSHAKES, WEBSOCKETS, WSPROTO, Difference
from .frame_sides import Verdict
from .handshake_sides import Answer
from .head_cases import head
from .streams import stream

# A character of UTF-8 that a text decoder holds back.
_HELD_BACK = 3


class UnexplainedError(Exception):
    """Two verdicts that differ for no reason that is known."""


@dataclass(frozen=True)
class Compared:
    """`outcome` is how both ended, or the difference between them."""

    other: str
    outcome: str | Difference


def frames(seed: int) -> Iterator[Compared]:
    given = stream(seed)
    we = frame_sides.ours(given, check_text=False)
    yield _compared(WEBSOCKETS, we, frame_sides.websockets(given), seed)
    we = frame_sides.ours(given, check_text=True)
    yield _compared(WSPROTO, we, frame_sides.wsproto(given), seed)


def _compared(other: str, we: Verdict, they: Verdict, seed: int) -> Compared:
    if _same(other, we, they):
        return Compared(other, we.end)
    for known in _known(FRAMES, other, f"{we.end}: {we.cause}", f"{they.end}: {they.cause}"):
        if _fits(known, we, they):
            return Compared(other, known)
    raise UnexplainedError(f"frames {seed}, {other}: {we} {they}")


def _same(other: str, we: Verdict, they: Verdict) -> bool:
    return (
        we.heard == they.heard
        and we.end == they.end
        and (we.cause == they.cause or not we.end.startswith("closed"))
        and _begun_alike(other, we, they)
    )


def _begun_alike(other: str, we: Verdict, they: Verdict) -> bool:
    """Of a message that did not end we hand on each byte, they what they are sure of."""
    if not we.begun.startswith(they.begun):
        return False
    left = len(we.begun) - len(they.begun)
    if other == WSPROTO:
        return left <= _HELD_BACK or we.end == "failed 1007"
    return not left or we.waiting or we.end.startswith("failed")


def _fits(known: Difference, we: Verdict, they: Verdict) -> bool:
    if not known.goes_on:
        return we.heard == they.heard
    return they.heard[: len(we.heard)] == we.heard


def _known(
    differences: Sequence[Difference], other: str, ours: str, theirs: str
) -> list[Difference]:
    return [known for known in differences if known.matches(other, ours, theirs)]


def handshakes(seed: int) -> Iterator[Compared]:
    wire = head(seed)
    we = handshake_sides.ours(wire)
    yield _answered(WEBSOCKETS, we, handshake_sides.websockets(wire), seed)
    yield _answered(WSPROTO, we, handshake_sides.wsproto(wire), seed)


def _answered(other: str, we: Answer, they: Answer, seed: int) -> Compared:
    if we.end == they.end and (we.end != "accepted" or we == they):
        return Compared(other, we.end)
    known = _known(HANDSHAKES, other, f"{we.end}: {we.cause}", f"{they.end}: {they.cause}")
    if not known:
        raise UnexplainedError(f"handshakes {seed}, {other}: {we} {they}")
    return Compared(other, known[0])
