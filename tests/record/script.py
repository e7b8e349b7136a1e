"""A strict reader of records, and a session to record.

It takes no more of the language than a record needs, so whatever it takes a
browser takes too.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from wsproxy_gevent.model import Dialect, Direction, Peer, SessionId, TcpTarget
from wsproxy_gevent.observer import SessionInfo

UP, DOWN = Direction.UPSTREAM, Direction.DOWNSTREAM

INFO = SessionInfo(
    id=SessionId("0123456789abcdef"),
    peer=Peer("192.0.2.1", 40000),
    target=TcpTarget("localhost", 5900),
    dialect=Dialect.RFC_6455,
    subprotocol="binary",
    tls=None,
    path="/websockify?token=secret",
    opened_at=1795420422.25,  # 2026-11-23T07:53:42.250Z
)

# One single-quoted literal: printable ASCII but quote, backslash and `<`, or an escape.
LITERAL = re.compile(
    rb"'((?:[ !\"#$%&(-;=-\[\]-~]|\\\\|\\'|\\n|\\r|\\t|\\x[0-9a-f]{2})*)'(,|\];)\n"
)

ESCAPE = re.compile(rb"\\(x..|.)")

ESCAPES = {b"\\": b"\\", b"'": b"'", b"n": b"\n", b"r": b"\r", b"t": b"\t"}

OPENING = re.compile(
    rb"var VNC_frame_encoding = 'binary';\n"
    rb"// [ -~]*\n"
    rb"var WSPROXY_record = (\{[ -;=-~]*\});\n"
    rb"var VNC_frame_data = \[\n"
)


@dataclass
class Script:
    about: dict[str, Any]
    frames: list[tuple[Direction, int, bytes]]


def read_script(text: bytes) -> Script:
    """Raises `AssertionError` where the text is no valid record."""
    opening = OPENING.match(text)
    assert opening, text[:300]
    literals = read_literals(text[opening.end() :])
    assert literals.pop() == b"EOF"
    return Script(json.loads(opening[1]), [read_frame(literal) for literal in literals])


def read_literals(text: bytes) -> list[bytes]:
    literals, at, separator = [], 0, b","
    while separator == b",":
        found = LITERAL.match(text, at)
        assert found, text[at : at + 100]
        literals.append(ESCAPE.sub(unescape, found[1]))
        at, separator = found.end(), found[2]
    assert at == len(text), text[at:]
    return literals


def unescape(found: re.Match[bytes]) -> bytes:
    escape = found[1]
    return bytes.fromhex(escape[1:].decode()) if escape[:1] == b"x" else ESCAPES[escape]


def read_frame(literal: bytes) -> tuple[Direction, int, bytes]:
    """As the player takes it apart, with the same delimiter twice."""
    mark = literal[:1]
    milliseconds, delimiter, payload = literal[1:].partition(mark)
    assert delimiter == mark
    assert milliseconds.isdigit()
    return {b"}": UP, b"{": DOWN}[mark], int(milliseconds), payload
