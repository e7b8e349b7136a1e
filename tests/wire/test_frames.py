"""HyBi frames one by one."""

from __future__ import annotations

import pytest

from tests.cases.frames import ILLEGAL_CODES, LEGAL_CODES
from wsproxy_gevent.errors import BadPayload, ProtocolError
from wsproxy_gevent.wire.frames import (
    DEFLATE_INSIDE,
    DEFLATE_OUTSIDE,
    INSIDE,
    MASKED,
    OUTSIDE,
    RSV1,
    Lead,
    close_body,
    header,
    long_length,
    read_close,
)
from wsproxy_gevent.wire.session import Close, Opcode

CONTROLS = {
    0x88: Lead(Opcode.CLOSE, fin=True, is_control=True),
    0x89: Lead(Opcode.PING, fin=True, is_control=True),
    0x8A: Lead(Opcode.PONG, fin=True, is_control=True),
}
STARTS = {
    0x01: Lead(Opcode.TEXT, fin=False, opens_message=True),
    0x02: Lead(Opcode.BINARY, fin=False, opens_message=True),
    0x81: Lead(Opcode.TEXT, fin=True, opens_message=True),
    0x82: Lead(Opcode.BINARY, fin=True, opens_message=True),
}
CONTINUATIONS = {
    0x00: Lead(Opcode.CONTINUATION, fin=False),
    0x80: Lead(Opcode.CONTINUATION, fin=True),
}


def test_of_256_first_bytes_seven_are_good_between_messages() -> None:
    good = {first: lead for first, lead in enumerate(OUTSIDE) if isinstance(lead, Lead)}
    assert good == STARTS | CONTROLS


def test_of_256_first_bytes_five_are_good_inside_a_message() -> None:
    good = {first: lead for first, lead in enumerate(INSIDE) if isinstance(lead, Lead)}
    assert good == CONTINUATIONS | CONTROLS


def test_deflate_adds_four_first_bytes_between_messages_and_none_inside_of_one() -> None:
    good = {first: lead for first, lead in enumerate(DEFLATE_OUTSIDE) if isinstance(lead, Lead)}
    marked = {first | RSV1: lead._replace(compressed=True) for first, lead in STARTS.items()}
    assert good == STARTS | CONTROLS | marked
    good = {first: lead for first, lead in enumerate(DEFLATE_INSIDE) if isinstance(lead, Lead)}
    assert good == CONTINUATIONS | CONTROLS


def test_each_table_has_a_word_for_each_first_byte() -> None:
    for table in (OUTSIDE, INSIDE, DEFLATE_OUTSIDE, DEFLATE_INSIDE):
        assert len(table) == 256
        assert all(isinstance(lead, Lead) or lead.isprintable() for lead in table)


HEADERS = {
    0: b"\x82\x00",
    125: b"\x82\x7d",
    126: b"\x82\x7e\x00\x7e",
    65535: b"\x82\x7e\xff\xff",
    65536: b"\x82\x7f\0\0\0\0\0\x01\x00\x00",
    2**63 - 1: b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff",
}


@pytest.mark.parametrize(("length", "wire"), HEADERS.items())
def test_a_length_is_written_in_its_shortest_form(length: int, wire: bytes) -> None:
    assert header(0x82, length, 0) == wire
    masked = header(0x82, length, MASKED)
    assert masked == wire[:1] + bytes((wire[1] | 0x80,)) + wire[2:]


@pytest.mark.parametrize(("length", "wire"), [*HEADERS.items()][2:])
def test_a_long_length_is_read_when_it_is_all_there(length: int, wire: bytes) -> None:
    for short_of in range(2, len(wire)):
        assert long_length(b"??" + wire[:short_of], 2, wire[1]) is None
    assert long_length(b"??" + wire + b"??", 2, wire[1]) == (length, len(wire))


@pytest.mark.parametrize(
    "wire", [b"\x82\x7e\x00\x7d", b"\x82\x7f\0\0\0\0\0\0\xff\xff", b"\x82\x7f\x80"]
)
def test_a_length_that_is_not_allowed_is_no_length(wire: bytes) -> None:
    with pytest.raises(ProtocolError):
        long_length(wire, 0, wire[1])


@pytest.mark.parametrize("code", LEGAL_CODES)
def test_what_a_close_says_is_what_is_read(code: int) -> None:
    for reason in ("", "bye €", "x" * 123):
        assert read_close(close_body(code, reason)) == Close(code, reason)


@pytest.mark.parametrize("code", ILLEGAL_CODES)
def test_some_codes_are_neither_written_nor_read(code: int) -> None:
    with pytest.raises(ValueError, match="must not be sent"):
        close_body(code, "")
    with pytest.raises(ProtocolError, match="must not be sent"):
        read_close(code.to_bytes(2, "big"))


def test_a_close_may_be_empty_but_not_half() -> None:
    assert close_body(None, "") == b""
    assert read_close(b"") == Close(None)
    with pytest.raises(ProtocolError, match="half a code"):
        read_close(b"\x03")


def test_a_reason_that_is_not_utf8_is_bad_payload() -> None:
    with pytest.raises(BadPayload):
        read_close(b"\x03\xe8\xff")
