"""How a target reads its input, and what it holds each parser to.

An input is a variant (one byte), a plan of cuts, and the bytes for the
parser.  The plan's byte says how many bytes follow that each place one cut;
0xFF cuts everywhere in a short input, and into as many even pieces in a long
one.  So the fuzzer chooses the cuts as it chooses the rest.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

from wsproxy_gevent.errors import ProxyError

EVERYWHERE, MOST_PIECES = 0xFF, 16
_CUTS = 0x07


@dataclass(frozen=True)
class Input:
    variant: int
    body: bytes
    pieces: list[bytes]


def read_input(data: bytes) -> Input:
    """Any bytes make an input; what is missing is 0."""
    variant, plan = (data + b"\0\0")[:2]
    count = 0 if plan == EVERYWHERE else plan & _CUTS
    places, body = data[2 : 2 + count], data[2 + count :]
    if plan == EVERYWHERE:
        size = max(1, -(-len(body) // MOST_PIECES))
        return Input(variant, body, [body[at : at + size] for at in range(0, len(body), size)])
    return Input(variant, body, _cut(body, places))


def _cut(body: bytes, places: bytes) -> list[bytes]:
    size = len(body)
    scaled = (place * size // 255 if size > 255 else place % (size + 1) for place in places)
    return [body[a:b] for a, b in pairwise([0, *sorted(scaled), size])]


def make_input(body: bytes, variant: int = 0, places: bytes = b"") -> bytes:
    """The input that reads as this; at most 7 places."""
    return bytes((variant, len(places))) + places + body


class Reader(Protocol):
    @property
    def leftover(self) -> bytes: ...

    def feed(self, data: bytes) -> Any: ...


# -- What is held -----------------------------------------------------------------

_BUFFERS = (bytes, bytearray, memoryview)


def held_bytes(thing: object) -> int:
    """The bytes that one of our objects and its parts keep in buffers.

    Tuples are the tables that all sessions share.
    """
    if isinstance(thing, _BUFFERS):
        return len(thing)
    if isinstance(thing, dict):
        return sum(map(held_bytes, thing.values()))
    if isinstance(thing, list):
        return sum(map(held_bytes, thing))
    if hasattr(thing, "held_bytes"):  # of a compiled one, which has no attributes
        return int(thing.held_bytes)
    return sum(held_bytes(getattr(thing, name)) for name in _parts(thing))


def _parts(thing: object) -> tuple[str, ...]:
    """The attributes of one of our objects; nobody else's count."""
    kind = type(thing)
    if not kind.__module__.startswith("wsproxy_gevent.wire") or isinstance(
        thing, enum.Enum | tuple
    ):
        return ()
    return (*getattr(thing, "__dict__", ()), *getattr(kind, "__slots__", ()))


# -- Readers ------------------------------------------------------------------------

Outcome = tuple[Any, ...]


def outcome(
    reader: Reader,
    pieces: Sequence[bytes],
    allowed: type[ProxyError] | tuple[type[ProxyError], ...],
    most_held: int,
) -> Outcome:
    """What comes of feeding a reader: the result and what is behind it, or the error.

    Any exception but the allowed ones escapes.  What the reader holds
    between two reads must stay within `most_held` bytes.
    """
    for at, piece in enumerate(pieces):
        try:
            result = reader.feed(piece)
        except allowed as error:
            check_error(error)
            return "refused", type(error), error.reason, error.detail
        if result is not None:
            return "read", result, reader.leftover + b"".join(pieces[at + 1 :])
        assert held_bytes(reader) <= most_held
    return ("more",)


def same_outcome(
    make: Callable[[], Reader],
    given: Input,
    allowed: type[ProxyError] | tuple[type[ProxyError], ...],
    most_held: int,
) -> Outcome:
    """The outcome, which must not depend on the cuts."""
    whole = outcome(make(), [given.body], allowed, most_held)
    assert outcome(make(), given.pieces, allowed, most_held) == whole
    return whole


def check_error(error: ProxyError) -> None:
    """What a peer may be told: one short line that cannot leave its place."""
    assert error.reason.isprintable()
    assert len(error.reason.encode()) <= 400
