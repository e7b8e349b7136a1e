"""The door under gevent-websocket's handler, on a server of gevent's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest
from gevent import socket as gsocket
from gevent.pool import Pool
from gevent.pywsgi import WSGIServer
from geventwebsocket.handler import WebSocketHandler

from tests.fake_gunicorn import FakeLogger, config, listener
from wsproxy_gevent.hosted import Environment
from wsproxy_gevent.pywsgi import APP_LOAD_ERROR, hook_into
from wsproxy_gevent.wsgi import Application

SECONDS = 10.0

HANDSHAKE = (
    b"GET /console HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
HELLO, ECHOED = b"\x81\x82\0\0\0\0hi", b"\x81\x02hi"
GOING_AWAY = b"\x88\x17\x03\xe9the proxy is stopping"


class Stage:
    """A worker of a class that was hooked, its one server, and clients."""

    def __init__(self, **variables: str) -> None:
        environment = Environment({"WSPROXY_TARGET": "echo:", **variables})
        worker_class = type("Worker", (), {"server_class": WSGIServer})
        doors = hook_into(worker_class, environment)
        listening = listener()
        self.address = listening.sock.getsockname()
        self.worker: Any = worker_class()
        vars(self.worker).update(
            sockets=[SimpleNamespace(sock=listening.sock.dup())],
            cfg=config(graceful_timeout=2),
            log=FakeLogger(),
            alive=True,
            nr=0,
            max_requests=1000,
        )
        adopted = gsocket.socket(fileno=listening.sock.detach())
        with ExitStack() as unless_made:
            unless_made.callback(adopted.close)
            unless_made.callback(self.worker.sockets[0].sock.close)
            self.server = self.worker.server_class(
                adopted,
                application=Application(environment),
                handler_class=WebSocketHandler,
                spawn=Pool(),
                log=None,
            )
            unless_made.pop_all()
        self.server.start()
        self.door = doors[0]

    def close(self) -> None:
        self.worker.alive = False
        self.door.ending.join(SECONDS)
        self.server.stop(timeout=0)
        for each in self.worker.sockets:
            each.sock.close()

    def send(self, data: bytes) -> gsocket.socket:
        client = gsocket.create_connection(self.address, timeout=SECONDS)
        client.sendall(data)
        return client

    def ask(self, data: bytes) -> bytes:
        """The whole of a short answer."""
        with self.send(data) as client:
            client.shutdown(1)
            answer = b""
            while more := client.recv(65536):
                answer += more
            return answer

    @property
    def statuses(self) -> list[str]:
        return [answer.status.partition(" ")[0] for answer, *_ in self.worker.log.lines]


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    made.close()


def read_to(sock: gsocket.socket, end: bytes) -> bytes:
    data = b""
    while not data.endswith(end):
        more = sock.recv(1)
        assert more, f"the connection ended behind {data!r}"
        data += more
    return data


@pytest.mark.parametrize("cut", [0, 1, 2, 5, 6, len(HELLO)])
def test_frames_that_pywsgi_has_read_ahead_are_not_lost(stage: Stage, cut: int) -> None:
    with stage.send(HANDSHAKE + HELLO[:cut]) as client:
        read_to(client, b"\r\n\r\n")
        client.sendall(HELLO[cut:])
        assert read_to(client, b"hi") == ECHOED


def test_the_handshake_is_ours(stage: Stage) -> None:
    offering = HANDSHAKE[:-2] + b"Sec-WebSocket-Protocol: chat, base64\r\n\r\n"
    with stage.send(offering) as client:
        head = read_to(client, b"\r\n\r\n")
    assert b"Sec-WebSocket-Protocol: base64\r\n" in head


def test_a_session_has_its_line_in_the_access_log(stage: Stage) -> None:
    with stage.send(HANDSHAKE + b"\x88\x80\0\0\0\0") as client:
        read_to(client, b"\x88\x02\x03\xe8")
    assert stage.server.pool.join(SECONDS)
    assert stage.statuses == ["101"]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "426"),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi", "405"),
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "421"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 9000 + b"\r\n\r\n", "431"),
        (HANDSHAKE[:-2] + b"Host: second\r\n\r\n", "400"),
        (HANDSHAKE.replace(b"HTTP/1.1", b"HTTP/1.0"), "400"),
        (HANDSHAKE.replace(b"Version: 13", b"Version: 99"), "426"),
        (HANDSHAKE[:-2] + b"Origin: http://elsewhere.example\r\n\r\n", "403"),
    ],
)
def test_refusals_are_as_everywhere_and_logged(
    stage: Stage, request_bytes: bytes, status: str
) -> None:
    answer = stage.ask(request_bytes)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"\r\nWsproxy-Reason: " in answer
    assert stage.statuses == [status]


def test_upgrade_required_names_the_protocol(stage: Stage) -> None:
    assert b"\r\nUpgrade: websocket\r\n" in stage.ask(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")


def test_ssl_only_refuses_plain_pages_and_handshakes() -> None:
    stage = Stage(WSPROXY_SSL_ONLY="1", WSPROXY_CERT="auto")
    for request in (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", HANDSHAKE):
        assert b"\r\nWsproxy-Reason: tls-required\r\n" in stage.ask(request)
    stage.close()


def test_sessions_are_told_to_go_when_the_worker_is(stage: Stage) -> None:
    with stage.send(HANDSHAKE) as client:
        read_to(client, b"\r\n\r\n")
        stage.worker.alive = False
        assert read_to(client, GOING_AWAY) == GOING_AWAY
    assert stage.server.pool.join(SECONDS)


def test_who_stays_is_cut_and_who_only_waits_is_let_go(stage: Stage) -> None:
    with stage.send(HANDSHAKE) as staying, stage.send(b"") as waiting:
        read_to(staying, b"\r\n\r\n")
        stage.worker.alive = False
        assert stage.server.pool.join(SECONDS)
        assert waiting.recv(1) == b""
        assert read_to(staying, GOING_AWAY) == GOING_AWAY
        assert staying.recv(1) == b""


def test_max_requests_is_counted(stage: Stage) -> None:
    stage.worker.max_requests = 2
    stage.ask(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert stage.worker.alive
    with stage.send(HANDSHAKE) as client:
        assert read_to(client, GOING_AWAY)
    assert not stage.worker.alive


def test_a_killed_handler_takes_its_session_along(stage: Stage) -> None:
    with stage.send(HANDSHAKE) as client:
        read_to(client, b"\r\n\r\n")
        stage.server.pool.kill()
        assert client.recv(1) == b""


def test_what_is_wrong_ends_the_worker_as_gunicorn_understands_it() -> None:
    with pytest.raises(SystemExit) as ended:
        Stage(WSPROXY_TARGET="nonsense")
    assert ended.value.code == APP_LOAD_ERROR


def test_a_second_listener_has_the_same_door(stage: Stage) -> None:
    other = listener()
    address = other.sock.getsockname()
    server = stage.worker.server_class(
        gsocket.socket(fileno=other.sock.detach()),
        application=stage.server.application,
        handler_class=WebSocketHandler,
        spawn=Pool(),
        log=None,
    )
    server.start()
    with gsocket.create_connection(address, timeout=SECONDS) as client:
        client.sendall(HANDSHAKE + HELLO)
        read_to(client, ECHOED)
    server.stop(timeout=SECONDS)
