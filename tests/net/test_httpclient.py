"""Questions over kept connections, to a service on a socket pair or on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import gevent
import pytest
from gevent import socket as gsocket

from tests.net.test_clock import SetClock
from wsproxy_gevent.errors import Busy, HookFailed
from wsproxy_gevent.model import TcpTarget, UnixTarget
from wsproxy_gevent.net import httpclient as module
from wsproxy_gevent.net.clock import SYSTEM, Clock, Deadline
from wsproxy_gevent.net.httpclient import HttpClient, Service, parse_service
from wsproxy_gevent.net.stream import StreamBroken
from wsproxy_gevent.net.streams import PlainStream
from wsproxy_gevent.wire.http1client import BadAnswer
from wsproxy_gevent.wire.message import Headers, Request

SERVICE = Service(secure=False, host="hook.example", port=8000, target="/auth")
REQUEST = Request("GET", "/auth", headers=Headers([("Host", "hook.example")]))
FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
SECONDS = 5.0


class FakeService:
    """Dialled over socket pairs; each connection is answered by the next script.

    A script is the answers of one connection; None closes it.
    """

    def __init__(self, *scripts: list[bytes | None]) -> None:
        self._scripts = list(scripts)
        self.dialled = 0
        self.asked: list[bytes] = []
        self._greenlets: list[gevent.Greenlet[..., None]] = []

    def dial(self, target: TcpTarget | UnixTarget) -> PlainStream:
        assert target == TcpTarget("hook.example", 8000)
        ours, theirs = gsocket.socketpair()
        self.dialled += 1
        self._greenlets.append(gevent.spawn(self._serve, theirs, self._scripts.pop(0)))
        return PlainStream(ours)

    def _serve(self, sock: gsocket.socket, script: list[bytes | None]) -> None:
        with sock:
            for answer in script:
                if answer is None:
                    return
                asked = sock.recv(65536)
                if not asked:
                    return
                self.asked.append(asked)
                sock.sendall(answer)
            sock.recv(1)

    def stop(self) -> None:
        gevent.killall(self._greenlets)


Pair = tuple[HttpClient, FakeService]
Make = Callable[..., Pair]


@pytest.fixture
def make() -> Iterator[Make]:
    """A client, and a service that has these scripts."""
    made: list[Pair] = []

    def make(
        *scripts: list[bytes | None], clock: Clock = SYSTEM
    ) -> tuple[HttpClient, FakeService]:
        service = FakeService(*scripts)
        made.append((HttpClient(SERVICE, service, clock=clock), service))
        return made[-1]

    yield make
    for client, service in made:
        for stream, _ in client._idle:
            stream.abort()
        service.stop()


def ask(client: HttpClient) -> bytes:
    return client.ask(REQUEST, Deadline(SECONDS)).body


def test_one_connection_serves_many_questions(make: Make) -> None:
    client, service = make([FINE] * 5)
    assert [ask(client) for _ in range(5)] == [b"{}"] * 5
    assert service.dialled == 1


def test_one_that_was_closed_is_made_anew(make: Make) -> None:
    client, service = make([FINE, None], [FINE])
    assert ask(client) == b"{}"
    gevent.sleep(0)
    assert ask(client) == b"{}"
    assert service.dialled == 2


def test_one_that_closes_as_it_is_asked_is_made_anew(make: Make) -> None:
    # The empty answer: it reads the question, and then closes without a word.
    client, service = make([FINE, b"", None], [FINE])
    assert ask(client) == b"{}"
    assert ask(client) == b"{}"
    assert (service.dialled, len(service.asked)) == (2, 3)


def test_a_new_one_that_closes_is_a_failure(make: Make) -> None:
    client, service = make([b"", None])
    with pytest.raises((BadAnswer, StreamBroken)):
        ask(client)
    assert service.dialled == 1


def test_an_answer_that_breaks_off_is_not_asked_for_twice(make: Make) -> None:
    client, service = make([FINE, b"HTTP/1.1 200 OK\r\n", None])
    ask(client)
    with pytest.raises((BadAnswer, StreamBroken)):
        ask(client)
    assert service.dialled == 1


def test_one_that_waits_too_long_is_closed(make: Make) -> None:
    clock = SetClock()
    client, service = make([FINE], [FINE], clock=clock)
    ask(client)
    clock.now += module.IDLE_SECONDS + 1
    ask(client)
    assert service.dialled == 2


def test_those_that_wait_are_bounded(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_IDLE", 1)
    client, service = make([FINE], [FINE], [FINE])
    gevent.joinall([gevent.spawn(ask, client) for _ in range(3)], raise_error=True)
    assert (service.dialled, len(client._idle)) == (3, 1)


def test_a_deadline_closes_the_connection(make: Make) -> None:
    client, service = make([b"HTTP/1.1 200 OK\r\n"], [FINE])
    deadline = Deadline(0.02)
    with pytest.raises(HookFailed), deadline.enforce(lambda: HookFailed("late")):
        client.ask(REQUEST, deadline)
    assert ask(client) == b"{}"
    assert service.dialled == 2


def test_who_gets_no_turn_is_told_that_we_are_busy(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_AT_ONCE", 0)
    client, _ = make()
    with pytest.raises(Busy):
        client.ask(REQUEST, Deadline(0.01))


@pytest.mark.parametrize(
    ("url", "service", "authority"),
    [
        ("http://127.0.0.1:8000/a", Service(False, "127.0.0.1", 8000, "/a"), "127.0.0.1:8000"),
        ("https://Hook.Example", Service(True, "hook.example", 443, "/"), "hook.example"),
        ("http://hook/a?b=c", Service(False, "hook", 80, "/a?b=c"), "hook"),
        ("http://[::1]:80/", Service(False, "::1", 80, "/"), "[::1]"),
        ("https://[::1]:8443?x", Service(True, "::1", 8443, "/?x"), "[::1]:8443"),
    ],
)
def test_a_url_is_taken_apart(url: str, service: Service, authority: str) -> None:
    assert parse_service(url) == service
    assert service.authority == authority


@pytest.mark.parametrize(
    "url",
    [
        *("", "hook:8000", "ftp://hook/", "http://", "http:///auth", "unix:/run/hook"),
        *("http://user:password@hook/", "http://hook/#a", "http://hook/a b", "http://hook:99999/"),
        *("http://hook:x/", "http://[::1/", "http://hook/\u00e9", "http://hook/\r\nX: y"),
    ],
)
def test_what_is_no_url_of_a_service_is_an_error(url: str) -> None:
    with pytest.raises(ValueError, match=r"is no URL|may have no"):
        parse_service(url)
