"""The listener for operators: several processes at one address, told apart by who is left."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import gevent
import pytest
from gevent import socket as gsocket

from wsproxy_gevent.server import admin
from wsproxy_gevent.server.admin import AdminServer

SECONDS = 5.0


class Named(AdminServer):
    """Says whose it is, and closes; or holds whom it took while `holding`."""

    def __init__(self, sock: socket.socket, name: bytes) -> None:
        super().__init__(sock, self._no_context)
        self.name = name
        self.holding = False

    def _no_context(self) -> Any:
        raise AssertionError("nothing is served here")

    def handle(self, sock: gsocket.socket, address: Any) -> None:
        with sock:
            sock.sendall(self.name)
            while self.holding:
                gevent.sleep(0.01)


class Siblings:
    """Two servers at one address, each with a descriptor of its own as after a fork."""

    def __init__(self) -> None:
        sock = socket.create_server(("127.0.0.1", 0))
        sock.setblocking(False)
        self.address = sock.getsockname()
        self.one, self.other = Named(sock.dup(), b"one"), Named(sock, b"other")
        for server in (self.one, self.other):
            server.start()

    def close(self) -> None:
        for server in (self.one, self.other):
            server.close()

    def connect(self) -> gsocket.socket:
        return gsocket.create_connection(self.address, timeout=SECONDS)

    def ask(self) -> bytes:
        with self.connect() as client:
            return bytes(client.recv(10))


@pytest.fixture
def siblings() -> Iterator[Siblings]:
    made = Siblings()
    yield made
    made.close()


def test_one_that_gives_way_answers_nobody_while_another_is_left(siblings: Siblings) -> None:
    siblings.one.give_way()
    assert {siblings.ask() for _ in range(30)} == {b"other"}


def test_one_that_gives_way_answers_when_no_other_is_left(siblings: Siblings) -> None:
    siblings.one.give_way()
    siblings.other.close()
    assert [siblings.ask() for _ in range(2)] == [b"one", b"one"]


def test_nobody_is_answered_any_more_once_all_have_closed(siblings: Siblings) -> None:
    siblings.one.give_way()
    siblings.close()
    with pytest.raises(ConnectionRefusedError):
        siblings.connect()


def test_a_crowd_does_not_take_all_that_the_process_has(
    siblings: Siblings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    siblings.other.close()
    siblings.one.holding = True
    with ExitStack() as held:
        for _ in range(admin.MOST_CONNECTIONS):
            client = held.enter_context(siblings.connect())
            assert client.recv(10) == b"one"
        late = held.enter_context(siblings.connect())
        late.settimeout(0.05)
        with pytest.raises(TimeoutError):
            late.recv(10)
        siblings.one.holding = False
        late.settimeout(SECONDS)
        assert late.recv(10) == b"one"
    assert "admin listener" in caplog.text
