from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz import keeping
from fuzz.feeding import read_input
from tests.cases import handshakes
from tests.cases.requests import BAD, BEHIND, GOOD, HIXIE_KEY1, get
from wsproxy_gevent.errors import (
    BadRequest,
    HeadersTooLarge,
    MethodNotAllowed,
    NotHttp,
    ProxyError,
    RequestLineTooLong,
)
from wsproxy_gevent.wire import http1
from wsproxy_gevent.wire.http1 import (
    HeadLimits,
    RequestReader,
    ResponseWriter,
    refusal,
    whole,
)
from wsproxy_gevent.wire.message import Headers, Request, Response

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
GET = Request("GET", "/", "1.1", Headers([("host", "a")]))
HEAD = Request("HEAD", "/", "1.1", Headers([("host", "a")]))
OLD = Request("GET", "/", "1.0")


def read(*pieces: bytes) -> tuple[Request | None, bytes]:
    """The request in the pieces, and what the reader was not given or did not take."""
    reader = RequestReader(HeadLimits())
    request, rest = None, b""
    for piece in pieces:
        if request is None:
            request = reader.feed(piece)
        else:
            rest += piece
    return request, reader.leftover + rest


def status_of(*pieces: bytes) -> int:
    """The status that refuses the pieces; 200 if none does."""
    try:
        read(*pieces)
    except ProxyError as error:
        return error.http_status
    return 200


def outcome(*pieces: bytes) -> object:
    try:
        return read(*pieces)
    except REFUSALS as error:
        return error.slug


def bytewise(wire: bytes) -> list[bytes]:
    """The bytes one at a time; large heads in pieces of a prime length, to save time."""
    size = 1 if len(wire) < 1000 else 101
    return [wire[place : place + size] for place in range(0, len(wire), size)]


# -- Requests -----------------------------------------------------------------


@pytest.mark.parametrize(("wire", "request_"), GOOD.values(), ids=GOOD)
def test_a_request_is_the_same_wherever_it_is_cut(wire: bytes, request_: Request) -> None:
    for cut in range(len(wire) + 1):
        assert read(wire[:cut], wire[cut:]) == (request_, b"")
    assert read(*bytewise(wire)) == (request_, b"")


@pytest.mark.parametrize("behind", BEHIND.values(), ids=BEHIND)
def test_what_is_behind_the_head_is_left_over_untouched(behind: bytes) -> None:
    wire, request = GOOD["the least"]
    for cut in range(len(wire + behind) + 1):
        assert read((wire + behind)[:cut], (wire + behind)[cut:]) == (request, behind)


@pytest.mark.parametrize("wire", [wire for wire, _ in GOOD.values()], ids=GOOD)
def test_a_request_is_not_there_before_its_last_byte(wire: bytes) -> None:
    assert read(wire[:-1]) == (None, b"")


@pytest.mark.parametrize(("wire", "status"), BAD.values(), ids=BAD)
def test_a_bad_request_has_its_status_whole_and_byte_by_byte(wire: bytes, status: int) -> None:
    assert status_of(wire) == status
    assert status_of(*bytewise(wire)) == status


@pytest.mark.parametrize(
    ("wire", "status"),
    [case for case in BAD.values() if len(case[0]) < 200],
    ids=[name for name, (wire, _) in BAD.items() if len(wire) < 200],
)
def test_a_bad_request_has_its_status_wherever_it_is_cut(wire: bytes, status: int) -> None:
    assert {status_of(wire[:cut], wire[cut:]) for cut in range(len(wire))} == {status}


KEPT = [read_input(one.read_bytes()).body for one in keeping.inputs_of("http1")]
HEADS = [
    *(wire for wire, *_ in (*GOOD.values(), *BAD.values(), *handshakes.REFUSED.values())),
    *(case.request for case in handshakes.ACCEPTED.values()),
    *KEPT,
]


def test_h11_would_have_read_the_same_where_it_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours = [outcome(wire) for wire in HEADS]
    monkeypatch.setattr(http1, "_asks_h11", lambda _headers: True)
    assert [outcome(wire) for wire in HEADS] == ours


@given(st.binary(max_size=40), st.binary(max_size=40), st.sampled_from([b"GET", b"get", b"X"]))
def test_h11_reads_any_target_and_value_the_same(
    target: bytes, value: bytes, method: bytes
) -> None:
    wire = method + b" /" + target + b" HTTP/1.1\r\nHost: a\r\nX:" + value + b"\r\n\r\n"
    ours = outcome(wire)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(http1, "_asks_h11", lambda _headers: True)
        assert outcome(wire) == ours


def test_a_hundred_header_lines_are_allowed() -> None:
    assert status_of(get(*[b"X: %d" % number for number in range(99)])) == 200


def test_inner_blanks_of_a_hixie_key_are_kept() -> None:
    request, _ = read(GOOD["hixie-76 keys"][0])
    assert request is not None
    assert request.headers.get("sec-websocket-key1") == HIXIE_KEY1
    assert HIXIE_KEY1.count(" ") == 12


def test_the_next_request_is_read_from_what_was_left_over() -> None:
    first = RequestReader(HeadLimits())
    first.feed(get(target=b"/1") + get(target=b"/2") + b"GET")
    second = RequestReader(HeadLimits())
    request = second.feed(first.leftover)
    assert request is not None
    assert (request.target, second.leftover) == ("/2", b"GET")


def test_a_reader_has_started_at_a_requests_first_byte() -> None:
    reader = RequestReader(HeadLimits())
    reader.feed(b"\r\n\r")
    assert not reader.started
    reader.feed(b"\nG")
    assert reader.started


def test_limits_are_the_readers_own() -> None:
    reader = RequestReader(HeadLimits(request_line=20))
    with pytest.raises(RequestLineTooLong, match="over 20 bytes"):
        reader.feed(b"GET /" + b"a" * 20)


def test_a_refused_method_names_those_allowed() -> None:
    with pytest.raises(MethodNotAllowed) as caught:
        read(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert caught.value.headers == (("Allow", "GET, HEAD"),)


REFUSALS = (BadRequest, HeadersTooLarge, MethodNotAllowed, RequestLineTooLong)
BYTES_THAT_MATTER = st.sampled_from(b"\r\n :\t\0\x7f\xff,;/*AaZ09HTP.")


@settings(max_examples=50, deadline=None)
@given(st.binary() | st.lists(BYTES_THAT_MATTER).map(bytes))
def test_noise_is_no_request_and_no_surprise(noise: bytes) -> None:
    assert outcome(noise) == outcome(*bytewise(noise))


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([wire for wire, _ in (*GOOD.values(), *BAD.values()) if len(wire) < 400]),
    st.integers(0, 400),
    st.integers(0, 3),
    st.lists(BYTES_THAT_MATTER, max_size=3).map(bytes),
)
def test_a_spoilt_head_is_refused_or_read_alike_however_it_is_cut(
    wire: bytes, place: int, dropped: int, added: bytes
) -> None:
    wire = wire[:place] + added + wire[place + dropped :]
    assert outcome(wire) == outcome(*bytewise(wire))


# -- Responses ----------------------------------------------------------------


def test_a_response_of_known_length_keeps_the_connection() -> None:
    writer = ResponseWriter(GET, date=DATE)
    assert writer.head(200, [("Content-Length", "5"), ("X-Name", "\xe9")]) == (
        b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        b"Content-Length: 5\r\nX-Name: \xe9\r\n\r\n"
    )
    assert writer.body(b"he") + writer.body(b"llo") + writer.end() == b"hello"
    assert writer.keep_alive


def test_a_response_of_unknown_length_is_chunked() -> None:
    writer = ResponseWriter(GET, date=DATE)
    assert writer.head(200, [], reason="Fine") == (
        b"HTTP/1.1 200 Fine\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    assert writer.body(b"") == b""
    assert writer.body(b"hello, world") + writer.end() == b"c\r\nhello, world\r\n0\r\n\r\n"
    assert writer.keep_alive


def test_to_http_1_0_the_end_of_the_connection_ends_the_body() -> None:
    writer = ResponseWriter(OLD, date=DATE)
    assert writer.head(200, []) == (
        b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nConnection: close\r\n\r\n"
    )
    assert writer.body(b"hello") + writer.end() == b"hello"
    assert not writer.keep_alive


@pytest.mark.parametrize(
    ("request_", "status", "fields"),
    [
        (HEAD, 200, b"Content-Length: 5\r\n"),
        (GET, 204, b""),
        (GET, 304, b""),
    ],
)
def test_what_has_no_body_writes_none(request_: Request, status: int, fields: bytes) -> None:
    writer = ResponseWriter(request_, date=DATE)
    head = writer.head(status, [("Content-Length", "5")], reason="R")
    assert head == b"HTTP/1.1 %d R\r\nDate: %s\r\n%s\r\n" % (status, DATE.encode(), fields)
    assert writer.body(b"hello") + writer.end() == b""
    assert writer.keep_alive


@pytest.mark.parametrize("option", ["close", "Close", "x, CLOSE"])
def test_a_client_that_asks_for_the_end_gets_it(option: str) -> None:
    request = Request("GET", "/", "1.1", Headers([("Host", "a"), ("Connection", option)]))
    writer = ResponseWriter(request, date=DATE)
    assert b"\r\nConnection: close\r\n" in writer.head(200, [("Content-Length", "0")])
    assert not writer.keep_alive


@pytest.mark.parametrize("protocol", ["h2c", "websocket", "TLS/1.0"])
def test_nothing_follows_an_upgrade_that_was_not_made(protocol: str) -> None:
    request = Request("GET", "/", "1.1", Headers([("Host", "a"), ("Upgrade", protocol)]))
    writer = ResponseWriter(request, date=DATE)
    assert b"\r\nConnection: close\r\n" in writer.head(200, [("Content-Length", "0")])
    assert not writer.keep_alive


def test_an_application_may_close_the_connection() -> None:
    writer = ResponseWriter(GET, date=DATE)
    assert writer.keep_alive
    head = writer.head(200, [("connection", "Close"), ("Content-Length", "0")])
    assert head.count(b"onnection") == 1
    assert head.endswith(b"Connection: close\r\n\r\n")
    assert not writer.keep_alive


def test_an_application_cannot_keep_a_connection_that_ends() -> None:
    head = ResponseWriter(None, date=DATE).head(
        400, [("Connection", "keep-alive"), ("Content-Length", "0")]
    )
    assert b"keep-alive" not in head
    assert b"Connection: close\r\n" in head


def test_other_connection_options_come_behind_close() -> None:
    head = ResponseWriter(None, date=DATE).head(
        426, [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Content-Length", "0")]
    )
    assert b"\r\nConnection: close, Upgrade\r\n" in head


def test_a_date_that_is_given_is_kept() -> None:
    head = ResponseWriter(GET, date=DATE).head(200, [("date", "now"), ("Content-Length", "0")])
    assert b"date: now\r\n" in head
    assert DATE.encode() not in head


@pytest.mark.parametrize("bad", ["a\r\nSet-Cookie: b", "a\nb", "a\rb", "a\0b", "\x1b", "\u20ac"])
def test_no_value_can_end_its_line(bad: str) -> None:
    for fields, reason in (([("X", bad)], ""), ([(bad, "x")], ""), ([], bad)):
        with pytest.raises(ValueError, match=r"control characters|latin-1"):
            ResponseWriter(GET, date=DATE).head(200, fields, reason=reason)


def test_a_body_must_have_the_length_its_head_names() -> None:
    writer = ResponseWriter(GET, date=DATE)
    writer.head(200, [("Content-Length", "2")])
    with pytest.raises(ValueError, match="Too much data"):
        writer.body(b"abc")
    assert not writer.keep_alive
    writer = ResponseWriter(GET, date=DATE)
    writer.head(200, [("Content-Length", "2")])
    with pytest.raises(ValueError, match="Too little data"):
        writer.end()
    assert not writer.keep_alive


def test_a_body_has_a_head_before_it() -> None:
    with pytest.raises(ValueError, match="can't handle event"):
        ResponseWriter(GET, date=DATE).body(b"abc")


def test_a_whole_response_names_its_length_and_closes() -> None:
    response = Response(404, (("X", "1"),), b"none\n")
    wire = (
        b"HTTP/1.1 404 Not Found\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        b"X: 1\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"
    )
    for request in (GET, OLD, None):
        assert whole(response, request, date=DATE) == wire + b"none\n"
    assert whole(response, HEAD, date=DATE) == wire


def test_a_refusal_says_why_in_a_line_and_by_its_slug() -> None:
    error = BadRequest("no such thing", detail="secret", headers=(("Retry-After", "1"),))
    assert refusal(error) == Response(
        400,
        (
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("Wsproxy-Reason", "bad-request"),
            ("Retry-After", "1"),
        ),
        b"no such thing\n",
    )


@pytest.mark.parametrize("error", [NotHttp("x"), MethodNotAllowed("POST")])
def test_every_refusal_can_be_written(error: ProxyError) -> None:
    wire = whole(refusal(error), None, date=DATE)
    assert wire.startswith(b"HTTP/1.1 %d " % error.http_status)
    assert b"Server:" not in wire
