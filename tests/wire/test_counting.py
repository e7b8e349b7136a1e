"""How many frames of data have come and gone."""

from __future__ import annotations

import pytest

from wsproxy_gevent.model import Dialect
from wsproxy_gevent.wire.dialects import open_session
from wsproxy_gevent.wire.payload import PayloadKind
from wsproxy_gevent.wire.session import Opcode, Session

KINDS = [PayloadKind.BINARY, PayloadKind.VERBATIM]
HIXIE = [Dialect.HIXIE_75, Dialect.HIXIE_76]


def server(kind: PayloadKind = PayloadKind.BINARY) -> Session:
    return open_session(Dialect.RFC_6455, kind)


def frame(first: int, payload: bytes) -> bytes:
    """A short frame under a key of zeros."""
    return bytes((first, 0x80 | len(payload))) + bytes(4) + payload


# A short message, a fragmented one with a Ping inside, one of 200 bytes.
FOUR_FRAMES = (
    frame(0x82, b"a")
    + frame(0x02, b"b")
    + frame(0x89, b"ping")
    + frame(0x80, b"")
    + (b"\x82\xfe\x00\xc8" + bytes(204))
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cut", range(len(FOUR_FRAMES)))
def test_frames_of_data_are_counted_once_however_they_are_cut(kind: PayloadKind, cut: int) -> None:
    by_events, by_payload = server(kind), server(kind)
    for data in (FOUR_FRAMES[:cut], FOUR_FRAMES[cut:]):
        by_events.receive(data)
        by_payload.payload_of(data)
    assert (by_events.frames_read, by_payload.frames_read) == (4, 4)


def test_frames_that_are_written_are_counted_and_control_frames_are_not() -> None:
    session = server()
    session.message(b"one")
    session.piece(b"two", Opcode.BINARY, final=False)
    session.ping()
    session.piece(b"three", Opcode.BINARY, final=True)
    session.close(1000)
    assert (session.frames_read, session.frames_written) == (0, 3)


@pytest.mark.parametrize("dialect", HIXIE, ids=lambda dialect: dialect.value)
def test_frames_of_text_are_counted(dialect: Dialect) -> None:
    counted = open_session(dialect, PayloadKind.VERBATIM)
    for byte in b"\x00a\xff\x80\x01x\x01?\xff\x00\xff":
        counted.receive(bytes((byte,)))
    counted.message(b"one")
    counted.piece(b"tw", Opcode.TEXT, final=False)
    counted.piece(b"o", Opcode.TEXT, final=True)
    assert (counted.frames_read, counted.frames_written) == (2, 2)
