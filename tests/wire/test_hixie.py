"""Hixie-75 and -76 framing, in literal bytes."""

from __future__ import annotations

import gc
import weakref

import pytest

from tests.cases.frames import (
    BASE64,
    CUT_BASE64,
    NOT_BASE64,
    UTF8,
    Case,
    Told,
    check,
    checked,
    close,
    failed,
    feed,
    held_bytes,
    text,
    told,
)
from wsproxy_gevent.model import Dialect
from wsproxy_gevent.wire.hixie import HixieSession
from wsproxy_gevent.wire.payload import PayloadKind
from wsproxy_gevent.wire.session import FRAMES_AT_ONCE, Data, Opcode

DIALECTS = [Dialect.HIXIE_75, Dialect.HIXIE_76]


def session(
    kind: PayloadKind = PayloadKind.BASE64,
    dialect: Dialect = Dialect.HIXIE_76,
    *,
    check_text: bool = False,
) -> HixieSession:
    return HixieSession(dialect, kind, check_text=check_text)


def verbatim(*, check_text: bool = False) -> HixieSession:
    return session(PayloadKind.VERBATIM, check_text=check_text)


# -- Reading --------------------------------------------------------------------------

_LONG = failed(1002, "a frame's length has more than 9 bytes")

FRAMES: dict[str, Case] = {
    "nothing": (b"", []),
    "a text": (b"\x00Hello\xff", [text(b"Hello")]),
    "an empty text": (b"\x00\xff", [text(b"")]),
    "a text with a NUL and bytes over 127": (b"\x00\x00\x80\xfe\xff", [text(b"\x00\x80\xfe")]),
    "two texts": (b"\x00a\xff\x00b\xff", [text(b"a"), text(b"b")]),
    "half a text": (b"\x00Hel", [text(b"Hel", False)]),
    "a start": (b"\x00", []),
    "a frame of an unknown type, then a text": (b"\x01what\xff\x00a\xff", [text(b"a")]),
    "an unknown type of 7F, empty": (b"\x7f\xff\x00a\xff", [text(b"a")]),
    "a sized frame, then a text": (b"\x80\x03\x00\xff\x00\x00a\xff", [text(b"a")]),
    "a sized frame of 300 bytes": (b"\x81\x82\x2c" + b"\xff" * 300 + b"\x00a\xff", [text(b"a")]),
    "a sized frame of no bytes": (b"\x80\x00\x00a\xff", [text(b"a")]),
    "a length in more bytes than it needs": (b"\xfe\x80\x80\x01x\x00a\xff", [text(b"a")]),
    "a length in two bytes behind eight of one": (
        b"\x80\x01x" * 8 + b"\x80\x80\x01x\x00a\xff",
        [text(b"a")],
    ),
    "a sized frame of type FF": (b"\xff\x01x\x00a\xff", [text(b"a")]),
    "nine bytes of length": (b"\x80" + b"\x80" * 8 + b"\x01x\x00a\xff", [text(b"a")]),
    "ten bytes of length, at the ninth": (b"\x80" + b"\x80" * 9, [_LONG]),
    "a length without end behind a text": (b"\x00a\xff\x80" + b"\xff" * 9, [text(b"a"), _LONG]),
    "an FF inside a sized frame": (b"\x80\x02\xff\x00\x00a\xff", [text(b"a")]),
    "half a close": (b"\xff", []),
}

CLOSES: dict[str, Case] = {
    "a close": (b"\xff\x00", [close()]),
    "a close whose zero has two bytes": (b"\xff\x80\x00", [close()]),
    "a text, then a close": (b"\x00a\xff\xff\x00", [text(b"a"), close()]),
    "an FF inside a sized frame is no close": (b"\x80\x02\xff\x00\xff\x00", [close()]),
}


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.value)
@pytest.mark.parametrize("case", FRAMES.values(), ids=FRAMES)
def test_frames_are_read_however_they_are_cut(case: Case, dialect: Dialect) -> None:
    check(lambda: session(PayloadKind.VERBATIM, dialect), *case)


@pytest.mark.parametrize("case", CLOSES.values(), ids=CLOSES)
def test_draft_76_has_a_close(case: Case) -> None:
    check(verbatim, *case)


@pytest.mark.parametrize("case", CLOSES.values(), ids=CLOSES)
def test_what_would_be_a_close_is_discarded_in_draft_75_and_the_next_frame_read(
    case: Case,
) -> None:
    wire, expected = case
    check(
        lambda: session(PayloadKind.VERBATIM, Dialect.HIXIE_75),
        wire + b"\x00b\xff",
        [*expected[:-1], text(b"b")],
    )


@pytest.mark.parametrize(("characters", "meant", "faulty"), BASE64.values(), ids=BASE64)
def test_base64_is_decoded(characters: bytes, meant: bytes, faulty: bool) -> None:
    expected: Told = [text(meant, not faulty)] if meant or not faulty else []
    expected += [failed(1007, NOT_BASE64)] if faulty else []
    check(session, b"\x00" + characters + b"\xff", expected)


def test_base64_goes_on_from_frame_to_frame() -> None:
    wire = b"\x00Uk\xff\x80\x02Zg\x00ZCUg=\xff\x00=\xff"
    check(session, wire, [text(b""), text(b"RFB"), text(b"R")])


def test_a_close_inside_a_quantum_is_a_fault() -> None:
    check(session, b"\x00UkZCUk\xff\xff\x00", [text(b"RFB"), failed(1007, CUT_BASE64)])


@pytest.mark.parametrize(("payload", "good"), UTF8.values(), ids=UTF8)
def test_text_is_checked_if_asked(payload: bytes, good: bytes | None) -> None:
    wire = b"\x00" + payload + b"\xff"
    check(lambda: verbatim(check_text=True), wire, checked(payload, good))
    assert told(verbatim().receive(wire)) == [text(payload)]


def test_text_is_handed_on_as_it_comes() -> None:
    reader = verbatim()
    assert reader.receive(b"\x00He") == [Data(b"He", Opcode.TEXT, final=False)]
    assert reader.receive(b"ll") == [Data(b"ll", Opcode.TEXT, final=False)]
    assert reader.receive(b"o\xff") == [Data(b"o", Opcode.TEXT, final=True)]


@pytest.mark.parametrize("start", [b"\x00", b"\x01", b"\x80" + b"\xff" * 8 + b"\x7f"])
def test_a_frame_without_end_costs_no_memory(start: bytes) -> None:
    reader = session()
    reader.receive(start)
    for _ in range(16):
        reader.receive(b"A" * 65536)
        assert held_bytes(reader) < 1024
        assert reader.mid_frame


@pytest.mark.parametrize(
    "wire", [b"\x00", b"\x00a", b"\x01", b"\x80", b"\x80\x80", b"\x80\x02", b"\x80\x02x", b"\xff"]
)
def test_a_read_that_ends_inside_a_frame_is_known(wire: bytes) -> None:
    reader = verbatim()
    reader.receive(wire)
    assert reader.mid_frame


@pytest.mark.parametrize("wire", [b"", b"\x00\xff", b"\x01\xff", b"\x80\x00", b"\x80\x01x"])
def test_a_read_that_ends_between_frames_is_known(wire: bytes) -> None:
    reader = verbatim()
    reader.receive(wire)
    assert not reader.mid_frame


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_read_may_be_any_buffer(kind: type) -> None:
    for wire, expected in FRAMES.values():
        halves = [kind(wire[: len(wire) // 2]), kind(wire[len(wire) // 2 :])]
        assert told(feed(verbatim(), halves)) == expected


@pytest.mark.parametrize("unit", [b"\0a\xff", b"\x80\0", b"\x81\1x", b"\1\xff"])
def test_a_read_of_very_many_frames_is_handed_on_in_portions(unit: bytes) -> None:
    reader = verbatim()
    first = reader.receive(unit * 5000 + b"\0end\xff")
    assert len(first) <= FRAMES_AT_ONCE
    assert reader.pending
    rest = feed(reader, [b""])
    assert told(first + rest) == told(feed(verbatim(), [unit] * 5000 + [b"\0end\xff"]))


def test_a_session_is_gone_with_its_last_user() -> None:
    reader = verbatim()
    reader.receive(b"\x00a")
    gone = weakref.ref(reader)
    gc.disable()
    try:
        del reader
        assert gone() is None
    finally:
        gc.enable()


# -- Writing --------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_message_is_base64_in_one_frame(dialect: Dialect) -> None:
    writer = session(dialect=dialect)
    assert writer.dialect is dialect
    assert b"".join(writer.message(b"RFB 003.008\n")) == b"\x00UkZCIDAwMy4wMDgK\xff"
    assert b"".join(writer.message(b"")) == b"\x00\xff"


def test_base64_holds_no_byte_that_ends_a_frame() -> None:
    wire = b"".join(session().message(bytes(range(256))))
    assert wire.count(b"\xff") == 1


def test_verbatim_payload_is_not_copied() -> None:
    payload = memoryview(b"Hello")
    assert verbatim().message(payload)[1] is payload
    assert verbatim().piece(payload, Opcode.TEXT, final=True)[1] is payload


def test_pieces_are_stretches_of_one_frame() -> None:
    writer = verbatim()
    wire = [
        b"".join(writer.piece(b"Hel", Opcode.TEXT, final=False)),
        b"".join(writer.piece(b"", Opcode.TEXT, final=False)),
        b"".join(writer.piece(b"lo", Opcode.TEXT, final=True)),
        b"".join(writer.piece(b"next", Opcode.BINARY, final=True)),
    ]
    assert wire == [b"\x00Hel", b"", b"lo\xff", b"\x00next\xff"]


def test_pieces_of_base64_are_one_base64() -> None:
    writer = session()
    segments = [*writer.piece(b"RFBR", Opcode.TEXT, final=False)]
    segments += writer.piece(b"F", Opcode.TEXT, final=True)
    assert b"".join(segments) == b"\x00UkZCUkY=\xff"


def test_a_whole_message_does_not_fit_into_another() -> None:
    writer = verbatim()
    writer.piece(b"a", Opcode.TEXT, final=False)
    with pytest.raises(ValueError, match="has not ended"):
        writer.message(b"b")


def test_there_are_no_pings() -> None:
    assert session().ping(b"p") == b""
    assert session().pong(b"p") == b""


@pytest.mark.parametrize("code", [None, 1000, 1001, 1011])
def test_only_draft_76_has_a_close_and_it_has_no_code(code: int | None) -> None:
    assert session(dialect=Dialect.HIXIE_76).close(code, "why") == b"\xff\x00"
    assert session(dialect=Dialect.HIXIE_75).close(code, "why") == b""


def test_a_close_ends_the_open_frame_first() -> None:
    writer = verbatim()
    begun = b"".join(writer.piece(b"Hel", Opcode.TEXT, final=False))
    wire = begun + writer.close(1011)
    assert wire == b"\x00Hel\xff\xff\x00"
    assert told(verbatim().receive(wire)) == [text(b"Hel"), close()]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_binary_has_no_frame_to_go_in(dialect: Dialect) -> None:
    with pytest.raises(ValueError, match="text only"):
        HixieSession(dialect, PayloadKind.BINARY)
