"""Compressed sessions: what a read unfolds to is delivered before the next is read."""

from __future__ import annotations

import zlib

import pytest

from tests.cases.deflate import HELLO, frame, masked, zeros
from tests.fakes import FakeStream
from tests.relay.frames import close, closed, from_client, ping
from tests.relay.scene import EchoScene, Scene, read_exactly, read_to_end
from wsproxy_gevent.errors import MessageTooBig
from wsproxy_gevent.model import Dialect
from wsproxy_gevent.relay.ends import ClientEnd
from wsproxy_gevent.wire.deflate import CHUNK, FREE, Deflate
from wsproxy_gevent.wire.dialects import open_session
from wsproxy_gevent.wire.inflating import ROOM
from wsproxy_gevent.wire.payload import PayloadKind

MEGABYTE = 1 << 20
UNFOLDS = b"a message unfolds to over 1000 times its size"


def client_end(*reads: bytes) -> tuple[ClientEnd, FakeStream]:
    stream = FakeStream(*reads)
    session = open_session(Dialect.RFC_6455, PayloadKind.BINARY, deflate=Deflate())
    return ClientEnd(stream, session), stream


def test_one_read_of_the_stream_is_delivered_in_portions() -> None:
    end, _ = client_end(masked(0xC2, zeros(1)) + ping(b"?") + close(1000), from_client(b"never"))
    sizes = []
    while payload := end.read_some():
        assert end.reads == 1
        sizes.append(len(payload))
    assert sum(sizes) == MEGABYTE
    assert max(sizes) <= ROOM + CHUNK
    assert end.closed_by_peer is not None


def test_the_next_read_comes_when_all_of_the_last_has_been_taken() -> None:
    end, stream = client_end(masked(0xC2, zeros(1)))
    size = 0
    while size < MEGABYTE:
        size += len(end.read_some())
    stream.feed(from_client(b"next"))
    assert end.read_some() == b"next"
    assert end.reads == 2


def test_a_bomb_is_answered_with_1009() -> None:
    end, stream = client_end(frame(0xC2, zeros(16)))
    size = 0
    while not end.over:
        size += len(end.read_some())
    with pytest.raises(MessageTooBig):
        end.read_some()
    end.settle()
    assert stream.written == closed(1009, UNFOLDS)
    assert FREE < size < FREE + 5 * MEGABYTE


def test_payload_travels_both_ways() -> None:
    with Scene(deflate=Deflate()) as scene:
        scene.browser.sendall(masked(0xC2, HELLO))
        assert read_exactly(scene.service, 5) == b"Hello"
        scene.service.sendall(b"Hello")
        assert read_exactly(scene.browser, 9) == b"\xc2\x07" + HELLO


def test_a_bomb_ends_the_session_and_is_named_in_its_summary() -> None:
    with Scene(deflate=Deflate()) as scene:
        scene.browser.sendall(frame(0xC2, zeros(16)))
        assert FREE < len(read_to_end(scene.service)) < FREE + 5 * MEGABYTE
        scene.service.close()
        scene.browser.close()
        summary = scene.summary()
    assert (summary.ended_by, summary.reason, summary.close_code) == (
        "client",
        "payload-too-large",
        1009,
    )


def test_the_echo_answers_a_compressed_message_with_one() -> None:
    with EchoScene(deflate=Deflate()) as scene:
        scene.browser.sendall(masked(0xC1, HELLO))
        assert read_exactly(scene.browser, 9) == b"\xc1\x07" + HELLO


def test_the_echo_of_a_large_message_is_one_message_in_portions() -> None:
    with EchoScene(deflate=Deflate()) as scene:
        scene.browser.sendall(masked(0xC2, zeros(1)) + close(1000))
        wire = b""
        while not wire.endswith(closed(1000)):
            wire += scene.browser.recv(65536)
    inflate, size, first = zlib.decompressobj(-15), 0, True
    while wire[0] != 0x88:
        assert bool(wire[0] & 0x40) == first
        at, length = (4, int.from_bytes(wire[2:4], "big")) if wire[1] == 126 else (2, wire[1])
        size += len(inflate.decompress(wire[at : at + length]))
        wire, first = wire[at + length :], False
    assert size == MEGABYTE
