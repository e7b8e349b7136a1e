"""WebSocket handshakes as bytes: what answers them, or what refuses them."""

from __future__ import annotations

from dataclasses import dataclass

from wsproxy_gevent.errors import (
    BadHandshake,
    MethodNotAllowed,
    ProxyError,
    SubprotocolRefused,
    VersionRefused,
)
from wsproxy_gevent.model import Dialect


@dataclass(frozen=True)
class Accepted:
    """A handshake over a plain socket, under the default rules."""

    request: bytes
    answer: bytes
    dialect: Dialect
    subprotocol: str | None = None
    base64: bool = False
    body: bytes = b""


def hybi(*lines: bytes, version: bytes = b"13") -> bytes:
    """A handshake as browsers send it, with these header lines more."""
    return b"\r\n".join(
        (
            b"GET /chat HTTP/1.1",
            b"Host: server.example.com",
            b"Upgrade: websocket",
            b"Connection: Upgrade",
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            b"Sec-WebSocket-Version: " + version,
            *lines,
            b"",
            b"",
        )
    )


def hixie(*lines: bytes) -> bytes:
    """A draft-75 handshake, with these header lines more."""
    return b"\r\n".join(
        (
            b"GET /demo?a=b HTTP/1.1",
            b"Upgrade: WebSocket",
            b"Connection: Upgrade",
            b"Host: example.com:6080",
            b"Origin: http://example.com",
            *lines,
            b"",
            b"",
        )
    )


KEY1 = b"Sec-WebSocket-Key1: 18x 6]8vM;54 *(5:  {   U1]8  z [  8"
KEY2 = b"Sec-WebSocket-Key2: 1_ tx7X d  <  nw  334J702) 7]o}` 0"

HYBI_ANSWER = (
    b"HTTP/1.1 101 Switching Protocols\r\n"
    b"Upgrade: websocket\r\n"
    b"Connection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
)
HIXIE_75_ANSWER = (
    b"HTTP/1.1 101 Web Socket Protocol Handshake\r\n"
    b"Upgrade: WebSocket\r\n"
    b"Connection: Upgrade\r\n"
    b"WebSocket-Origin: http://example.com\r\n"
    b"WebSocket-Location: ws://example.com:6080/demo?a=b\r\n"
)
HIXIE_76_ANSWER = (
    b"HTTP/1.1 101 WebSocket Protocol Handshake\r\n"
    b"Upgrade: WebSocket\r\n"
    b"Connection: Upgrade\r\n"
    b"Sec-WebSocket-Origin: http://example.com\r\n"
    b"Sec-WebSocket-Location: ws://example.com:6080/demo?a=b\r\n"
)

ACCEPTED: dict[str, Accepted] = {
    # RFC 6455, section 1.3, with its subprotocol
    "rfc 6455": Accepted(
        hybi(
            b"Origin: http://example.com",
            b"Sec-WebSocket-Protocol: chat, superchat",
        ),
        HYBI_ANSWER + b"Sec-WebSocket-Protocol: chat\r\n\r\n",
        Dialect.RFC_6455,
        "chat",
    ),
    "rfc 6455 without a subprotocol": Accepted(hybi(), HYBI_ANSWER + b"\r\n", Dialect.RFC_6455),
    "hybi-08": Accepted(
        hybi(b"Sec-WebSocket-Origin: http://a", version=b"8"),
        HYBI_ANSWER + b"\r\n",
        Dialect.HYBI_08,
    ),
    "hybi-07": Accepted(hybi(version=b"7"), HYBI_ANSWER + b"\r\n", Dialect.HYBI_07),
    "base64": Accepted(
        hybi(b"Sec-WebSocket-Protocol: base64"),
        HYBI_ANSWER + b"Sec-WebSocket-Protocol: base64\r\n\r\n",
        Dialect.RFC_6455,
        "base64",
        base64=True,
    ),
    "lists in any case": Accepted(
        b"GET / HTTP/1.1\r\nHOST: a\r\nUPGRADE: h2c, WebSocket\r\n"
        b"connection: keep-alive , UPGRADE\r\nSEC-WEBSOCKET-VERSION:13\r\n"
        b"Sec-WebSocket-Key:  dGhlIHNhbXBsZSBub25jZQ==\t\r\n\r\n",
        HYBI_ANSWER + b"\r\n",
        Dialect.RFC_6455,
    ),
    "hixie-75": Accepted(hixie(), HIXIE_75_ANSWER + b"\r\n", Dialect.HIXIE_75, base64=True),
    "hixie-75 with a subprotocol": Accepted(
        hixie(b"WebSocket-Protocol: sample"),
        HIXIE_75_ANSWER + b"WebSocket-Protocol: sample\r\n\r\n",
        Dialect.HIXIE_75,
        "sample",
        base64=True,
    ),
    # Draft 76, section 1.2, and the numbers of its section 5.2
    "hixie-76": Accepted(
        hixie(KEY1, KEY2, b"Sec-WebSocket-Protocol: sample"),
        HIXIE_76_ANSWER + b"Sec-WebSocket-Protocol: sample\r\n\r\nfQJ,fN/4F4!~K~MH",
        Dialect.HIXIE_76,
        "sample",
        base64=True,
        body=b"Tm[K T2u",
    ),
    "hixie-76 of the overview": Accepted(
        hixie(
            b"Sec-WebSocket-Key2: 12998 5 Y3 1  .P00",
            b"Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5",
        ),
        HIXIE_76_ANSWER + b"\r\n8jKS'y:G*Co,Wxa-",
        Dialect.HIXIE_76,
        base64=True,
        body=b"^n:ds[4U",
    ),
    "hixie-76 at the largest number": Accepted(
        hixie(
            b"Sec-WebSocket-Key1: 42949 67295",
            b"Sec-WebSocket-Key2: 0 0",
        ),
        # md5 of ff ff ff ff, 00 00 00 00 and the body
        HIXIE_76_ANSWER + b"\r\n" + bytes.fromhex("439844caecf69b1c7dfc310057aa4705"),
        Dialect.HIXIE_76,
        base64=True,
        body=b"\r\n\r\n\x00\xff\r\n",
    ),
}


def without(wire: bytes, name: bytes) -> bytes:
    """A head without the lines of that name."""
    lines = wire.split(b"\r\n")
    return b"\r\n".join(line for line in lines if not line.startswith(name + b":"))


def key(value: bytes) -> bytes:
    """The handshake of HyBi with another key."""
    return hybi().replace(b"dGhlIHNhbXBsZSBub25jZQ==", value)


def keys(first: bytes, second: bytes = b"1 ;") -> bytes:
    """A draft-76 handshake with these keys; a number is its digits over its spaces."""
    return hixie(b"Sec-WebSocket-Key1: " + first, b"Sec-WebSocket-Key2: " + second)


# (bytes, what they are refused with)
REFUSED: dict[str, tuple[bytes, type[ProxyError]]] = {
    # What a proxy in between makes of it
    "no upgrade": (without(hybi(), b"Upgrade"), BadHandshake),
    "no connection": (without(hybi(), b"Connection"), BadHandshake),
    "neither": (without(without(hybi(), b"Connection"), b"Upgrade"), BadHandshake),
    "connection: close": (
        hybi().replace(b"Connection: Upgrade", b"Connection: close"),
        BadHandshake,
    ),
    "http/1.0": (hybi().replace(b"HTTP/1.1", b"HTTP/1.0"), BadHandshake),
    "hixie without connection": (without(hixie(), b"Connection"), BadHandshake),
    "keys without upgrade": (without(hixie(KEY1, KEY2), b"Upgrade"), BadHandshake),
    "another upgrade": (hybi().replace(b"Upgrade: websocket", b"Upgrade: h2c"), BadHandshake),
    # Methods
    "HEAD": (hybi().replace(b"GET", b"HEAD"), MethodNotAllowed),
    "HEAD of hixie": (hixie().replace(b"GET", b"HEAD"), MethodNotAllowed),
    # Versions
    "version 6": (hybi(version=b"6"), VersionRefused),
    "version 14": (hybi(version=b"14"), VersionRefused),
    "version 013": (hybi(version=b"013"), VersionRefused),
    "version 13, 8": (hybi(version=b"13, 8"), VersionRefused),
    "version x": (hybi(version=b"x"), VersionRefused),
    "version of nothing": (hybi(version=b""), VersionRefused),
    "no version": (without(hybi(), b"Sec-WebSocket-Version"), VersionRefused),
    # Keys of HyBi
    "no key": (without(hybi(), b"Sec-WebSocket-Key"), BadHandshake),
    "an empty key": (key(b""), BadHandshake),
    "a key of 15 bytes": (key(b"AAAAAAAAAAAAAAAAAAAA"), BadHandshake),
    "a key of 17 bytes": (key(b"AAAAAAAAAAAAAAAAAAAAAAA="), BadHandshake),
    "a key of one letter less": (key(b"AAAAAAAAAAAAAAAAAAAAA=="), BadHandshake),
    "a key without its end": (key(b"dGhlIHNhbXBsZSBub25jZQ"), BadHandshake),
    "a key of other letters": (key(b"dGhlIHNhbXBsZSBub25j_-=="), BadHandshake),
    "a key above ascii": (key(b"dGhlIHNhbXBsZSBub25j\xe9\xe9=="), BadHandshake),
    # Hixie
    "hixie without origin": (without(hixie(), b"Origin"), BadHandshake),
    "hixie with an empty origin": (
        hixie().replace(b"Origin: http://example.com", b"Origin:"),
        BadHandshake,
    ),
    "hixie with an origin of two words": (
        hixie().replace(b"http://example.com", b"http://a b"),
        BadHandshake,
    ),
    "hixie with a tab in its origin": (
        hixie().replace(b"http://example.com", b"http://a\tb"),
        BadHandshake,
    ),
    "hixie with an origin above ascii": (
        hixie().replace(b"http://example.com", b"http://\xe9"),
        BadHandshake,
    ),
    "hixie with an origin that has a path": (
        hixie().replace(b"http://example.com", b"http://example.com/"),
        BadHandshake,
    ),
    "hixie with an origin of markup": (
        hixie().replace(b"http://example.com", b"http://a/<script>"),
        BadHandshake,
    ),
    "hixie with a host for an origin": (
        hixie().replace(b"http://example.com", b"example.com"),
        BadHandshake,
    ),
    "hixie with an empty host": (
        hixie().replace(b"Host: example.com:6080", b"Host:"),
        BadHandshake,
    ),
    "hixie-76 without origin": (without(hixie(KEY1, KEY2), b"Origin"), BadHandshake),
    "the first key alone": (hixie(KEY1), BadHandshake),
    "the second key alone": (hixie(KEY2), BadHandshake),
    "a key without spaces": (keys(b"18x6"), BadHandshake),
    "a key with a tab for a space": (keys(b"1\t8"), BadHandshake),
    "a key without digits": (keys(b"a b c"), BadHandshake),
    "a key of other digits": (keys(b"\xb2 \xb3"), BadHandshake),
    "a number no multiple of its spaces": (keys(b"1 2 3;"), BadHandshake),
    "a number over 32 bits": (keys(b"4294967296 ;"), BadHandshake),
    "a number of eleven digits": (keys(b"00000000010 ;"), BadHandshake),
    "a number of thousands of digits": (keys(b"9" * 5000 + b" ;"), BadHandshake),
    "a second key without spaces": (keys(b"1 ;", b"18x6"), BadHandshake),
    "a second number no multiple": (keys(b"1 ;", b"1 2 3;"), BadHandshake),
}

# (offered, the answer by the default rules, the answer of Hixie)
SUBPROTOCOLS: dict[str, tuple[list[str], str | None, str | None]] = {
    "none": ([], None, None),
    "binary": (["binary"], "binary", "binary"),
    "base64": (["base64"], "base64", "base64"),
    "both": (["base64, binary"], "binary", "base64"),
    "the target's own": (["mqtt"], "mqtt", "mqtt"),
    "the first of the target's own": (["mqttv3.1, mqtt"], "mqttv3.1", "mqttv3.1"),
    "ours behind the target's": (["mqtt,base64"], "base64", "base64"),
    "over several lines": (["chat", "mqtt , binary"], "binary", "chat"),
    "white space and nothing": ([" ,\t, ", ",binary\t,"], "binary", "binary"),
    "an empty line": ([""], None, None),
    "in other letters": (["Binary"], "Binary", "Binary"),
    "a bearer token first": (["token.c2VjcmV0, binary"], "binary", "binary"),
    "a bearer token before the target's": (["token.c2VjcmV0, mqtt"], "mqtt", "mqtt"),
    "a bearer token alone": (["token.c2VjcmV0"], None, None),
    "a word that only begins so": (["tokens"], "tokens", "tokens"),
    "what is no token": (['a b, "x", c/d, \xe9, mqtt'], "mqtt", "mqtt"),
    "nothing that is a token": (["a b"], None, None),
}

# (offered, allowed, the answer or the refusal)
RESTRICTED: list[tuple[str, tuple[str, ...], str | type[ProxyError] | None]] = [
    ("binary", ("binary",), "binary"),
    ("binary, mqtt", ("mqtt", "binary"), "mqtt"),
    ("binary, base64", ("base64",), "base64"),
    ("mqtt", ("binary", "base64"), SubprotocolRefused),
    ("token.c2VjcmV0, chat", ("mqtt",), SubprotocolRefused),
    ("token.c2VjcmV0", ("mqtt",), None),
    ("", ("mqtt",), None),
]
