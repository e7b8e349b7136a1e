"""The handshakes before HyBi: draft-hixie-thewebsocketprotocol-75 and -76.

Both echo what the client sent: its origin, and the address it believes to
be at.  So each echoed value is held to visible ASCII first, and nothing of
it can end a line.  Draft 76 adds a challenge: two numbers hidden in header
values and eight bytes behind the head, answered by their MD5.
"""

from __future__ import annotations

import re
import struct

from ..errors import BadHandshake
from ..model import Dialect
from .message import Headers, Request

# What carries the payload in Hixie frames, which hold only text.
PREFERRED = ("base64",)

# Draft 76 put "Sec-" before each name, which no script can set.
_PREFIX = {Dialect.HIXIE_75: "", Dialect.HIXIE_76: "Sec-"}
_STATUS = {
    Dialect.HIXIE_75: "101 Web Socket Protocol Handshake",
    Dialect.HIXIE_76: "101 WebSocket Protocol Handshake",
}
PROTOCOL_FIELD = {
    dialect: f"{prefix.lower()}websocket-protocol" for dialect, prefix in _PREFIX.items()
}

KEY_FIELDS = ("sec-websocket-key1", "sec-websocket-key2")
KEY3_LENGTH = 8

# Draft 76, section 4.1: a client keeps the product of its number and its
# spaces, which is what the digits say, within 32 bits.
_LARGEST = 4294967295
_LARGEST_DIGITS = len(str(_LARGEST))

_VISIBLE = re.compile(r"[\x21-\x7e]+")

# A scheme and an authority, which a file has empty; "null" is what a browser
# says for a page without an origin (RFC 6454, section 6.1).
_ORIGIN = re.compile(r"null|[A-Za-z][A-Za-z0-9+.-]*://[A-Za-z0-9._~!$&'()*+,;=%:\[\]-]*")


def head_for(
    dialect: Dialect, request: Request, subprotocol: str | None, *, secure: bool
) -> bytes:
    """The 101 up to its empty line.  `secure` gives the location its scheme.

    Raises `BadHandshake` if the request lacks an Origin or a Host, if one of
    them or the target is not visible ASCII, or if the Origin is none.
    """
    prefix = _PREFIX[dialect]
    origin = _visible("Origin", request.headers.get("origin"))
    if not _ORIGIN.fullmatch(origin):
        raise BadHandshake("the Origin must be a scheme and a host, or null")
    host = _visible("Host", request.headers.get("host"))
    target = _visible("request target", request.target)
    lines = [
        f"HTTP/1.1 {_STATUS[dialect]}",
        "Upgrade: WebSocket",
        "Connection: Upgrade",
        f"{prefix}WebSocket-Origin: {origin}",
        f"{prefix}WebSocket-Location: {'wss' if secure else 'ws'}://{host}{target}",
    ]
    if subprotocol is not None:
        lines.append(f"{prefix}WebSocket-Protocol: {subprotocol}")
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("ascii")


def challenge_of(headers: Headers) -> bytes:
    """The numbers in both keys, as draft 76 hashes them: big-endian, 32 bits each.

    Raises `BadHandshake`.
    """
    return struct.pack(">II", *(_number_in(headers.get(field) or "") for field in KEY_FIELDS))


def _number_in(key: str) -> int:
    """Draft 76, section 5.2: a key's digits over its spaces."""
    digits = "".join(re.findall("[0-9]", key))
    spaces = key.count(" ")
    if not digits or not spaces or len(digits) > _LARGEST_DIGITS:
        raise BadHandshake("Sec-WebSocket-Key1 and -Key2 need digits and spaces (Hixie-76)")
    number = int(digits)
    if number > _LARGEST or number % spaces:
        raise BadHandshake("a Sec-WebSocket-Key's number is no multiple of its spaces (Hixie-76)")
    return number // spaces


def _visible(name: str, value: str | None) -> str:
    if not value:
        raise BadHandshake(f"without Sec-WebSocket-Version this is Hixie, which needs its {name}")
    if not _VISIBLE.fullmatch(value):
        raise BadHandshake(f"the {name} must be visible ASCII")
    return value
