"""Each dialect with each kind of payload, compressed or not: what goes in comes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cases.frames import Told, cuttings, feed, told
from wsproxy_gevent.model import Dialect
from wsproxy_gevent.wire.deflate import Deflate, Side
from wsproxy_gevent.wire.dialects import open_session
from wsproxy_gevent.wire.hybi import HybiSession, Role
from wsproxy_gevent.wire.payload import PayloadKind
from wsproxy_gevent.wire.session import Opcode, Session


@dataclass(frozen=True)
class Way:
    """What a connection may have agreed on."""

    dialect: Dialect
    kind: PayloadKind
    deflate: Deflate | None = None

    def __str__(self) -> str:
        squeezed = {None: "", Deflate(): "-deflate"}.get(self.deflate, "-deflate-anew")
        return f"{self.dialect.value}-{self.kind.value}{squeezed}"

    @property
    def is_text(self) -> bool:
        """Whether only text goes through, and that without a byte FF."""
        verbatim = self.dialect.is_hixie and self.kind is PayloadKind.VERBATIM
        return verbatim or self.kind is PayloadKind.TEXT

    @property
    def opcode(self) -> str:
        return "TEXT" if self.dialect.is_hixie else self.kind.opcode.name

    def server(self, *, check_text: bool = False) -> Session:
        return open_session(self.dialect, self.kind, check_text=check_text, deflate=self.deflate)

    def client(self) -> Session:
        """The client's side, which in Hixie is the same as the server's."""
        if self.dialect.is_hixie:
            return self.server()
        return HybiSession(self.dialect, self.kind, role=Role.CLIENT, deflate=self.deflate)


ANEW = Side(takeover=False, window_bits=9)

PLAIN = [
    Way(dialect, kind)
    for dialect in Dialect
    for kind in PayloadKind
    if not (dialect.is_hixie and kind is PayloadKind.BINARY)
]
SQUEEZED = [
    Way(way.dialect, way.kind, deflate)
    for way in PLAIN
    if not way.dialect.is_hixie
    for deflate in (Deflate(), Deflate(ANEW, ANEW))
]

each_plain_way = pytest.mark.parametrize("way", PLAIN, ids=str)
each_way = pytest.mark.parametrize("way", [*PLAIN, *SQUEEZED], ids=str)
both_directions = pytest.mark.parametrize(
    "ends",
    [lambda way: (way.client(), way.server()), lambda way: (way.server(), way.client())],
    ids=["up", "down"],
)
Ends = Callable[[Way], tuple[Session, Session]]

# The machine may be busy; how long an example takes is no part of these claims.
unhurried = settings(deadline=None, max_examples=25)
a_few = settings(deadline=None, max_examples=5)

CUTS = st.lists(st.integers(0, 600), max_size=6)


def payloads(way: Way, most: int = 150) -> st.SearchStrategy[bytes]:
    texts = st.text(max_size=most).map(str.encode)
    return texts if way.is_text else st.one_of(texts, st.binary(max_size=most))


def cut(wire: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cuts), len(wire)]
    return [wire[a:b] for a, b in pairwise(edges)]


@each_way
def test_the_table_has_each_dialect(way: Way) -> None:
    session = way.server()
    assert session.dialect is way.dialect
    assert session.receive(b"") == []
    assert not session.mid_frame


# -- Round trips -------------------------------------------------------------------------


@both_directions
@each_way
@unhurried
@given(data=st.data(), cuts=CUTS)
def test_messages_come_back_through_any_cuts(
    way: Way, ends: Ends, data: st.DataObject, cuts: list[int]
) -> None:
    messages = data.draw(st.lists(payloads(way), max_size=5))
    writer, reader = ends(way)
    wire = b"".join(segment for message in messages for segment in writer.message(message))
    expected: Told = [("data", way.opcode, message, True) for message in messages]
    assert told(feed(reader, cut(wire, cuts))) == expected
    assert not reader.mid_frame


@both_directions
@each_way
@a_few
@given(data=st.data())
def test_messages_come_back_through_every_cut(way: Way, ends: Ends, data: st.DataObject) -> None:
    messages = data.draw(st.lists(payloads(way, 9), max_size=2))
    writer, _ = ends(way)
    wire = b"".join(segment for message in messages for segment in writer.message(message))
    expected: Told = [("data", way.opcode, message, True) for message in messages]
    for pieces in cuttings(wire):
        assert told(feed(ends(way)[1], pieces)) == expected


@both_directions
@each_way
@unhurried
@given(data=st.data(), cuts=CUTS)
def test_pieces_come_back_as_one_message(
    way: Way, ends: Ends, data: st.DataObject, cuts: list[int]
) -> None:
    pieces = data.draw(st.lists(payloads(way), min_size=1, max_size=5))
    (writer, reader), last = ends(way), len(pieces) - 1
    wire = b"".join(
        segment
        for at, piece in enumerate(pieces)
        for segment in writer.piece(piece, Opcode.TEXT, final=at == last)
    )
    heard = told(feed(reader, cut(wire, cuts)))
    assert heard == [("data", "TEXT", b"".join(pieces), True)]


@each_way
def test_an_echo_answers_with_the_message_it_got(way: Way) -> None:
    echo, peer = way.server(), way.client()
    wire = b"".join(peer.message(b"Hello" * 100))
    answer = b""
    for event in feed(echo, cut(wire, [3, 50, 51, 300])):
        answer += b"".join(echo.piece(event.payload, event.opcode, final=event.final))  # type: ignore[union-attr]
    assert told(feed(peer, [answer])) == [("data", way.opcode, b"Hello" * 100, True)]


@both_directions
@each_way
def test_a_close_is_understood_where_there_is_one(way: Way, ends: Ends) -> None:
    writer, reader = ends(way)
    expected: dict[Dialect, Told] = {
        Dialect.HIXIE_75: [],
        Dialect.HIXIE_76: [("close", None, "")],
    }
    heard = told(reader.receive(writer.close(1000, "bye")))
    assert heard == expected.get(way.dialect, [("close", 1000, "bye")])


# -- Any bytes ---------------------------------------------------------------------------


@each_way
@unhurried
@given(stream=st.binary(max_size=60), cuts=CUTS)
def test_any_bytes_mean_the_same_cut_or_whole(way: Way, stream: bytes, cuts: list[int]) -> None:
    for check_text in (False, True):
        whole = way.server(check_text=check_text)
        pieces = way.server(check_text=check_text)
        assert told(feed(whole, [stream])) == told(feed(pieces, cut(stream, cuts)))
        assert whole.mid_frame == pieces.mid_frame


@each_plain_way
def test_text_is_checked_unasked_only_where_it_is_promised(way: Way) -> None:
    wire = b"\x00\xfe\xff" if way.dialect.is_hixie else b"\x81\x81\0\0\0\0\xfe"
    asked = told(way.server(check_text=True).receive(wire))
    assert asked[-1][0] == "failed"
    unasked = told(way.server().receive(wire))
    if way.kind in (PayloadKind.BASE64, PayloadKind.TEXT):
        assert unasked == asked
    else:
        assert unasked == [("data", "TEXT", b"\xfe", True)]


# -- What a dialect has not ----------------------------------------------------------------


@pytest.mark.parametrize("dialect", [Dialect.HIXIE_75, Dialect.HIXIE_76])
def test_a_dialect_of_text_takes_no_binary(dialect: Dialect) -> None:
    with pytest.raises(ValueError, match="text only"):
        open_session(dialect, PayloadKind.BINARY)


@pytest.mark.parametrize("dialect", [Dialect.HIXIE_75, Dialect.HIXIE_76])
def test_a_dialect_without_extensions_is_never_compressed(dialect: Dialect) -> None:
    with pytest.raises(ValueError, match="no extensions"):
        open_session(dialect, PayloadKind.BASE64, deflate=Deflate())
