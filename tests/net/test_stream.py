"""Plain streams, over every kind of socket that a session may have."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Sequence
from typing import cast

import gevent
import pytest
from gevent import socket as gsocket
from gevent.event import Event

from wsproxy_gevent.model import Buffer
from wsproxy_gevent.net.stream import PlainStream as StreamInPython
from wsproxy_gevent.net.stream import StreamBroken, linger, tune
from wsproxy_gevent.net.streams import PlainStream

from .check_stream import PairFactory, check_stream, noise, read_to_end
from .sockets import LOOPBACK


def tcp_sockets(
    family: socket.AddressFamily = socket.AF_INET, buffer: int | None = None
) -> tuple[gsocket.socket, gsocket.socket]:
    with gsocket.socket(family, socket.SOCK_STREAM) as listener:
        # Before the connection is made, for the kernel agrees on windows then.
        limit(listener, buffer)
        try:
            listener.bind((LOOPBACK[family], 0))
        except OSError as exc:
            pytest.skip(f"no {family.name} here: {exc}")
        listener.listen()
        client = gsocket.socket(family, socket.SOCK_STREAM)
        limit(client, buffer)
        client.connect(listener.getsockname())
        server, _ = listener.accept()
    return client, server


def limit(sock: gsocket.socket, buffer: int | None) -> None:
    if buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)


def tcp_pair(buffer: int | None = None) -> tuple[PlainStream, PlainStream]:
    a, b = tcp_sockets(buffer=buffer)
    return PlainStream(a), PlainStream(b)


def tcp6_pair(buffer: int | None = None) -> tuple[PlainStream, PlainStream]:
    a, b = tcp_sockets(socket.AF_INET6, buffer)
    return PlainStream(a), PlainStream(b)


def unix_pair(buffer: int | None = None) -> tuple[PlainStream, PlainStream]:
    a, b = gsocket.socketpair()
    limit(a, buffer)
    limit(b, buffer)
    return PlainStream(a), PlainStream(b)


@pytest.mark.parametrize("make_pair", [tcp_pair, tcp6_pair, unix_pair])
def test_a_plain_stream_keeps_the_contract(
    make_pair: PairFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    check_stream(make_pair)
    assert capsys.readouterr().err == ""


def test_the_peeked_byte_is_one_and_stays() -> None:
    a, b = unix_pair()
    a.write_all(b"GET")
    assert b.peek_first() == b"G"
    assert b.peek_first() == b"G"
    assert b.read_some() == b"GET"
    a.abort()
    assert b.peek_first() == b""
    b.abort()
    with pytest.raises(StreamBroken):
        b.peek_first()


class ScriptedSocket:
    """Gives reads of the scripted lengths, and takes as much as scripted.

    A scripted None is a socket that would have to wait.
    """

    def __init__(self, reads: Sequence[int] = (), sends: Sequence[int | None] = ()) -> None:
        self._reads, self._sends = list(reads), list(sends)
        self.asked: list[int] = []
        self.taken = b""
        self.calls = 0

    def recv(self, size: int) -> bytes:
        self.asked.append(size)
        return bytes(min(size, self._reads.pop(0)))

    def sendmsg(self, segments: Sequence[bytes], ancillary: object = (), flags: int = 0) -> int:
        self.calls += 1
        allowed = self._sends.pop(0)
        if allowed is None:
            raise BlockingIOError(errno.EAGAIN, "would wait")
        accepted = b"".join(segments)[:allowed]
        self.taken += accepted
        return len(accepted)


def scripted(sock: ScriptedSocket) -> StreamInPython:
    return StreamInPython(cast(gsocket.socket, sock))


def test_reads_double_while_they_fill_and_shrink_at_a_short_one() -> None:
    kib = 1024
    full = 1 << 30
    sock = ScriptedSocket(reads=[full, full, full, full, full, 700, full, 1])
    plain = scripted(sock)
    for _ in range(8):
        plain.read_some()
    assert sock.asked == [n * kib for n in (64, 128, 256, 512, 512, 512, 64, 128)]


@pytest.mark.parametrize("cut", range(12))
def test_a_partial_send_goes_on_at_its_exact_offset(cut: int) -> None:
    sock = ScriptedSocket(sends=[cut, 0, 1, 100])
    assert scripted(sock).write_all(b"head", b"", bytearray(b"payload")) is (cut == 11)
    assert sock.taken == b"headpayload"


def test_segments_go_out_in_one_call() -> None:
    sock = ScriptedSocket(sends=[100])
    assert scripted(sock).write_all(b"head", b"payload") is True
    assert sock.calls == 1


def test_a_socket_that_is_full_at_first_has_not_taken_all_at_once() -> None:
    sock = ScriptedSocket(sends=[None, 100])
    assert scripted(sock).write_all(b"payload") is False
    assert sock.taken == b"payload"


def test_a_reset_is_told_with_its_errno() -> None:
    a, b = tcp_sockets()
    b.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    b.close()
    plain = PlainStream(a)
    with pytest.raises(StreamBroken) as broken:
        plain.read_some()
    assert broken.value.errno == errno.ECONNRESET
    assert isinstance(broken.value.__cause__, ConnectionResetError)
    plain.abort()


def test_the_descriptor_is_known_until_the_abort() -> None:
    a, b = gsocket.socketpair()
    plain = PlainStream(a)
    assert plain.fileno() == a.fileno() > 0
    plain.abort()
    assert plain.fileno() == -1
    b.close()


def test_tuned_tcp_has_no_delay_and_finds_the_dead() -> None:
    a, b = tcp_sockets()
    tune(a)
    tcp = {
        name: a.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
        for name in ("TCP_NODELAY", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
    }
    assert tcp == {"TCP_NODELAY": 1, "TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 6}
    assert a.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    # It would end a session whose peer lives and just does not read.
    assert a.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 0
    a.close()
    b.close()


def test_a_unix_socket_is_left_as_it_is() -> None:
    a, b = gsocket.socketpair()
    tune(a)
    assert a.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 0
    a.close()
    b.close()


def test_tuning_what_is_gone_breaks_the_stream() -> None:
    a, b = tcp_sockets()
    a.close()
    with pytest.raises(StreamBroken):
        tune(a)
    b.close()


# -- Lingering ---------------------------------------------------------------------


class Trickle:
    """A peer that sends what is scripted, and then is silent or breaks off."""

    tls_version = None
    read_count = write_count = 0
    reading = writing = False

    def __init__(self, *reads: bytes, forever: bool = False, breaks: bool = False) -> None:
        self._reads = list(reads)
        self._forever = forever
        self._breaks = breaks
        self.reads = 0
        self.aborted = False

    def hung_up(self) -> bool:
        return False

    def read_some(self) -> bytes:
        self.reads += 1
        if self._forever:
            return b"more"
        if self._reads:
            return self._reads.pop(0)
        if self._breaks:
            raise StreamBroken("gone")
        Event().wait()
        return b""

    def write_all(self, *segments: Buffer) -> bool:
        raise AssertionError("nothing is written any more")

    def finish(self) -> None:
        raise AssertionError("it was finished before")

    def abort(self) -> None:
        self.aborted = True


def test_lingering_reads_to_the_end_and_closes() -> None:
    peer = Trickle(b"late", b"", b"not reached")
    linger(peer, per_read=5, total=5)
    assert (peer.reads, peer.aborted) == (2, True)


def test_lingering_ends_with_a_peer_that_breaks_off() -> None:
    peer = Trickle(breaks=True)
    linger(peer, per_read=5, total=5)
    assert peer.aborted


def test_lingering_gives_each_read_its_time() -> None:
    peer = Trickle(b"late")
    linger(peer, per_read=0.001, total=30)
    assert (peer.reads, peer.aborted) == (2, True)


def test_lingering_bounds_a_peer_that_never_stops() -> None:
    peer = Trickle(forever=True)
    linger(peer, per_read=30, total=0.001)
    assert peer.aborted


def test_lingering_over_a_flood_lets_others_run() -> None:
    other = gevent.spawn(int)
    linger(Trickle(forever=True), per_read=30, total=0.001)
    assert other.ready()


def test_lingering_that_is_killed_closes() -> None:
    peer = Trickle()
    lingering = gevent.spawn(linger, peer, per_read=30, total=30)
    gevent.sleep(0)
    lingering.kill()
    assert peer.aborted


def test_lingering_lets_the_last_words_arrive() -> None:
    a, b = tcp_pair()
    b.write_all(noise(300_000, 9))
    a.write_all(b"refused, because")
    a.finish()
    lingering = gevent.spawn(linger, a, per_read=5, total=5)
    assert read_to_end(b) == b"refused, because"
    b.finish()
    lingering.get()
    assert a.fileno() == -1
    b.abort()
