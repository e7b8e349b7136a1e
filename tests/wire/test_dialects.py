"""Each dialect with each kind of payload: what goes in comes out."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cases.frames import Told, feed, told
from wsproxy_gevent.model import Dialect
from wsproxy_gevent.wire.dialects import open_session
from wsproxy_gevent.wire.hybi import HybiSession, Role
from wsproxy_gevent.wire.payload import PayloadKind
from wsproxy_gevent.wire.session import Opcode, Session

PAIRS = [
    (dialect, kind)
    for dialect in Dialect
    for kind in PayloadKind
    if not (dialect.is_hixie and kind is PayloadKind.BINARY)
]

each_pair = pytest.mark.parametrize(
    ("dialect", "kind"), PAIRS, ids=[f"{d.value}-{k.value}" for d, k in PAIRS]
)

# The machine may be busy; how long an example takes is no part of these claims.
unhurried = settings(deadline=None, max_examples=60)

# VERBATIM in Hixie is text; let all of it be, so that one strategy serves.
PAYLOADS = st.text(max_size=150).map(str.encode)
CUTS = st.lists(st.integers(0, 600), max_size=6)


def sender(dialect: Dialect, kind: PayloadKind) -> Session:
    """The client's side, which in Hixie is the same as the server's."""
    if dialect.is_hixie:
        return open_session(dialect, kind)
    return HybiSession(dialect, kind, role=Role.CLIENT)


def cut(wire: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cuts), len(wire)]
    return [wire[a:b] for a, b in pairwise(edges)]


def opcode(dialect: Dialect, kind: PayloadKind) -> str:
    return "TEXT" if dialect.is_hixie else kind.opcode.name


@each_pair
def test_the_table_has_each_dialect(dialect: Dialect, kind: PayloadKind) -> None:
    session = open_session(dialect, kind)
    assert session.dialect is dialect
    assert session.receive(b"") == []
    assert not session.mid_frame


@each_pair
@unhurried
@given(messages=st.lists(PAYLOADS, max_size=5), cuts=CUTS)
def test_messages_come_back_through_any_cuts(
    dialect: Dialect, kind: PayloadKind, messages: list[bytes], cuts: list[int]
) -> None:
    writer = sender(dialect, kind)
    wire = b"".join(segment for message in messages for segment in writer.message(message))
    reader = open_session(dialect, kind)
    expected: Told = [("data", opcode(dialect, kind), message, True) for message in messages]
    assert told(feed(reader, cut(wire, cuts))) == expected
    assert not reader.mid_frame


@each_pair
@unhurried
@given(pieces=st.lists(PAYLOADS, min_size=1, max_size=5), cuts=CUTS)
def test_pieces_come_back_as_one_message(
    dialect: Dialect, kind: PayloadKind, pieces: list[bytes], cuts: list[int]
) -> None:
    writer, last = sender(dialect, kind), len(pieces) - 1
    wire = b"".join(
        segment
        for at, piece in enumerate(pieces)
        for segment in writer.piece(piece, Opcode.TEXT, final=at == last)
    )
    heard = told(feed(open_session(dialect, kind), cut(wire, cuts)))
    assert heard == [("data", "TEXT", b"".join(pieces), True)]


@each_pair
@unhurried
@given(stream=st.binary(max_size=60), cuts=CUTS)
def test_any_bytes_mean_the_same_cut_or_whole(
    dialect: Dialect, kind: PayloadKind, stream: bytes, cuts: list[int]
) -> None:
    for check_text in (False, True):
        whole = open_session(dialect, kind, check_text=check_text)
        pieces = open_session(dialect, kind, check_text=check_text)
        assert told(whole.receive(stream)) == told(feed(pieces, cut(stream, cuts)))
        assert whole.mid_frame == pieces.mid_frame


@each_pair
def test_an_echo_answers_with_the_message_it_got(dialect: Dialect, kind: PayloadKind) -> None:
    echo, peer = open_session(dialect, kind), sender(dialect, kind)
    wire = b"".join(peer.message(b"Hello" * 100))
    answer = b""
    for event in feed(echo, cut(wire, [3, 50, 51, 300])):
        answer += b"".join(echo.piece(event.payload, event.opcode, final=event.final))  # type: ignore[union-attr]
    assert told(peer.receive(answer)) == [("data", opcode(dialect, kind), b"Hello" * 100, True)]


@each_pair
def test_a_close_is_understood_where_there_is_one(dialect: Dialect, kind: PayloadKind) -> None:
    wire = sender(dialect, kind).close(1000, "bye")
    heard = told(open_session(dialect, kind).receive(wire))
    expected: dict[Dialect, Told] = {
        Dialect.HIXIE_75: [],
        Dialect.HIXIE_76: [("close", None, "")],
    }
    assert heard == expected.get(dialect, [("close", 1000, "bye")])


@pytest.mark.parametrize("dialect", [Dialect.HIXIE_75, Dialect.HIXIE_76])
def test_a_dialect_of_text_takes_no_binary(dialect: Dialect) -> None:
    with pytest.raises(ValueError, match="text only"):
        open_session(dialect, PayloadKind.BINARY)


@each_pair
def test_text_is_checked_unasked_only_where_it_is_promised(
    dialect: Dialect, kind: PayloadKind
) -> None:
    wire = b"\x00\xfe\xff" if dialect.is_hixie else b"\x81\x81\0\0\0\0\xfe"
    asked = told(open_session(dialect, kind, check_text=True).receive(wire))
    assert asked[-1][0] == "failed"
    unasked = told(open_session(dialect, kind).receive(wire))
    if kind in (PayloadKind.BASE64, PayloadKind.TEXT):
        assert unasked == asked
    else:
        assert unasked == [("data", "TEXT", b"\xfe", True)]
