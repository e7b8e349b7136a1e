"""RFC 6455 framing, from both ends, in literal bytes."""

from __future__ import annotations

import struct

import pytest

from tests.cases.frames import (
    BAD,
    BASE64,
    CUT_BASE64,
    EXAMPLES_OF_A_CLIENT,
    EXAMPLES_OF_A_SERVER,
    GOOD,
    ILLEGAL_CODES,
    KEY,
    LEGAL_CODES,
    NOT_BASE64,
    UTF8,
    Case,
    Told,
    binary,
    check,
    checked,
    close,
    failed,
    feed,
    held_bytes,
    ping,
    text,
    told,
)
from wsproxy_gevent.model import Dialect
from wsproxy_gevent.wire.hybi import HybiSession, Role
from wsproxy_gevent.wire.payload import PayloadKind
from wsproxy_gevent.wire.session import FRAMES_AT_ONCE, Close, Data, Opcode

DIALECTS = [Dialect.HYBI_07, Dialect.HYBI_08, Dialect.RFC_6455]
KINDS = [PayloadKind.BINARY, PayloadKind.VERBATIM]


def server(kind: PayloadKind = PayloadKind.BINARY, *, check_text: bool = False) -> HybiSession:
    return HybiSession(Dialect.RFC_6455, kind, check_text=check_text)


def client(kind: PayloadKind = PayloadKind.BINARY) -> HybiSession:
    return HybiSession(Dialect.RFC_6455, kind, role=Role.CLIENT, new_key=lambda: KEY)


def frame(first: int, payload: bytes) -> bytes:
    """A short frame under a key of zeros."""
    return bytes((first, 0x80 | len(payload))) + b"\0\0\0\0" + payload


# -- Reading --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wire", "expected"), EXAMPLES_OF_A_CLIENT.values(), ids=EXAMPLES_OF_A_CLIENT
)
def test_a_server_reads_the_masked_examples(wire: bytes, expected: Told) -> None:
    check(server, wire, expected)


@pytest.mark.parametrize(
    ("wire", "expected"), EXAMPLES_OF_A_SERVER.values(), ids=EXAMPLES_OF_A_SERVER
)
def test_a_client_reads_the_unmasked_examples(wire: bytes, expected: Told) -> None:
    check(client, wire, expected)


@pytest.mark.parametrize("case", GOOD.values(), ids=GOOD)
def test_what_the_rfc_allows_is_read(case: Case) -> None:
    check(server, *case)


@pytest.mark.parametrize("case", BAD.values(), ids=BAD)
def test_what_the_rfc_forbids_fails_at_the_byte_that_shows_it(case: Case) -> None:
    check(server, *case)


@pytest.mark.parametrize("case", BAD.values(), ids=BAD)
def test_a_fault_ends_the_session_with_the_code_of_its_rule(case: Case) -> None:
    wire, expected = case
    events = server().receive(wire)
    assert told(events)[-1][:2] == expected[-1][:2]
    assert server().close(expected[-1][1], expected[-1][2]).endswith(expected[-1][2].encode())


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.value)
@pytest.mark.parametrize("kind", KINDS)
def test_every_dialect_has_the_same_frames(dialect: Dialect, kind: PayloadKind) -> None:
    for wire, expected in (*GOOD.values(), *BAD.values()):
        session = HybiSession(dialect, kind)
        assert session.dialect is dialect
        assert told(session.receive(wire)) == expected


def test_a_client_refuses_masked_frames() -> None:
    reason = "a server must not mask its frames (RFC 6455, section 5.1)"
    check(client, b"\x81\x80\0\0\0\0", [failed(1002, reason)])


@pytest.mark.parametrize("code", LEGAL_CODES)
def test_a_close_code_that_may_be_sent_is_read_and_written(code: int) -> None:
    assert told(server().receive(frame(0x88, struct.pack("!H", code)))) == [close(code)]
    assert server().close(code) == b"\x88\x02" + struct.pack("!H", code)


@pytest.mark.parametrize("code", ILLEGAL_CODES)
def test_a_close_code_that_must_not_be_sent_is_neither(code: int) -> None:
    wire = frame(0x88, struct.pack("!H", code))
    check(server, wire, [failed(1002, f"close code {code} must not be sent")])
    with pytest.raises(ValueError, match="must not be sent"):
        server().close(code)


@pytest.mark.parametrize("size", [126, 65535, 65536, 70000])
def test_longer_lengths_are_read_wherever_their_header_is_cut(size: int) -> None:
    payload = bytes(range(256)) * (size // 256 + 1)
    wire = b"".join(client().message(payload[:size]))
    for cut in range(20):
        heard = told(feed(server(), [wire[:cut], wire[cut:]]))
        assert heard == [binary(payload[:size])]


def test_payload_is_handed_on_as_it_comes() -> None:
    session = server()
    assert session.receive(b"\x82\x85\x37\xfa\x21\x3d") == []
    assert session.mid_frame
    assert session.receive(b"\x7f\x9f") == [Data(b"He", Opcode.BINARY, final=False)]
    assert session.receive(b"\x4d\x51") == [Data(b"ll", Opcode.BINARY, final=False)]
    assert session.receive(b"\x58") == [Data(b"o", Opcode.BINARY, final=True)]
    assert not session.mid_frame


@pytest.mark.parametrize("kind", [PayloadKind.BINARY, PayloadKind.BASE64])
@pytest.mark.parametrize("check_text", [False, True])
def test_a_frame_of_2_to_the_62_costs_no_memory(kind: PayloadKind, check_text: bool) -> None:
    session = server(kind, check_text=check_text)
    for byte in b"\x81\xff\x40\0\0\0\0\0\0\0\0\0\0\0":
        assert session.receive(bytes((byte,))) == []
    block = b"A" * 65536
    for _ in range(16):
        (piece,) = session.receive(block)
        assert isinstance(piece, Data)
        assert not piece.final
        assert held_bytes(session) < 1024
    assert session.mid_frame


def test_a_message_of_endless_empty_fragments_is_silent_and_keeps_nothing() -> None:
    session = server()
    session.receive(b"\x02\x80\0\0\0\0")
    for _ in range(4):
        assert feed(session, [b"\x00\x80\0\0\0\0" * 1000]) == []
    assert held_bytes(session) < 1024
    assert told(session.receive(b"\x80\x81\0\0\0\0x")) == [binary(b"x")]


@pytest.mark.parametrize(
    "unit",
    [frame(0x82, b""), frame(0x82, b"x"), frame(0x81, b"y"), frame(0x89, b""), frame(0x8A, b"z")],
    ids=["empty", "binary", "text", "ping", "pong"],
)
def test_a_read_of_very_many_frames_is_handed_on_in_portions(unit: bytes) -> None:
    session, wire = server(check_text=True), bytearray(unit * 3000 + frame(0x88, b""))
    portions = [session.receive(wire)]
    wire[:] = bytes(len(wire))  # the buffer belongs to the reader
    while session.pending:
        portions.append(session.receive(b""))
    assert len(portions) > 2
    assert max(map(len, portions)) <= FRAMES_AT_ONCE + 1
    (of_one,) = feed(server(), [unit])
    assert [event for portion in portions for event in portion] == [of_one] * 3000 + [Close(None)]


def test_a_read_of_very_many_fragments_is_taken_in_portions_though_they_tell_nothing() -> None:
    session = server()
    assert session.receive(frame(0x02, b"") + frame(0x00, b"") * 3000 + frame(0x80, b"x")) == []
    assert session.pending
    assert told(feed(session, [b""])) == [binary(b"x")]


def test_who_reads_on_before_all_portions_are_taken_loses_nothing() -> None:
    session = server()
    events = session.receive(frame(0x82, b"a") * 3000)
    events += session.receive(frame(0x82, b"b"))
    events += feed(session, [b""])
    payloads = [bytes(event.payload) for event in events if isinstance(event, Data)]
    assert payloads == [b"a"] * 3000 + [b"b"]


def test_behind_a_fault_nothing_is_pending() -> None:
    session = server()
    events = session.receive(frame(0x83, b"") + frame(0x82, b"") * 3000)
    assert len(events) == 1
    assert not session.pending


def test_what_is_kept_of_a_cut_control_frame_is_small() -> None:
    session = server()
    session.receive(frame(0x89, b"p" * 125)[:-1])
    assert held_bytes(session) < 1024
    assert session.mid_frame
    assert told(session.receive(b"p")) == [ping(b"p" * 125)]


@pytest.mark.parametrize("cut", range(1, 11))
def test_a_read_that_ends_inside_a_frame_is_known(cut: int) -> None:
    session = server()
    session.receive(b"\x82\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"[:cut])
    assert session.mid_frame


def test_between_fragments_is_not_inside_a_frame() -> None:
    session = server()
    session.receive(b"\x02\x81\0\0\0\0a")
    assert not session.mid_frame


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_read_may_be_any_buffer(kind: type) -> None:
    for wire, expected in (*GOOD.values(), *BAD.values()):
        session = server()
        halves = [kind(wire[: len(wire) // 2]), kind(wire[len(wire) // 2 :])]
        assert told(feed(session, halves)) == expected


def test_the_payload_of_masked_frames_outlives_the_read_buffer() -> None:
    buffer = bytearray(frame(0x82, b"short") + frame(0x02, b"fragment"))
    events = server().receive(buffer)
    buffer[:] = bytes(len(buffer))
    assert told(events) == [binary(b"short"), binary(b"fragment", False)]


def test_the_payload_of_unmasked_frames_is_not_copied() -> None:
    wire = b"\x82\x05Hello"
    (event,) = client().receive(wire)
    assert isinstance(event, Data)
    assert isinstance(event.payload, memoryview)
    assert event.payload.obj is wire


# -- Text -----------------------------------------------------------------------------


@pytest.mark.parametrize(("payload", "good"), UTF8.values(), ids=UTF8)
def test_text_is_checked_if_asked(payload: bytes, good: bytes | None) -> None:
    check(lambda: server(check_text=True), frame(0x81, payload), checked(payload, good))
    assert told(server().receive(frame(0x81, payload))) == [text(payload)]


@pytest.mark.parametrize(("payload", "good"), UTF8.values(), ids=UTF8)
def test_text_is_checked_across_fragments(payload: bytes, good: bytes | None) -> None:
    for cut in range(len(payload) + 1):
        wire = frame(0x01, payload[:cut]) + frame(0x80, payload[cut:])
        assert told(server(check_text=True).receive(wire)) == checked(payload, good)


def test_bad_text_fails_before_its_frame_has_come() -> None:
    session = server(check_text=True)
    heard = told(session.receive(b"\x01\xff\x40\0\0\0\0\0\0\0\0\0\0\0Hi\xff"))
    assert heard == checked(b"Hi\xff", b"Hi")


def test_binary_messages_are_never_checked() -> None:
    wire = b"\x82\x82\0\0\0\0\xff\xfe\x02\x81\0\0\0\0\xff\x80\x81\0\0\0\0\xfe"
    assert told(server(check_text=True).receive(wire)) == [binary(b"\xff\xfe")] * 2


def test_a_ping_inside_a_character_is_no_harm() -> None:
    wire = b"\x01\x81\0\0\0\0\xc2\x89\x81\0\0\0\0\xff\x80\x81\0\0\0\0\xb5"
    expected = [text(b"\xc2", False), ping(b"\xff"), text(b"\xb5")]
    check(lambda: server(check_text=True), wire, expected)


def test_a_close_inside_a_character_is_a_close() -> None:
    wire = b"\x01\x81\0\0\0\0\xc2\x88\x80\0\0\0\0"
    check(lambda: server(check_text=True), wire, [text(b"\xc2", False), close()])


# -- Base64 ---------------------------------------------------------------------------


@pytest.mark.parametrize("first", [0x81, 0x82])
@pytest.mark.parametrize(("characters", "meant", "faulty"), BASE64.values(), ids=BASE64)
def test_base64_is_decoded_from_text_and_binary(
    first: int, characters: bytes, meant: bytes, faulty: bool
) -> None:
    opcode = Opcode(first & 0x0F).name
    expected: Told = [("data", opcode, meant, not faulty)] if meant or not faulty else []
    expected += [failed(1007, NOT_BASE64)] if faulty else []
    check(lambda: server(PayloadKind.BASE64), frame(first, characters), expected)


def test_base64_goes_on_from_frame_to_frame() -> None:
    wire = frame(0x81, b"Uk") + frame(0x89, b"Uk==") + frame(0x82, b"ZCUg=") + frame(0x81, b"=")
    expected = [text(b""), ping(b"Uk=="), binary(b"RFB"), text(b"R")]
    check(lambda: server(PayloadKind.BASE64), wire, expected)


def test_a_close_inside_a_quantum_is_a_fault() -> None:
    wire = frame(0x81, b"UkZCUk") + frame(0x88, b"\x03\xe8")
    expected = [text(b"RFB"), failed(1007, CUT_BASE64)]
    check(lambda: server(PayloadKind.BASE64), wire, expected)


def test_a_close_behind_a_quantum_is_a_close() -> None:
    wire = frame(0x81, b"UkZCUg==") + frame(0x88, b"\x03\xe8")
    check(lambda: server(PayloadKind.BASE64), wire, [text(b"RFBR"), close(1000)])


# -- Writing --------------------------------------------------------------------------

LENGTHS = {
    0: b"\x82\x00",
    1: b"\x82\x01",
    125: b"\x82\x7d",
    126: b"\x82\x7e\x00\x7e",
    65535: b"\x82\x7e\xff\xff",
    65536: b"\x82\x7f\0\0\0\0\0\x01\x00\x00",
}


@pytest.mark.parametrize(("size", "head"), LENGTHS.items())
@pytest.mark.parametrize("kind", KINDS)
def test_a_message_is_a_header_and_the_payload_itself(
    kind: PayloadKind, size: int, head: bytes
) -> None:
    payload = memoryview(bytes(size))
    segments = server(kind).message(payload)
    assert segments[0] == head
    assert segments[1] is payload


def test_base64_messages_are_text() -> None:
    assert b"".join(server(PayloadKind.BASE64).message(b"RFBR")) == b"\x81\x08UkZCUg=="


def test_a_client_masks_what_it_sends() -> None:
    assert b"".join(client().message(b"Hello")) == b"\x82\x85" + KEY + b"\x7f\x9f\x4d\x51\x58"
    assert client().ping(b"Hello") == b"\x89\x85" + KEY + b"\x7f\x9f\x4d\x51\x58"
    assert client().close(None) == b"\x88\x80" + KEY


def test_a_client_takes_a_new_key_for_each_frame() -> None:
    keys = iter([b"aaaa", b"bbbb"])
    session = HybiSession(
        Dialect.RFC_6455, PayloadKind.BINARY, role=Role.CLIENT, new_key=lambda: next(keys)
    )
    assert session.message(b"") == (b"\x82\x80aaaa", b"")
    assert session.message(b"") == (b"\x82\x80bbbb", b"")


def test_the_keys_of_a_client_differ_by_themselves() -> None:
    session = HybiSession(Dialect.RFC_6455, PayloadKind.BINARY, role=Role.CLIENT)
    assert len({session.ping() for _ in range(16)}) > 1


def test_pieces_are_fragments_of_one_message() -> None:
    session = server(PayloadKind.VERBATIM)
    wire = [
        b"".join(session.piece(b"Hel", Opcode.TEXT, final=False)),
        b"".join(session.piece(b"", Opcode.TEXT, final=False)),
        b"".join(session.piece(b"lo", Opcode.TEXT, final=True)),
        b"".join(session.piece(b"next", Opcode.BINARY, final=True)),
    ]
    assert wire == [b"\x01\x03Hel", b"\x00\x00", b"\x80\x02lo", b"\x82\x04next"]


def test_pieces_of_base64_are_one_base64() -> None:
    session = server(PayloadKind.BASE64)
    segments = [*session.piece(b"RFBR", Opcode.TEXT, final=False)]
    segments += session.piece(b"F", Opcode.TEXT, final=True)
    assert b"".join(segments) == b"\x01\x04UkZC\x80\x04UkY="


def test_a_whole_message_does_not_fit_into_another() -> None:
    session = server()
    session.piece(b"a", Opcode.TEXT, final=False)
    with pytest.raises(ValueError, match="has not ended"):
        session.message(b"b")
    session.piece(b"c", Opcode.TEXT, final=True)
    assert session.message(b"b") == (b"\x82\x01", b"b")


def test_controls_fit_between_pieces() -> None:
    session = server()
    session.piece(b"a", Opcode.TEXT, final=False)
    assert session.ping() == b"\x89\x00"
    assert session.pong(b"Hello") == b"\x8a\x05Hello"
    assert b"".join(session.piece(b"b", Opcode.TEXT, final=True)) == b"\x80\x01b"


def test_a_control_frame_has_125_bytes_at_most() -> None:
    assert server().pong(b"p" * 125) == b"\x8a\x7d" + b"p" * 125
    with pytest.raises(ValueError, match="125"):
        server().pong(b"p" * 126)


def test_a_close_without_a_code_is_empty() -> None:
    assert server().close(None) == b"\x88\x00"
    assert server().close(None, "not said") == b"\x88\x00"


def test_a_close_says_its_code_and_reason() -> None:
    assert server().close(1001, "bye €") == b"\x88\x09\x03\xe9bye \xe2\x82\xac"


REASONS = {
    "x" * 124: b"x" * 123,
    "x" * 121 + "€": b"x" * 121,
    "x" * 120 + "€uro": b"x" * 120 + b"\xe2\x82\xac",
    "𝄞" * 31: "𝄞".encode() * 30,
    "lone \udcff": b"lone ?",
}


@pytest.mark.parametrize(("reason", "sent"), REASONS.items())
def test_a_long_reason_is_cut_between_characters(reason: str, sent: bytes) -> None:
    wire = client().close(1000, reason)
    assert told(server().receive(wire)) == [close(1000, sent.decode())]
