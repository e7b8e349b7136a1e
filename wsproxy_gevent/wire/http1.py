"""HTTP/1.1 in front of h11: requests in, responses out, and no leniency.

`head` collects a request head and holds it to RFC 9112, and what only makes
sense as a whole (Host, framing, method, target) is judged here.  A head that
says something about a body is read by h11, which knows what may be said; any
other has, once `head` let it pass, only to be cut where its blanks and colons
are.  No request has a body: whoever announces one is refused, so nothing that
follows a head can be mistaken for the next request.

The response side is h11's state machine behind three verbs; it frames the
body and knows whether the connection may serve another request.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import cast

import h11

from ..errors import BadRequest, MethodNotAllowed, ProxyError
from .head import HeadLimits, HeadReader
from .message import Headers, Request, Response

__all__ = ["HeadLimits", "RequestReader", "ResponseWriter", "refusal", "whole"]

METHODS = ("GET", "HEAD")

# Fields that change where a request ends, who sent it, or what a handshake
# answers: of two, one reader would take the first and another the last.
SINGLE_FIELDS = (
    "host",
    "content-length",
    "transfer-encoding",
    "origin",
    "sec-websocket-origin",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-key1",
    "sec-websocket-key2",
)

_ABOUT_BODIES = frozenset({"content-length", "transfer-encoding"})

# RFC 3986, section 3.2.2 and 3.2.3, without user information: a host and a
# port, and nothing that could end the authority of a URL that it is put in.
_AUTHORITY = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=%:\[\]-]*")
_ABSOLUTE_FORM = re.compile(r"https?://([^/?#]*)(.*)", re.IGNORECASE)

# What a browser takes for the beginning of another site's address.
_NETWORK_PATHS = ("//", "/\\")

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


# -- Requests -----------------------------------------------------------------


class RequestReader:
    """Reads one request, cut anywhere.

    The next request of a connection takes another reader, which is fed this
    one's `leftover` first.
    """

    def __init__(self, limits: HeadLimits) -> None:
        self._head = HeadReader(limits)

    @property
    def started(self) -> bool:
        """Whether any byte of a request has come; empty lines before it are none."""
        return self._head.started

    @property
    def leftover(self) -> bytes:
        """What came behind the head: frames, Hixie-76's 8 bytes, the next request."""
        return self._head.leftover

    def feed(self, data: bytes) -> Request | None:
        """Take the next bytes; the request, or None while more is needed.

        Raises `BadRequest`, `RequestLineTooLong`, `HeadersTooLarge` or
        `MethodNotAllowed`, after which the reader is of no more use.
        """
        head = self._head.feed(data)
        return None if head is None else _parse(head)


def _parse(head: bytes) -> Request:
    """The request that a whole head asks for, in origin form."""
    request_line, *lines = head[: -len(b"\r\n\r\n")].decode("latin-1").split("\r\n")
    headers = _fields_of(lines)
    _check_single_fields(headers)
    _check_host(headers)
    method, target, version = _start_of(request_line, headers, head)
    _check_framing(method, headers)
    if method not in METHODS:
        raise MethodNotAllowed(method)
    target, authority = _origin_form(target)
    if authority is not None:
        headers = _with_host(headers, authority)
    return Request(method, target, version, headers)


def _fields_of(lines: Sequence[str]) -> Headers:
    """The fields as they were sent.

    h11 merges repeated lengths and rewrites lists of them, and it is just
    these that must not pass.
    """
    fields = [line.partition(":") for line in lines]
    return Headers([(name, value.strip(" \t")) for name, _, value in fields])


def _start_of(request_line: str, headers: Headers, head: bytes) -> tuple[str, str, str]:
    """Method, target and version; h11's reading of them where it has more to say."""
    if _asks_h11(headers):
        event = _read_by_h11(head)
        return event.method.decode(), event.target.decode(), event.http_version.decode()
    method, target, version = request_line.split(" ")
    return method, target, version.removeprefix("HTTP/")


def _asks_h11(headers: Headers) -> bool:
    return not _ABOUT_BODIES.isdisjoint(headers.names)


def _check_single_fields(headers: Headers) -> None:
    if not headers.has_repeats:
        return
    for name in SINGLE_FIELDS:
        if len(headers.get_all(name)) > 1:
            raise BadRequest(f"more than one {name} header")


def _check_host(headers: Headers) -> None:
    """RFC 9112, section 3.2: 400 to HTTP/1.1 without a Host, and to an invalid one.

    HTTP/1.0 could do without, but then it would pass by every rule that is
    about the Host.
    """
    if "host" not in headers:
        raise BadRequest("a request needs a Host header, in HTTP/1.0 as well")
    if not _AUTHORITY.fullmatch(headers.get("host") or ""):
        raise BadRequest("the Host header is not a host and a port")


def _read_by_h11(head: bytes) -> h11.Request:
    """h11's reading of a head that is whole."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(head)
    try:
        return cast(h11.Request, connection.next_event())
    except h11.RemoteProtocolError as exc:
        raise BadRequest("not a request that HTTP/1.1 allows", detail=str(exc)) from exc


def _check_framing(method: str, headers: Headers) -> None:
    """Refuse bodies, and what is ambiguous about them (RFC 9112, section 6.3)."""
    if "transfer-encoding" in headers and "content-length" in headers:
        raise BadRequest("Transfer-Encoding and Content-Length exclude each other")
    if method in METHODS and (
        "transfer-encoding" in headers or headers.get("content-length") not in (None, "0")
    ):
        raise BadRequest(f"a {method} must have no body here")


def _origin_form(target: str) -> tuple[str, str | None]:
    """The target as path and query, and the authority if it was in absolute form.

    RFC 9112, section 3.2.2: "a server MUST accept the absolute-form in
    requests even though most HTTP/1.1 clients will only send the
    absolute-form to a proxy."
    """
    authority = None
    if not target.startswith("/") and (absolute := _ABSOLUTE_FORM.fullmatch(target)):
        authority, rest = absolute.groups()
        target = rest if rest.startswith("/") else f"/{rest}"
        if not authority or not _AUTHORITY.fullmatch(authority):
            raise BadRequest("the request target names no host")
    if not target.startswith("/"):
        raise BadRequest("the request target must be a path, or an http URL")
    if target.startswith(_NETWORK_PATHS):
        raise BadRequest("a path must begin with one slash")
    if "#" in target:
        raise BadRequest("a request target has no fragment")
    return target, authority


def _with_host(headers: Headers, authority: str) -> Headers:
    """RFC 9112, section 3.2.2: the target's host takes the place of the header's."""
    others = (field for field in headers if field[0] != "host")
    return Headers((("host", authority), *others))


# -- Responses ----------------------------------------------------------------


class ResponseWriter:
    """Writes one response; `request` is None if no request could be read.

    The body is framed by its Content-Length if `head` names one, else
    chunked, or by the end of the connection for HTTP/1.0.  A faulty call
    raises `ValueError` and writes nothing.

    `keep_alive` tells, once `end` has returned, whether the connection may
    serve another request.
    """

    def __init__(self, request: Request | None, *, date: str) -> None:
        self._date = date
        self._h11 = _conversation(request)
        self._bodiless = request is not None and request.method == "HEAD"
        self.keep_alive = request is not None and _may_go_on(request)

    def head(self, status: int, headers: Sequence[tuple[str, str]], *, reason: str = "") -> bytes:
        """The status line and fields; the standard's phrase if there is no `reason`.

        `Date` and `Connection` are added; a `Connection: close` among the
        fields is heeded.  Other fields stay as they are.
        """
        if status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
            self._bodiless = True
            # RFC 9110, section 8.6: none in a 204, and what gateways put
            # into a 304 is the length of the body that it has not.
            headers = [field for field in headers if field[0].lower() != "content-length"]
        phrase = _checked(reason or _PHRASES.get(status, ""))
        fields = self._fields(headers)
        return self._send(lambda: h11.Response(status_code=status, headers=fields, reason=phrase))

    def body(self, data: bytes) -> bytes:
        """A piece of the body; nothing where the response has none."""
        return b"" if self._bodiless else self._send(lambda: h11.Data(data=data))

    def end(self) -> bytes:
        """What ends the body."""
        return self._send(h11.EndOfMessage)

    def _fields(self, headers: Sequence[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
        given = Headers(headers)
        if "close" in (option.lower() for option in given.get_list("connection")):
            self.keep_alive = False
        fields = [field for field in headers if field[0].lower() != "connection"]
        if "date" not in given:
            fields.insert(0, ("Date", self._date))
        if options := self._connection_options(given):
            fields.append(("Connection", ", ".join(options)))
        return [(_checked(name), _checked(value.strip(" \t"))) for name, value in fields]

    def _connection_options(self, given: Headers) -> list[str]:
        options = [] if self.keep_alive else ["close"]
        ours = ("close", "keep-alive")
        return options + [o for o in given.get_list("connection") if o.lower() not in ours]

    def _send(self, make: Callable[[], h11.Event]) -> bytes:
        """Have h11 make and write an event; a refused one spoils the connection."""
        try:
            return self._h11.send(make()) or b""
        except h11.LocalProtocolError as exc:
            self.keep_alive = False
            raise ValueError(str(exc)) from exc


def _conversation(request: Request | None) -> h11.Connection:
    """h11 as it stands after reading that request, as far as the answer depends on it."""
    connection = h11.Connection(h11.SERVER)
    if request is not None:
        head = f"{request.method} / HTTP/{request.version}\r\nHost: -\r\n\r\n"
        connection.receive_data(head.encode())
        connection.next_event()
    return connection


def _may_go_on(request: Request) -> bool:
    """RFC 9112, section 9.3, without the keep-alive that HTTP/1.0 may ask for.

    Nothing goes on behind an upgrade that was not made: a proxy in front may
    have believed in it, and now passes on whatever its client sends.
    """
    options = (option.lower() for option in request.headers.get_list("connection"))
    ends = "close" in options or "upgrade" in request.headers
    return request.version == "1.1" and not ends


def _checked(text: str) -> bytes:
    """Text that may stand in a head; `ValueError` if it could end its line."""
    if _CONTROL.search(text):
        raise ValueError(f"control characters in {text!r}")
    return text.encode("latin-1")


def whole(response: Response, request: Request | None, *, date: str) -> bytes:
    """All bytes of a response after which the connection is closed."""
    writer = ResponseWriter(request, date=date)
    ours = (("Content-Length", str(len(response.body))), ("Connection", "close"))
    head = writer.head(response.status, (*response.headers, *ours))
    return head + writer.body(response.body) + writer.end()


def refusal(error: ProxyError) -> Response:
    """The answer to what was refused: its status, its slug, and its one line."""
    headers = (
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("Wsproxy-Reason", error.slug),
        *error.headers,
    )
    return Response(error.http_status, headers, f"{error.reason}\n".encode())
