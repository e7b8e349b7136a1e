"""Writing compressed messages, and reading them back: our own and those of `websockets`."""

from __future__ import annotations

import base64
import zlib
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets import protocol
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame
from websockets.frames import Opcode as TheirOpcode

from tests.cases.deflate import HELLO, HELLO_AGAIN, masked
from tests.cases.frames import Told, binary, feed, text, told
from wsproxy_gevent.model import Dialect
from wsproxy_gevent.wire.deflate import Deflate, Deflater, Inflater, Side
from wsproxy_gevent.wire.hybi import HybiSession, Role
from wsproxy_gevent.wire.payload import PayloadKind
from wsproxy_gevent.wire.session import Opcode

# The machine may be busy; how long an example takes is no part of these claims.
unhurried = settings(deadline=None, max_examples=60)

# Payload that repeats itself, and payload that does not.
PAYLOADS = st.one_of(
    st.binary(max_size=300),
    st.builds(bytes.__mul__, st.binary(max_size=20), st.integers(0, 400)),
    st.sampled_from([b"", b"Hello", b"Hello" * 1000, bytes(range(256)) * 20]),
)
SIDES = st.builds(Side, takeover=st.booleans(), window_bits=st.integers(9, 15))
AGREED = st.builds(Deflate, server=SIDES, client=SIDES)
CUTS = st.lists(st.integers(0, 2000), max_size=6)
BOTH = [
    Side(takeover=takeover, window_bits=bits) for takeover in (True, False) for bits in (9, 15)
]


def server(deflate: Deflate, kind: PayloadKind = PayloadKind.BINARY) -> HybiSession:
    return HybiSession(Dialect.RFC_6455, kind, deflate=deflate)


def client(deflate: Deflate, kind: PayloadKind = PayloadKind.BINARY) -> HybiSession:
    return HybiSession(Dialect.RFC_6455, kind, role=Role.CLIENT, deflate=deflate)


def cut(wire: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cuts), len(wire)]
    return [wire[a:b] for a, b in pairwise(edges)]


# -- What goes out, in literal bytes -----------------------------------------------------


def test_messages_share_a_window() -> None:
    session = server(Deflate())
    assert session.message(b"Hello") == (b"\xc2\x07", HELLO)
    assert session.message(b"Hello") == (b"\xc2\x05", HELLO_AGAIN)


def test_without_takeover_each_message_begins_anew() -> None:
    session = server(Deflate(server=Side(takeover=False)))
    for _ in range(2):
        assert session.message(b"Hello") == (b"\xc2\x07", HELLO)


@pytest.mark.parametrize("takeover", [True, False])
def test_an_empty_message_is_one_byte_wherever_it_stands(takeover: bool) -> None:
    session = server(Deflate(server=Side(takeover=takeover)))
    assert session.message(b"") == (b"\xc2\x01", b"\x00")
    session.message(b"Hello")
    for _ in range(2):
        assert session.message(b"") == (b"\xc2\x01", b"\x00")


def test_only_the_first_fragment_is_marked_and_only_the_last_is_cut() -> None:
    session = server(Deflate(), PayloadKind.VERBATIM)
    first = b"".join(session.piece(b"Hel", Opcode.TEXT, final=False))
    last = b"".join(session.piece(b"lo", Opcode.TEXT, final=True))
    assert first[0] == 0x41
    assert first.endswith(b"\x00\x00\xff\xff")
    assert last[0] == 0x80
    assert not last.endswith(b"\x00\x00\xff\xff")


def test_an_empty_last_fragment_completes_the_message() -> None:
    session, peer = server(Deflate(), PayloadKind.VERBATIM), client(Deflate())
    wire = b"".join(session.piece(b"Hello", Opcode.TEXT, final=False))
    wire += b"".join(session.piece(b"", Opcode.TEXT, final=False))
    wire += b"".join(session.piece(b"", Opcode.TEXT, final=True))
    wire += b"".join(session.message(b"next"))
    assert wire.count(b"\x80\x01\x00") == 1
    assert told(feed(peer, [wire])) == [text(b"Hello"), binary(b"next")]


def test_control_frames_are_never_compressed() -> None:
    session = server(Deflate())
    assert session.ping(b"Hello") == b"\x89\x05Hello"
    assert session.pong(b"Hello") == b"\x8a\x05Hello"
    assert session.close(1000, "bye") == b"\x88\x05\x03\xe8bye"


def test_base64_is_what_is_compressed() -> None:
    (head, squeezed) = server(Deflate(), PayloadKind.BASE64).message(b"RFBR" * 100)
    assert head[0] == 0xC1
    assert zlib.decompressobj(-15).decompress(squeezed) == base64.b64encode(b"RFBR" * 100)


def test_a_stream_is_made_no_sooner_than_it_is_needed() -> None:
    """An idle connection has no windows."""
    assert vars(Deflater(15, takeover=True))["_stream"] is None
    assert vars(Inflater(takeover=True))["_stream"] is None


# -- Round trips ---------------------------------------------------------------------------


@unhurried
@given(deflate=AGREED, messages=st.lists(PAYLOADS, max_size=5), cuts=CUTS, ours=st.booleans())
def test_messages_come_back_through_any_cuts(
    deflate: Deflate, messages: list[bytes], cuts: list[int], ours: bool
) -> None:
    sides = server(deflate), client(deflate)
    writer, reader = sides if ours else sides[::-1]
    wire = b"".join(segment for message in messages for segment in writer.message(message))
    expected: Told = [binary(message) for message in messages]
    assert told(feed(reader, cut(wire, cuts))) == expected
    assert not reader.mid_frame


@unhurried
@given(
    deflate=AGREED,
    messages=st.lists(st.lists(PAYLOADS, min_size=1, max_size=4), max_size=3),
    cuts=CUTS,
)
def test_fragments_come_back_with_controls_among_them(
    deflate: Deflate, messages: list[list[bytes]], cuts: list[int]
) -> None:
    writer, reader = server(deflate), client(deflate)
    wire = b""
    for pieces in messages:
        for at, piece in enumerate(pieces):
            last = at == len(pieces) - 1
            wire += b"".join(writer.piece(piece, Opcode.TEXT, final=last)) + writer.ping(b"p")
    heard = feed(reader, cut(wire, cuts))
    data = told(event for event in heard if told([event])[0][0] == "data")
    assert data == [text(b"".join(pieces)) for pieces in messages]
    assert len([event for event in heard if told([event])[0][0] == "ping"]) == sum(
        map(len, messages)
    )


@unhurried
@given(stream=st.binary(max_size=80), cuts=CUTS)
def test_any_bytes_mean_the_same_cut_or_whole(stream: bytes, cuts: list[int]) -> None:
    """As frames, and as the payload of one: rubbish, mostly."""
    payload = bytes((0xC2, 0x80 | len(stream))) + b"\0\0\0\0" + stream
    for wire in (stream, payload):
        for kind in (PayloadKind.BINARY, PayloadKind.TEXT, PayloadKind.BASE64):
            whole, pieces = server(Deflate(), kind), server(Deflate(), kind)
            assert told(feed(whole, [wire])) == told(feed(pieces, cut(wire, cuts)))
            assert whole.mid_frame == pieces.mid_frame


# -- `websockets` at the other end, as client and as server ---------------------------------


class Peer:
    """One end of a connection as `websockets` has it, deflate agreed on."""

    def __init__(self, role: Role, deflate: Deflate) -> None:
        local, remote = deflate.client, deflate.server
        if role is Role.SERVER:
            local, remote = remote, local
        self._role = role
        side = protocol.SERVER if role is Role.SERVER else protocol.CLIENT
        self._protocol = protocol.Protocol(side, state=protocol.OPEN, max_size=None)
        self._extension = PerMessageDeflate(
            remote_no_context_takeover=not remote.takeover,
            local_no_context_takeover=not local.takeover,
            remote_max_window_bits=remote.window_bits,
            local_max_window_bits=local.window_bits,
        )
        self._protocol.extensions = [self._extension]

    def write(self, pieces: list[bytes]) -> bytes:
        """One message in as many fragments."""
        last = len(pieces) - 1
        frames = [
            Frame(TheirOpcode.CONT if at else TheirOpcode.BINARY, piece, fin=at == last)
            for at, piece in enumerate(pieces)
        ]
        mask = self._role is Role.CLIENT
        return b"".join(one.serialize(mask=mask, extensions=[self._extension]) for one in frames)

    def read(self, wire: bytes) -> list[bytes]:
        """The messages in it."""
        self._protocol.receive_data(wire)
        assert self._protocol.parser_exc is None
        messages = [b""]
        for frame in self._protocol.events_received():
            assert isinstance(frame, Frame)
            messages[-1] += bytes(frame.data)
            if frame.fin:
                messages.append(b"")
        return messages[:-1]


def ours(role: Role, deflate: Deflate) -> HybiSession:
    """Our end against a peer of that role."""
    return client(deflate) if role is Role.SERVER else server(deflate)


ROLES = pytest.mark.parametrize("role", list(Role), ids=lambda role: f"their {role.value}")
MESSAGES = st.lists(st.lists(PAYLOADS, min_size=1, max_size=3), max_size=4)


@ROLES
@unhurried
@given(deflate=AGREED, messages=MESSAGES, cuts=CUTS)
def test_we_read_what_websockets_writes(
    role: Role, deflate: Deflate, messages: list[list[bytes]], cuts: list[int]
) -> None:
    peer = Peer(role, deflate)
    wire = b"".join(map(peer.write, messages))
    heard = told(feed(ours(role, deflate), cut(wire, cuts)))
    assert heard == [binary(b"".join(pieces)) for pieces in messages]


@ROLES
@unhurried
@given(deflate=AGREED, messages=MESSAGES)
def test_websockets_reads_what_we_write(
    role: Role, deflate: Deflate, messages: list[list[bytes]]
) -> None:
    session = ours(role, deflate)
    wire = b"".join(
        segment
        for pieces in messages
        for at, piece in enumerate(pieces)
        for segment in session.piece(piece, Opcode.BINARY, final=at == len(pieces) - 1)
    )
    assert Peer(role, deflate).read(wire) == [b"".join(pieces) for pieces in messages]


@ROLES
@pytest.mark.parametrize("side", BOTH, ids=str)
def test_long_sessions_stay_in_step_with_websockets(role: Role, side: Side) -> None:
    deflate = Deflate(server=side, client=side)
    session, peer = ours(role, deflate), Peer(role, deflate)
    for number in range(100):
        message = b"%d green bottles " % number * (number % 40)
        assert peer.read(b"".join(session.message(message))) == [message]
        assert told(feed(session, [peer.write([message])])) == [binary(message)]


def test_what_is_no_deflate_has_the_code_that_websockets_has_for_it() -> None:
    peer = protocol.Protocol(protocol.SERVER, state=protocol.OPEN)
    peer.extensions = [PerMessageDeflate(False, False, 15, 15)]
    peer.receive_data(masked(0xC2, b"\x06"))
    assert peer.close_sent is not None
    assert peer.close_sent.code == 1002
    ((_, code, _),) = told(feed(server(Deflate()), [masked(0xC2, b"\x06")]))
    assert code == 1002
