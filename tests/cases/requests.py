"""Request heads as bytes: what they mean, or with what status they are refused."""

from __future__ import annotations

from wsproxy_gevent.wire.message import Headers, Request

HIXIE_KEY1 = "18x 6]8vM;54 *(5:  {   U1]8  z [  8"
HIXIE_KEY2 = "1_ tx7X d  <  nw  334J702) 7]o}` 0"

# (bytes of a head, the request they are)
GOOD: dict[str, tuple[bytes, Request]] = {
    "the least": (
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        Request("GET", "/", "1.1", Headers([("host", "a")])),
    ),
    "http/1.0": (
        b"GET /healthz HTTP/1.0\r\nHost: a\r\n\r\n",
        Request("GET", "/healthz", "1.0", Headers([("host", "a")])),
    ),
    "query, outer white space, empty value": (
        b"HEAD /a/b?c=d&e HTTP/1.1\r\nHost:a:80\r\nX-Tab:\t x\ty \t\r\nX-Empty:\r\n\r\n",
        Request(
            "HEAD",
            "/a/b?c=d&e",
            "1.1",
            Headers([("host", "a:80"), ("x-tab", "x\ty"), ("x-empty", "")]),
        ),
    ),
    "bytes above ascii in a value": (
        b"GET / HTTP/1.1\r\nHost: a\r\nX: \xa0\xff\x85\r\n\r\n",
        Request("GET", "/", "1.1", Headers([("host", "a"), ("x", "\xa0\xff\x85")])),
    ),
    "a body of nothing": (
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        Request("GET", "/", "1.1", Headers([("host", "a"), ("content-length", "0")])),
    ),
    "a host in brackets": (
        b"GET / HTTP/1.1\r\nHost: [::1]:6080\r\n\r\n",
        Request("GET", "/", "1.1", Headers([("host", "[::1]:6080")])),
    ),
    "absolute form": (
        b"GET http://b:81/x?y HTTP/1.1\r\nX: 1\r\nHost: a\r\n\r\n",
        Request("GET", "/x?y", "1.1", Headers([("host", "b:81"), ("x", "1")])),
    ),
    "absolute form without a path": (
        b"GET HTTPS://b?y HTTP/1.0\r\nHost: a\r\n\r\n",
        Request("GET", "/?y", "1.0", Headers([("host", "b")])),
    ),
    "empty lines before it": (
        b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        Request("GET", "/", "1.1", Headers([("host", "a")])),
    ),
    "repeated lines of a list": (
        b"GET / HTTP/1.1\r\nHost: a\r\nAccept: x\r\nAccept: y, z\r\n\r\n",
        Request("GET", "/", "1.1", Headers([("host", "a"), ("accept", "x"), ("accept", "y, z")])),
    ),
    "hixie-76 keys": (
        (
            b"GET /demo HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key2: 1_ tx7X d  <  nw  334J702) 7]o}` 0\r\n"
            b"Upgrade: WebSocket\r\n"
            b"Sec-WebSocket-Key1: 18x 6]8vM;54 *(5:  {   U1]8  z [  8\r\n"
            b"Origin: http://example.com\r\n\r\n"
        ),
        Request(
            "GET",
            "/demo",
            "1.1",
            Headers(
                [
                    ("host", "example.com"),
                    ("connection", "Upgrade"),
                    ("sec-websocket-key2", HIXIE_KEY2),
                    ("upgrade", "WebSocket"),
                    ("sec-websocket-key1", HIXIE_KEY1),
                    ("origin", "http://example.com"),
                ]
            ),
        ),
    ),
}

# What may stand behind a head in the same segment.
BEHIND = {
    "nothing": b"",
    "hixie-76's eight bytes": b"\r\n\r\n\x00\xff\r\n",
    "a frame": b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
    "the next request": b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n",
}


def get(*lines: bytes, target: bytes = b"/", version: bytes = b"HTTP/1.1") -> bytes:
    """A GET of these header lines, Host among them."""
    head = (b"GET " + target + b" " + version, b"Host: a", *lines, b"", b"")
    return b"\r\n".join(head)


# (bytes, the status that refuses them)
BAD: dict[str, tuple[bytes, int]] = {
    # Lines
    "bare LF ends the request line": (b"GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
    "bare LF ends a header line": (b"GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n", 400),
    "bare LF as the empty line": (b"GET / HTTP/1.1\r\nHost: a\r\n\n", 400),
    "bare LF before the request": (b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "bare CR in a value": (get(b"X: a\rb"), 400),
    "bare CR before the CRLF": (get(b"X: a\r"), 400),
    "bare CR in the request line": (get(target=b"/\rx"), 400),
    "bare CR before the request": (b"\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "three empty lines before the request": (b"\r\n\r\n\r\n", 400),
    "folded by a blank": (get(b"X: a", b" b"), 400),
    "folded by a tab": (get(b"X: a", b"\tb"), 400),
    "folded at the first header line": (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
    "NUL in a value": (get(b"X: a\x00b"), 400),
    "SOH in a value": (get(b"X: a\x01b"), 400),
    "escape in a value": (get(b"X: \x1b[2J"), 400),
    "DEL in a value": (get(b"X: a\x7f"), 400),
    "vertical tab in a value": (get(b"X: a\x0bb"), 400),
    "NUL in a name": (get(b"X\x00: a"), 400),
    # Names
    "blank before the colon": (get(b"X : a"), 400),
    "tab before the colon": (get(b"X\t: a"), 400),
    "blank in a name": (get(b"X Y: a"), 400),
    "no colon": (get(b"X"), 400),
    "no name": (get(b": a"), 400),
    "a name in brackets": (get(b"(X): a"), 400),
    "a name above ascii": (get(b"\xc3\xa9: a"), 400),
    # The request line
    "no version": (b"GET /\r\nHost: a\r\n\r\n", 400),
    "no target": (b"GET HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "two blanks": (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "a tab for a blank": (b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "a blank at the end": (b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400),
    "a blank in the target": (get(target=b"/a b"), 400),
    "no token as method": (b"G@T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "http/0.9": (get(version=b"HTTP/0.9"), 400),
    "http/1.2": (get(version=b"HTTP/1.2"), 400),
    "http/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "http in small letters": (get(version=b"http/1.1"), 400),
    "three digits of version": (get(version=b"HTTP/1.10"), 400),
    # Targets
    "bytes above ascii in the target": (get(target=b"/\xc3\xa9"), 400),
    "DEL in the target": (get(target=b"/\x7f"), 400),
    "asterisk form": (get(target=b"*"), 400),
    "authority form": (get(target=b"a:80"), 400),
    "a relative path": (get(target=b"a"), 400),
    "a query alone": (get(target=b"?a"), 400),
    "another site's path": (get(target=b"//evil.example/"), 400),
    "another site's path with three": (get(target=b"///evil.example/"), 400),
    "another site's path by backslash": (get(target=b"/\\evil.example/"), 400),
    "another site's path in absolute form": (get(target=b"http://a//evil.example/"), 400),
    "a fragment": (get(target=b"/a#b"), 400),
    "a fragment in absolute form": (get(target=b"http://a#b"), 400),
    "absolute form of another scheme": (get(target=b"ftp://a/"), 400),
    "absolute form without a host": (get(target=b"http:///x"), 400),
    "absolute form with a user": (get(target=b"http://user@a/"), 400),
    # Hosts
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "no host in http/1.0": (b"GET /healthz HTTP/1.0\r\n\r\n", 400),
    "absolute form and no host": (b"GET http://b/ HTTP/1.0\r\n\r\n", 400),
    "two hosts": (get(b"Host: b"), 400),
    "the same host twice": (get(b"host: a"), 400),
    "a host with a path": (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    "a host with a user": (b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
    "a host with a blank": (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    "a host above ascii": (b"GET / HTTP/1.1\r\nHost: \xe9\r\n\r\n", 400),
    # Framing
    "a body": (get(b"Content-Length: 1") + b"x", 400),
    "a length with a sign": (get(b"Content-Length: +0"), 400),
    "a length below nothing": (get(b"Content-Length: -1"), 400),
    "a length of two zeros": (get(b"Content-Length: 00"), 400),
    "a list of lengths": (get(b"Content-Length: 0, 0"), 400),
    "an empty length": (get(b"Content-Length:"), 400),
    "the same length twice": (get(b"Content-Length: 0", b"Content-Length: 0"), 400),
    "two lengths": (get(b"Content-Length: 0", b"Content-Length: 9"), 400),
    "chunked": (get(b"Transfer-Encoding: chunked"), 400),
    "identity": (get(b"Transfer-Encoding: identity"), 400),
    "an unknown coding": (get(b"Transfer-Encoding: x"), 400),
    "an empty coding": (get(b"Transfer-Encoding:"), 400),
    "two codings": (get(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), 400),
    "length and coding": (get(b"Content-Length: 0", b"Transfer-Encoding: chunked"), 400),
    "length and coding of a POST": (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
        400,
    ),
    "a HEAD with a body": (b"HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n", 400),
    # Repeated fields of a handshake
    "two keys": (get(b"Sec-WebSocket-Key: a", b"Sec-WebSocket-Key: a"), 400),
    "two versions": (get(b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Version: 8"), 400),
    "two first keys": (get(b"Sec-WebSocket-Key1: 1 ", b"Sec-WebSocket-Key1: 1 "), 400),
    "two second keys": (get(b"Sec-WebSocket-Key2: 1 ", b"Sec-WebSocket-Key2: 1 "), 400),
    "two origins": (get(b"Origin: http://a", b"Origin: http://b"), 400),
    "two origins of hybi": (get(b"Sec-WebSocket-Origin: a", b"Sec-WebSocket-Origin: b"), 400),
    # Methods
    "POST": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", 405),
    "PUT in chunks": (b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 405),
    "OPTIONS": (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    "CONNECT": (b"CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n", 405),
    "TRACE": (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    "get in small letters": (b"get / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    # Sizes, at the defaults
    "a long request line": (get(target=b"/" + b"a" * 8190), 414),
    "a long request line without an end": (b"GET /" + b"a" * 8190, 414),
    "a long method": (b"G" * 8191, 414),
    "a long header line": (get(b"X: " + b"a" * 8190), 431),
    "a long header line without an end": (b"GET / HTTP/1.1\r\nX: " + b"a" * 8190, 431),
    "many header lines": (get(*[b"X: %d" % n for n in range(100)]), 431),
    "a large head": (get(*[b"X: " + b"a" * 8000] * 5), 431),
    "a large head without an end": (get(*[b"X: " + b"a" * 8000] * 4)[:-4] + b"a" * 800, 431),
}
