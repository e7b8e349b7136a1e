"""Payload in pieces: base64 as a stream, UTF-8, and what goes as it is."""

from __future__ import annotations

import base64
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cases.frames import BASE64, CUT_BASE64, NOT_BASE64, UTF8, cuttings, held_bytes
from wsproxy_gevent.errors import BadPayload
from wsproxy_gevent.wire.payload import (
    Base64Decoder,
    Base64Encoder,
    Decoder,
    PayloadKind,
    PlainEncoder,
    Utf8Checker,
    decoders,
    encoder,
)
from wsproxy_gevent.wire.session import Opcode

# The machine may be busy; how long an example takes is no part of these claims.
unhurried = settings(deadline=None, max_examples=60)


def decode_all(decoder: Decoder, pieces: list[bytes]) -> tuple[bytes, BadPayload | None]:
    """All of one message; stops at a fault, as a session does."""
    decoded = b""
    for number, piece in enumerate(pieces, 1):
        some, fault = decoder.decode(piece, final=number == len(pieces))
        decoded += bytes(some)
        if fault:
            return decoded, fault
    return decoded, None


# -- Base64 --------------------------------------------------------------------------


@pytest.mark.parametrize(("characters", "meant", "faulty"), BASE64.values(), ids=BASE64)
def test_base64_does_not_care_how_it_is_cut(characters: bytes, meant: bytes, faulty: bool) -> None:
    for pieces in cuttings(characters):
        decoder = Base64Decoder()
        decoded, fault = decode_all(decoder, pieces)
        assert decoded == meant, pieces
        assert (fault is not None) == faulty, pieces
        assert held_bytes(decoder) <= 3


def test_a_fault_in_base64_is_told_as_1007() -> None:
    _, fault = Base64Decoder().decode(b"UkZC*", final=True)
    assert fault is not None
    assert (fault.slug, fault.close_code, fault.reason) == ("bad-payload", 1007, NOT_BASE64)


@pytest.mark.parametrize("characters", [b"U", b"Uk", b"UkZ", b"Ug="])
def test_a_stream_that_ends_inside_a_quantum_has_lost_bytes(characters: bytes) -> None:
    decoder = Base64Decoder()
    decoder.decode(b"UkZC" + characters)
    fault = decoder.end()
    assert fault is not None
    assert fault.reason == CUT_BASE64


@pytest.mark.parametrize("characters", [b"", b"UkZC", b"Ug==", b"Ug==\r\n"])
def test_a_stream_that_ends_behind_a_quantum_is_whole(characters: bytes) -> None:
    decoder = Base64Decoder()
    decoder.decode(characters)
    assert decoder.end() is None


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_base64_comes_in_any_buffer(kind: type) -> None:
    decoder = Base64Decoder()
    assert decoder.decode(kind(b"UkZCUg")) == (b"RFB", None)
    assert decoder.decode(kind(b"==Ug==U\nkY=")) == (b"RRRF", None)


def test_no_base64_of_four_letters_is_lost_or_invented() -> None:
    for number in range(0, 1 << 24, 4099):
        whole = number.to_bytes(3, "big")
        assert Base64Decoder().decode(base64.b64encode(whole)) == (whole, None)


PIECES = st.lists(st.binary(max_size=40), max_size=8)


@unhurried
@given(PIECES, st.lists(st.integers(0, 400), max_size=6), st.sampled_from([b"", b"\n", b" \r"]))
def test_messages_come_back_through_any_cuts(
    messages: list[bytes], cuts: list[int], between: bytes
) -> None:
    stream = between.join(Base64Encoder().whole(message) for message in messages)
    edges = [0, *sorted(cuts), len(stream)]
    pieces = [stream[a:b] for a, b in pairwise(edges)]
    decoder = Base64Decoder()
    assert decode_all(decoder, pieces) == (b"".join(messages), None)
    assert decoder.end() is None


@unhurried
@given(st.text(alphabet="AQg+/= \n*", max_size=24), st.integers(0, 24))
def test_any_text_means_the_same_cut_or_whole(rubbish: str, cut: int) -> None:
    stream = rubbish.encode()
    whole, fault = decode_all(Base64Decoder(), [stream])
    halves, later_fault = decode_all(Base64Decoder(), [stream[:cut], stream[cut:]])
    assert (halves, later_fault is None) == (whole, fault is None)


@unhurried
@given(PIECES)
def test_the_pieces_of_a_message_are_base64_together(pieces: list[bytes]) -> None:
    codec = Base64Encoder()
    last = len(pieces) - 1
    coded = b"".join(codec.piece(piece, final=at == last) for at, piece in enumerate(pieces))
    assert base64.b64decode(coded, validate=True) == b"".join(pieces)
    assert held_bytes(codec) == 0


# -- UTF-8 ----------------------------------------------------------------------------


@pytest.mark.parametrize(("payload", "good"), UTF8.values(), ids=UTF8)
def test_text_goes_on_up_to_the_first_wrong_byte(payload: bytes, good: bytes | None) -> None:
    for pieces in cuttings(payload):
        passed, fault = decode_all(Utf8Checker(), pieces or [b""])
        assert passed == (payload if good is None else good), pieces
        assert (fault is None) == (good is None), pieces


def test_a_message_of_text_begins_with_a_character() -> None:
    checker = Utf8Checker()
    assert checker.decode(b"\xe2\x82\xac", final=True) == (b"\xe2\x82\xac", None)
    assert checker.decode(b"\xac", final=True)[1] is not None


def test_valid_text_is_not_copied() -> None:
    piece = memoryview("µ€𝄞".encode())
    assert Utf8Checker().decode(piece, final=True)[0] is piece


@unhurried
@given(st.binary(max_size=16), st.integers(0, 16))
def test_utf8_is_what_python_says_it_is(payload: bytes, cut: int) -> None:
    _, fault = decode_all(Utf8Checker(), [payload[:cut], payload[cut:]])
    try:
        payload.decode()
    except UnicodeDecodeError:
        assert fault is not None
    else:
        assert fault is None


# -- The choice -----------------------------------------------------------------------


def test_base64_is_one_stream_for_both_opcodes() -> None:
    for check_text in (False, True):
        chosen = decoders(PayloadKind.BASE64, check_text=check_text)
        assert isinstance(chosen[Opcode.TEXT], Base64Decoder)
        assert chosen[Opcode.TEXT] is chosen[Opcode.BINARY]


@pytest.mark.parametrize("kind", [PayloadKind.BINARY, PayloadKind.VERBATIM])
def test_other_kinds_decode_nothing_and_check_text_if_asked(kind: PayloadKind) -> None:
    assert decoders(kind) == {}
    assert [*decoders(kind, check_text=True)] == [Opcode.TEXT]


@pytest.mark.parametrize(
    ("kind", "opcode", "codec"),
    [
        (PayloadKind.BINARY, Opcode.BINARY, PlainEncoder),
        (PayloadKind.BASE64, Opcode.TEXT, Base64Encoder),
        (PayloadKind.VERBATIM, Opcode.BINARY, PlainEncoder),
    ],
)
def test_each_kind_has_its_opcode_and_encoder(
    kind: PayloadKind, opcode: Opcode, codec: type
) -> None:
    assert kind.opcode is opcode
    assert type(encoder(kind)) is codec


def test_plain_payload_is_not_copied() -> None:
    payload = memoryview(b"RFB")
    assert PlainEncoder().whole(payload) is payload
    assert PlainEncoder().piece(payload, final=False) is payload
