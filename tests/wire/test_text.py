"""The target's bytes as text frames: whole characters, or the reason why not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cases.frames import UTF8, check, checked, close, cuttings, held_bytes, text, told
from wsproxy_gevent.model import Dialect
from wsproxy_gevent.wire.dialects import open_session
from wsproxy_gevent.wire.payload import PayloadKind
from wsproxy_gevent.wire.session import Opcode, Session
from wsproxy_gevent.wire.text import TextEncoder

# The machine may be busy; how long an example takes is no part of these claims.
unhurried = settings(deadline=None, max_examples=60)

MANY = "aµ€𝄞b".encode()

# (what the target says, the whole characters in front of the fault)
NOT_TEXT = {
    "a lone continuation": (b"a\x80b", b"a"),
    "an overlong solidus": (b"a\xc0\xaf", b"a"),
    "a surrogate": (b"a\xed\xa0\x80", b"a"),
    "beyond the last character": (b"a\xf4\x90\x80\x80", b"a"),
    "the end of a Hixie frame": (b"a\xffb", b"a"),
    "a character broken off": ("µ".encode() + b"\xe2\x82A", "µ".encode()),
    "Latin-1": (b"gr\xfc\xdfe", b"gr"),
    "at once": (b"\xfe", b""),
}


def session(dialect: Dialect = Dialect.RFC_6455) -> Session:
    return open_session(dialect, PayloadKind.TEXT)


# -- The encoder --------------------------------------------------------------------------


def test_text_is_handed_on_in_whole_characters_however_it_is_cut() -> None:
    for pieces in cuttings(MANY * 3):
        encoder = TextEncoder()
        said = [bytes(encoder.whole(piece)) for piece in pieces]
        assert b"".join(said) == MANY * 3
        assert all(part.decode() is not None for part in said)
        assert encoder.complaint(ended=True) is None


def test_whole_text_is_not_copied() -> None:
    payload = MANY * 10
    assert TextEncoder().whole(payload) is payload


def test_at_most_three_bytes_wait() -> None:
    encoder = TextEncoder()
    for byte in MANY * 3:
        encoder.whole(bytes((byte,)))
        assert held_bytes(encoder) <= 3


@pytest.mark.parametrize(("said", "good"), NOT_TEXT.values(), ids=NOT_TEXT)
def test_nothing_that_is_no_text_is_handed_on(said: bytes, good: bytes) -> None:
    for pieces in cuttings(said):
        encoder = TextEncoder()
        assert b"".join(encoder.whole(piece) for piece in pieces) == good
        complaint = encoder.complaint(ended=False)
        assert complaint is not None
        assert (complaint.slug, complaint.close_code) == ("target-not-text", 1011)
        assert "--text" in complaint.reason
        assert len(complaint.reason.encode()) <= 123
        assert encoder.whole(b"and more") == b""
        assert held_bytes(encoder) == 0


def test_the_log_is_told_where_and_what() -> None:
    encoder = TextEncoder()
    encoder.whole(b"x" * 1000)
    encoder.whole(b"abc\xe2\x82")
    encoder.whole(b"\xfc\x00\x01\x02")
    complaint = encoder.complaint(ended=False)
    assert complaint is not None
    assert complaint.detail.startswith("at byte 1003 of the target's: e2 82 fc 00 (")


def test_an_end_inside_a_character_is_a_fault_of_the_end_only() -> None:
    encoder = TextEncoder()
    assert encoder.whole("µ€".encode()[:4]) == "µ".encode()
    assert encoder.complaint(ended=False) is None
    complaint = encoder.complaint(ended=True)
    assert complaint is not None
    assert complaint.detail == (
        "at byte 2 of the target's: e2 82 (the end comes inside a character)"
    )


@unhurried
@given(st.lists(st.binary(max_size=8), max_size=6))
def test_what_is_handed_on_is_what_python_takes_for_text(pieces: list[bytes]) -> None:
    encoder = TextEncoder()
    said = b"".join(encoder.whole(piece) for piece in pieces)
    whole = b"".join(pieces)
    assert whole.startswith(said)
    assert said.decode() is not None
    if encoder.complaint(ended=True) is None:
        assert said == whole
    else:
        with pytest.raises(UnicodeDecodeError):
            whole.decode()


# -- The sessions -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "frame"),
    [
        (Dialect.RFC_6455, b"\x81\x04" + "grü".encode()),
        (Dialect.HYBI_07, b"\x81\x04" + "grü".encode()),
        (Dialect.HIXIE_76, b"\x00" + "grü".encode() + b"\xff"),
        (Dialect.HIXIE_75, b"\x00" + "grü".encode() + b"\xff"),
    ],
    ids=str,
)
def test_a_message_is_a_text_frame_as_it_is(dialect: Dialect, frame: bytes) -> None:
    assert b"".join(session(dialect).message("grü".encode())) == frame


@pytest.mark.parametrize("dialect", [Dialect.RFC_6455, Dialect.HIXIE_76], ids=str)
def test_a_character_that_is_only_begun_makes_no_frame(dialect: Dialect) -> None:
    it = session(dialect)
    assert it.message(b"\xe2") == ()
    assert it.message(b"\x82") == ()
    assert b"\xe2\x82\xac" in b"".join(it.message(b"\xac"))


@pytest.mark.parametrize("dialect", [Dialect.RFC_6455, Dialect.HIXIE_76], ids=str)
def test_what_stands_in_front_of_a_fault_is_sent(dialect: Dialect) -> None:
    it = session(dialect)
    assert it.complaint() is None
    assert b"good" in b"".join(it.message(b"good\xffbad"))
    assert it.complaint() is not None
    assert it.message(b"more") == ()


def test_pieces_of_text_are_whole_characters_as_well() -> None:
    it = session()
    wire = [b"".join(it.piece(part, Opcode.TEXT, final=False)) for part in (b"a\xe2", b"\x82\xac")]
    assert wire == [b"\x01\x01a", b"\x00\x03\xe2\x82\xac"]


@pytest.mark.parametrize("kind", [PayloadKind.BINARY, PayloadKind.BASE64, PayloadKind.VERBATIM])
def test_other_kinds_have_nothing_to_complain_of(kind: PayloadKind) -> None:
    it = open_session(Dialect.RFC_6455, kind)
    it.message(b"\xff\xe2")
    assert it.complaint(ended=True) is None


@pytest.mark.parametrize(("payload", "good"), UTF8.values(), ids=UTF8)
def test_the_clients_text_is_checked_across_fragments(payload: bytes, good: bytes | None) -> None:
    half = len(payload) // 2
    for first, second in ((payload, b""), (payload[:half], payload[half:])):
        wire = bytes((0x01, 0x80 | len(first))) + b"\0\0\0\0" + first
        wire += bytes((0x80, 0x80 | len(second))) + b"\0\0\0\0" + second
        check(session, wire, checked(payload, good))


def test_the_clients_binary_messages_and_closes_are_what_they_were() -> None:
    wire = b"\x82\x81\0\0\0\0\xff\x01\x81\0\0\0\0\xc2\x88\x80\0\0\0\0"
    expected = [("data", "BINARY", b"\xff", True), text(b"\xc2", False), close()]
    check(session, wire, expected)


@pytest.mark.parametrize(("payload", "good"), UTF8.values(), ids=UTF8)
def test_hixie_text_is_checked(payload: bytes, good: bytes | None) -> None:
    heard = told(session(Dialect.HIXIE_76).receive(b"\x00" + payload + b"\xff"))
    assert heard == checked(payload, good)
