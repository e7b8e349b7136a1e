"""Responses as literal bytes, whole, byte by byte and with rubbish behind."""

from __future__ import annotations

import pytest

from wsproxy_gevent.wire.http1client import MOST_BODY, BadAnswer, Exchange
from wsproxy_gevent.wire.message import Headers, Request, Response

REQUEST = Request("GET", "/auth?x=1", headers=Headers([("Host", "hook.example"), ("Cookie", "a")]))

RESPONSES = [
    (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, b"{}", True),
    (b"HTTP/1.1 403 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno", 403, b"no", False),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, b"{}", False),
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
        200,
        b"{}",
        True,
    ),
    (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, b"", True),
    (
        b"HTTP/1.1 200 OK\r\nContent-Length: 8192\r\n\r\n" + b"x" * MOST_BODY,
        200,
        b"x" * MOST_BODY,
        True,
    ),
]


def test_the_question_is_said_as_it_is() -> None:
    sent = Exchange(REQUEST).sent
    assert sent == b"GET /auth?x=1 HTTP/1.1\r\nhost: hook.example\r\ncookie: a\r\n\r\n"


@pytest.mark.parametrize(("wire", "status", "body", "goes_on"), RESPONSES)
def test_a_response_is_read_however_it_is_cut(
    wire: bytes, status: int, body: bytes, goes_on: bool
) -> None:
    cuts = range(1, len(wire)) if len(wire) < 200 else (1, 40, 200)
    for cut in cuts:
        exchange = Exchange(REQUEST)
        response = exchange.feed(wire[:cut])
        assert exchange.begun
        response = response or exchange.feed(wire[cut:])
        assert isinstance(response, Response)
        assert (response.status, response.body) == (status, body)
        assert exchange.may_go_on == goes_on


def test_a_body_may_end_with_the_connection() -> None:
    exchange = Exchange(REQUEST)
    assert not exchange.begun
    assert exchange.feed(b"HTTP/1.1 200 OK\r\n\r\n{}") is None
    response = exchange.feed(b"")
    assert response is not None
    assert response.body == b"{}"
    assert not exchange.may_go_on


def test_with_more_behind_it_the_connection_is_of_no_more_use() -> None:
    exchange = Exchange(REQUEST)
    assert exchange.feed(b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n") is not None
    assert not exchange.may_go_on


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        b"HTTP/1.1 200",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: 8193\r\n\r\n" + b"x" * (MOST_BODY + 1),
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (MOST_BODY + 1),
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ],
)
def test_what_is_no_answer_is_said_to_be_none(wire: bytes) -> None:
    exchange = Exchange(REQUEST)
    with pytest.raises(BadAnswer):  # noqa: PT012  either of the two finds it out
        if wire:
            exchange.feed(wire)
        exchange.feed(b"")


@pytest.mark.parametrize(
    "request_",
    [
        Request("GET", "/a b", headers=Headers([("Host", "x")])),
        Request("GET", "/", headers=Headers([("Host", "x"), ("Cookie", "a\r\nb: c")])),
        Request("GET", "/", headers=Headers([("Host", "x"), ("Cookie", "a\x00")])),
        Request("GET", "/"),
    ],
)
def test_a_question_that_would_be_two_is_not_asked(request_: Request) -> None:
    with pytest.raises(BadAnswer):
        Exchange(request_)
