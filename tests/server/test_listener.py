"""The listening socket: a shared pool, and patience when descriptors run out."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import pytest
from gevent import socket as gsocket
from gevent.event import Event
from gevent.pool import Pool

from wsproxy_gevent.model import Peer
from wsproxy_gevent.net import streams
from wsproxy_gevent.net.stream import INHERITED
from wsproxy_gevent.server import listener
from wsproxy_gevent.server.listener import ProxyServer, hand_over, peer_of

SECONDS = 5.0


class Served(ProxyServer):
    """Holds each connection until `release`, as `handle` would for a session."""

    def __init__(self, sock: socket.socket, pool: Pool) -> None:
        self.release = Event()
        self.held: list[gsocket.socket] = []
        super().__init__(sock, self._no_context, pool)

    def _no_context(self) -> Any:
        raise AssertionError("nothing is served here")

    def handle(self, sock: gsocket.socket, address: Any) -> None:
        self.held.append(sock)
        sock.sendall(b"!")
        self.release.wait()
        sock.close()


@contextmanager
def served(size: int = 10) -> Iterator[tuple[Served, tuple[str, int]]]:
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    address = sock.getsockname()
    server = Served(sock, Pool(size))
    server.start()
    try:
        yield server, address
    finally:
        server.release.set()
        server.stop(timeout=SECONDS)


def connect(address: tuple[str, int]) -> gsocket.socket:
    return gsocket.create_connection(address, timeout=SECONDS)


def test_connections_are_served() -> None:
    with served() as (_, address), connect(address) as client:
        assert client.recv(1) == b"!"


def test_accepted_connections_have_the_tcp_options_without_being_asked() -> None:
    with served() as (server, address), connect(address) as client:
        assert client.recv(1) == b"!"
        (accepted,) = server.held
        keeps = accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        no_delay = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        idle = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
        assert (keeps, no_delay, idle) == (1, 1, 60) if INHERITED else (0, 0, idle)


def test_when_the_pool_is_full_who_comes_waits_and_is_not_dropped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with served(size=1) as (server, address), connect(address) as first:
        assert first.recv(1) == b"!"
        with connect(address) as second:
            second.settimeout(0.05)
            with pytest.raises(TimeoutError):
                second.recv(1)
            server.release.set()
            second.settimeout(SECONDS)
            assert second.recv(1) == b"!"
    assert "--max-connections" in caplog.text


@pytest.mark.parametrize("number", sorted(listener.OUT_OF_SOMETHING))
def test_out_of_descriptors_pauses_and_recovers(
    number: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listener, "BACK_OFF_SECONDS", 0.01)
    faults = [OSError(number, "out of it")] * 3
    real = streams.accept

    def accept(listening: Any) -> Any:
        if faults:
            raise faults.pop()
        return real(listening)

    monkeypatch.setattr(listener, "accept", accept)
    with caplog.at_level(logging.WARNING), served() as (_, address), connect(address) as client:
        assert client.recv(1) == b"!"
    assert faults == []
    assert len(caplog.records) == 1  # one line a second, however often it happens


def test_a_client_that_left_before_it_was_accepted_costs_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    faults = [OSError(errno.ECONNABORTED, "left")]
    real = streams.accept

    def accept(listening: Any) -> Any:
        if faults:
            raise faults.pop()
        return real(listening)

    monkeypatch.setattr(listener, "accept", accept)
    with caplog.at_level(logging.INFO), served() as (_, address), connect(address) as client:
        assert client.recv(1) == b"!"
    assert caplog.records == []


@pytest.mark.parametrize(
    ("address", "peer"),
    [
        (("127.0.0.1", 5), Peer("127.0.0.1", 5)),
        (("::1", 5, 0, 0), Peer("::1", 5)),
        (("::ffff:192.0.2.1", 5, 0, 0), Peer("192.0.2.1", 5)),
        ("", Peer("")),
    ],
)
def test_the_peer_is_who_the_kernel_says(address: Any, peer: Peer) -> None:
    assert peer_of(address) == peer


def test_a_queue_is_seen() -> None:
    with served(0) as (server, address):
        assert not server.has_queue
        with connect(address):
            assert server.has_queue


def test_the_port_is_left_only_when_the_queue_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "SETTLE_SECONDS", 0.0)
    with served(1) as (server, address), connect(address) as first, connect(address) as second:
        assert first.recv(1) == b"!"
        leaving = gevent.spawn(hand_over, [server])
        gevent.sleep(0)
        assert not leaving.ready()
        server.release.set()
        assert second.recv(1) == b"!"
        leaving.join(SECONDS)
        assert leaving.ready()


def test_a_queue_that_does_not_empty_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(listener, "QUEUE_SECONDS", 0.002)
    with served(0) as (server, address), connect(address):
        hand_over([server])
        assert server.has_queue
