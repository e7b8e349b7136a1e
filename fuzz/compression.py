"""permessage-deflate: any stream into an inflating reader, and what offers come to."""

from __future__ import annotations

import re

from tests.cases.frames import check_gist, feed, told
from wsproxy_gevent.errors import BadHandshake
from wsproxy_gevent.model import Dialect
from wsproxy_gevent.wire.deflate import CHUNK, Deflate, Side
from wsproxy_gevent.wire.extensions import Agreement, negotiate
from wsproxy_gevent.wire.hybi import HybiSession, Role
from wsproxy_gevent.wire.inflating import ROOM
from wsproxy_gevent.wire.session import Data, Event

from .feeding import Input, check_error, read_input
from .sessions import CHECK_TEXT, CLIENT, check_end, kind_of, size_of

# The bits of a variant, besides those of other sessions.
AS_MESSAGE, ANEW, SMALL_WINDOW = 0x10, 0x20, 0x40

# DEFLATE cannot do better.
_BEST_RATIO = 1032


def session(variant: int, role: Role) -> HybiSession:
    side = Side(not variant & ANEW, 9 if variant & SMALL_WINDOW else 15)
    return HybiSession(
        Dialect.RFC_6455,
        kind_of(variant),
        role=role,
        check_text=bool(variant & CHECK_TEXT),
        new_key=lambda: bytes(4),
        deflate=Deflate(side, side),
    )


def deflate(data: bytes) -> None:
    """Any stream, or any bytes as the payload of compressed messages, each end alike."""
    given = read_input(data)
    role = Role.CLIENT if given.variant & CLIENT else Role.SERVER
    if given.variant & AS_MESSAGE:
        given = _as_message(given, role)
    whole, cut = session(given.variant, role), session(given.variant, role)
    events = _portions(whole, given.body)
    heard = told(events)
    in_pieces = feed(cut, given.pieces)
    assert told(in_pieces) == heard
    assert cut.mid_frame == whole.mid_frame
    assert not cut.pending
    assert size_of(heard) <= _BEST_RATIO * len(given.body)
    check_end(cut, in_pieces)
    check_gist(session(given.variant, role), given.pieces, heard)


def _portions(reader: HybiSession, body: bytes) -> list[Event]:
    """All that a read unfolds to, no portion of it large."""
    events = portion = reader.receive(body)
    while reader.pending:
        portion = reader.receive(b"")
        assert sum(len(e.payload) for e in portion if isinstance(e, Data)) <= ROOM + CHUNK
        events = events + portion
    return events


def _as_message(given: Input, role: Role) -> Input:
    """Each piece as a fragment of one compressed binary message, cut before each header."""
    masked, key = (0x80, bytes(4)) if role is Role.SERVER else (0, b"")
    pieces = given.pieces or [b""]
    frames = []
    for at, piece in enumerate(pieces):
        first = (0x42 if at == 0 else 0) | (0x80 if at == len(pieces) - 1 else 0)
        length = len(piece)
        short = bytes((masked | length,)) if length < 126 else _long(masked, length)
        frames.append(bytes((first,)) + short + key + piece)
    return Input(given.variant, b"".join(frames), frames)


def _long(masked: int, length: int) -> bytes:
    return bytes((masked | 126,)) + length.to_bytes(2)


# -- Offers -----------------------------------------------------------------------

_BITS = r"_max_window_bits=(?:[89]|1[0-5])"
_ANSWER = re.compile(
    r"permessage-deflate(?:; (?:server_no_context_takeover|client_no_context_takeover"
    rf"|server{_BITS}|client{_BITS}))*"
)


def extensions(data: bytes) -> None:
    """Offers are met, passed over or refused; what is agreed is what the answer says."""
    values = read_input(data).body.decode("latin-1").split("\0")
    try:
        agreed = negotiate(values)
    except BadHandshake as error:
        check_error(error)
        return
    if agreed is not None:
        assert "permessage-deflate" in ",".join(values)
        _check_agreement(agreed)


def _check_agreement(agreed: Agreement) -> None:
    assert _ANSWER.fullmatch(agreed.answer)
    said = agreed.answer.split("; ")[1:]
    assert len({parameter.partition("=")[0] for parameter in said}) == len(said)
    for name, side in (("server", agreed.deflate.server), ("client", agreed.deflate.client)):
        assert (f"{name}_no_context_takeover" in said) == (not side.takeover)
        bits = [p.partition("=")[2] for p in said if p.startswith(f"{name}_max_window_bits")]
        # What we do not say of our own window holds all the same: less is always allowed.
        assert bits in ([str(side.window_bits)], [])
        assert bits or name == "server" or side.window_bits == 15
    _check_speaking(agreed.deflate)


def _check_speaking(agreed: Deflate) -> None:
    """Two ends that agreed on it understand each other, but for what zlib cannot write."""
    if agreed.client.window_bits == 8:
        return
    kind = kind_of(0)
    server = HybiSession(Dialect.RFC_6455, kind, deflate=agreed)
    client = HybiSession(Dialect.RFC_6455, kind, role=Role.CLIENT, deflate=agreed)
    for writer, reader in ((client, server), (server, client)):
        for _ in range(2):
            wire = b"".join(map(bytes, writer.message(b"Hello, Hello")))
            assert told(feed(reader, [wire])) == [("data", "BINARY", b"Hello, Hello", True)]
