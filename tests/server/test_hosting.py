"""The WSGI application behind the stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.fakes import FakeStream
from wsproxy_gevent.model import Peer
from wsproxy_gevent.net.stream import StreamBroken
from wsproxy_gevent.server.hosting import environ_of, respond
from wsproxy_gevent.wire.http1 import ResponseWriter
from wsproxy_gevent.wire.message import Headers, Request

Start = Callable[..., Any]

REQUEST = Request("GET", "/a%20b?x=1", headers=Headers([("Host", "a"), ("X-One", "1")]))
LOCAL = ("127.0.0.1", 6080)


def environ(request: Request = REQUEST) -> dict[str, Any]:
    return environ_of(request, Peer("192.0.2.1", 1234), LOCAL, secure=False)


def run(app: Callable[..., Any], request: Request = REQUEST) -> tuple[bytes, bool]:
    stream = FakeStream()
    writer = ResponseWriter(request, date="Thu, 01 Jan 1970 00:00:00 GMT")
    goes_on = respond(app, environ(request), stream, writer)
    return stream.written, goes_on


def test_a_short_body_has_its_length() -> None:
    def app(_environ: dict[str, Any], start: Start) -> list[bytes]:
        start("200 OK", [("Content-Type", "text/plain")])
        return [b"hello"]

    written, goes_on = run(app)
    assert written.endswith(b"\r\nContent-Length: 5\r\n\r\nhello")
    assert goes_on


def test_a_body_of_unknown_length_is_chunked() -> None:
    def app(_environ: dict[str, Any], start: Start) -> Iterator[bytes]:
        start("200 OK", [])
        yield b"hel"
        yield b"lo"

    written, goes_on = run(app)
    assert written.endswith(b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n")
    assert goes_on


def test_head_has_the_headers_alone() -> None:
    def app(_environ: dict[str, Any], start: Start) -> list[bytes]:
        start("200 OK", [("Content-Length", "5")])
        return []

    written, _ = run(app, Request("HEAD", "/"))
    assert b"\r\nContent-Length: 5\r\n" in written
    assert written.endswith(b"\r\n\r\n")


def test_an_upgrade_that_is_required_is_named() -> None:
    def app(_environ: dict[str, Any], start: Start) -> list[bytes]:
        start("426 Upgrade Required", [])
        return [b"no"]

    written, _ = run(app)
    assert b"\r\nUpgrade: websocket\r\n" in written
    assert b"\r\nConnection: close, Upgrade\r\n" in written


def test_a_fault_in_the_application_is_a_500_that_ends_the_connection() -> None:
    def app(_environ: dict[str, Any], _start: Start) -> list[bytes]:
        raise RuntimeError("boom")

    written, goes_on = run(app)
    assert written.startswith(b"HTTP/1.1 500 ")
    assert b"boom" not in written
    assert not goes_on


def test_a_fault_in_the_middle_of_a_body_breaks_it_off() -> None:
    def app(_environ: dict[str, Any], start: Start) -> Iterator[bytes]:
        start("200 OK", [("Content-Length", "100")])
        yield b"hel"
        raise RuntimeError("boom")

    written, goes_on = run(app)
    assert written.endswith(b"hel")
    assert not goes_on


def test_a_client_that_leaves_ends_the_response_quietly() -> None:
    stream = FakeStream()
    stream.abort()

    def app(_environ: dict[str, Any], start: Start) -> list[bytes]:
        start("200 OK", [])
        return [b"hello"]

    writer = ResponseWriter(REQUEST, date="")
    assert not respond(app, environ(), stream, writer)


def test_a_killed_greenlet_is_no_fault_of_the_application() -> None:
    class Killed(BaseException):
        pass

    def app(_environ: dict[str, Any], _start: Start) -> list[bytes]:
        raise Killed

    with pytest.raises(Killed):
        run(app)


def test_what_the_application_returned_is_closed() -> None:
    closed = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            raise StreamBroken("gone")

        def close(self) -> None:
            closed.append(True)

    def app(_environ: dict[str, Any], start: Start) -> Body:
        start("200 OK", [])
        return Body()

    run(app)
    assert closed


def test_the_environ_says_what_was_asked() -> None:
    made = environ()
    assert made["PATH_INFO"] == "/a b"
    assert made["QUERY_STRING"] == "x=1"
    assert made["RAW_URI"] == "/a%20b?x=1"
    assert made["HTTP_X_ONE"] == "1"
    assert made["REMOTE_ADDR"] == "192.0.2.1"
    assert (made["SERVER_NAME"], made["SERVER_PORT"]) == ("127.0.0.1", "6080")
    assert made["wsgi.url_scheme"] == "http"


def test_headers_that_could_pass_for_others_are_left_out() -> None:
    request = Request(
        "GET", "/", headers=Headers([("X_Forwarded_For", "1"), ("A", "1"), ("A", "2")])
    )
    made = environ(request)
    assert "HTTP_X_FORWARDED_FOR" not in made
    assert made["HTTP_A"] == "1,2"


def test_our_own_environment_is_none_of_the_pages_business() -> None:
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], start: Start) -> list[bytes]:
        seen.update(environ)
        start("200 OK", [])
        return []

    run(app)
    assert "PATH" not in seen
