"""One worker's life, with the test as its arbiter."""

from __future__ import annotations

import logging
import os
import queue
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from gevent import socket as gsocket
from gevent.event import Event

from tests.fake_gunicorn import FakeLogger, config, listener
from wsproxy_gevent.hosted import Environment, NotConfigured
from wsproxy_gevent.worker import ProxyWorker, _left_in

SECONDS = 10.0

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
GOING_AWAY = b"\x88\x17\x03\xe9the proxy is stopping"


class Life:
    """A worker that serves an echo, and clients of it."""

    def __init__(self, worker: Any, address: tuple[str, int]) -> None:
        self.worker = worker
        self.address = address
        self.serving = gevent.spawn(worker.run)

    def session(self) -> gsocket.socket:
        client = gsocket.create_connection(self.address, timeout=SECONDS)
        client.sendall(HANDSHAKE)
        read_to(client, b"\r\n\r\n")
        return client

    def ended(self) -> bool:
        self.serving.join(SECONDS)
        return self.serving.ready()


def read_to(sock: gsocket.socket, end: bytes) -> bytes:
    data = b""
    while not data.endswith(end):
        more = sock.recv(1)
        assert more, f"the connection ended behind {data!r}"
        data += more
    return data


def make_worker(app: object, **settings: object) -> Any:
    wsgi = SimpleNamespace(wsgi=lambda: app)
    listening = listener()
    worker = ProxyWorker(1, os.getppid(), [listening], wsgi, 15, config(**settings), FakeLogger())
    worker._told, worker._hurry = Event(), Event()
    return worker


def born(**settings: object) -> Life:
    app = SimpleNamespace(serves=Environment({"WSPROXY_TARGET": "echo:"}))
    worker = make_worker(app, **settings)
    address = worker.sockets[0].sock.getsockname()
    worker.load_wsgi()
    return Life(worker, address)


@pytest.fixture
def life() -> Iterator[Life]:
    it = born(graceful_timeout=4)
    yield it
    it.serving.kill()
    it.worker.tmp.close()


def test_it_serves_tells_its_sessions_to_go_and_ends(life: Life) -> None:
    with life.session() as client:
        client.sendall(b"\x81\x82\0\0\0\0hi")
        assert read_to(client, b"hi") == b"\x81\x02hi"
        life.worker._told.set()
        assert read_to(client, GOING_AWAY) == GOING_AWAY
        client.sendall(b"\x88\x82\0\0\0\0\x03\xe9")
        client.shutdown(1)
        assert life.ended()
    with pytest.raises(ConnectionRefusedError):
        life.session()


def test_a_hurry_leaves_nobody_time(life: Life) -> None:
    with life.session():
        life.worker._leave_at_once()
        assert life.ended()


def test_the_arbiter_sees_that_it_lives(life: Life) -> None:
    with life.session():
        assert life.worker.tmp.last_update() > 0


def test_the_access_log_has_a_line_for_each_session(life: Life) -> None:
    with life.session() as client:
        client.sendall(b"\x88\x80\0\0\0\0")
        read_to(client, b"\x88\x02\x03\xe8")
    life.worker._told.set()
    assert life.ended()
    ((answer, *_),) = life.worker.log.lines
    assert answer.status == "101"


def test_a_balancer_speaks_for_its_client() -> None:
    it = born(graceful_timeout=4, proxy_protocol="v1")
    line = b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n"
    with gsocket.create_connection(it.address, timeout=SECONDS) as client:
        client.sendall(line + HANDSHAKE + b"\x88\x80\0\0\0\0")
        read_to(client, b"\x88\x02\x03\xe8")
    it.worker._told.set()
    assert it.ended()
    ((_, _, environ, _),) = it.worker.log.lines
    assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("192.0.2.1", "56324")
    it.worker.tmp.close()


def test_the_last_of_max_requests_is_the_end() -> None:
    it = born(max_requests=2)
    with it.session() as one:
        assert not it.worker._told.is_set()
        with it.session() as two:
            assert it.worker._told.is_set()
            assert read_to(one, GOING_AWAY)
            assert read_to(two, GOING_AWAY)
    assert it.ended()
    it.worker.tmp.close()


def test_jitter_spreads_the_ends_of_max_requests() -> None:
    workers = [make_worker(None, max_requests=2, max_requests_jitter=50) for _ in range(20)]
    found = {worker.max_requests for worker in workers}
    assert len(found) > 1
    assert found <= set(range(2, 53))
    for worker in workers:
        worker.sockets[0].close()
        worker.tmp.close()


def test_a_worker_without_its_arbiter_ends() -> None:
    it = born()
    it.worker.ppid = 0
    assert it.ended()
    it.worker.tmp.close()


def test_logs_are_reopened_as_gunicorn_does(life: Life) -> None:
    with life.session():
        life.worker._reopen_logs()
    assert life.worker.log.reopened == 1


def test_an_application_of_somebody_elses_is_refused() -> None:
    worker = make_worker(lambda _environ, _start: [b"hello"])
    with pytest.raises(NotConfigured, match=r"wsproxy_gevent\.wsgi"):
        worker.load_wsgi()
    worker.sockets[0].close()
    worker.tmp.close()


def test_what_cannot_be_served_is_found_before_the_fork() -> None:
    ProxyWorker.check_config(config(), FakeLogger())
    with pytest.raises(NotConfigured):
        ProxyWorker.check_config(config(ciphers="ALL"), FakeLogger())


BORN = """
import os, signal
from types import SimpleNamespace
from tests.test_worker import make_worker

class Arbiter:
    SIG_QUEUE = [signal.SIGHUP]
    def signal(self, number, frame): ...

signal.signal(signal.SIGTERM, Arbiter().signal)
worker = make_worker(None)
worker.PIPE = os.pipe2(os.O_NONBLOCK)
worker.init_signals()
os.kill(os.getpid(), signal.SIGHUP)
print(worker._is_stale, worker._told.is_set(), signal.SIGHUP in signal.sigpending())
"""


def test_a_reload_during_its_birth_is_kept_for_it() -> None:
    """What came to the arbiter's handler, and what comes before there are its own."""
    born = subprocess.run(
        [sys.executable, "-c", BORN],
        capture_output=True,
        text=True,
        timeout=30,
        cwd=Path(__file__).parent.parent,
    )
    assert born.stdout == "True False True\n", born.stderr


def test_a_worker_whose_birth_was_overtaken_by_a_reload_makes_up_for_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    it = born(graceful_timeout=4)
    it.worker._is_stale = True
    with it.session(), gevent.Timeout(SECONDS):
        while "reloaded: " not in caplog.text:
            gevent.sleep(0.01)
    it.worker._leave_at_once()
    assert it.ended()
    it.worker.tmp.close()


def test_signals_from_before_its_handlers_are_found_in_the_arbiters_queue() -> None:
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    waiting.put(signal.SIGTERM)
    waiting.put(signal.SIGUSR1)
    assert set(_left_in(SimpleNamespace(SIG_QUEUE=waiting))) == {signal.SIGTERM, signal.SIGUSR1}
    # Older versions of gunicorn have a list.
    assert _left_in(SimpleNamespace(SIG_QUEUE=[signal.SIGTERM])) == [signal.SIGTERM]
    assert _left_in(None) == []
