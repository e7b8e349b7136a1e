"""The handshake of RFC 6455, which HyBi drafts 7 and 8 share to the byte.

They differ in the number of the version, and in where the client puts its
origin.
"""

from __future__ import annotations

import base64
import hashlib
import re

from ..errors import BadHandshake
from .message import Request

PROTOCOL_FIELD = "sec-websocket-protocol"
PREFERRED = ("binary", "base64")

# RFC 6455, section 1.3.
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

# RFC 6455, section 4.1: "a nonce consisting of a randomly selected 16-byte
# value that has been base64-encoded".
_KEY = re.compile(r"[A-Za-z0-9+/]{22}==")


def accept_for(key: str) -> str:
    """The Sec-WebSocket-Accept that answers a key (RFC 6455, section 4.2.2)."""
    digest = hashlib.sha1(key.encode("latin-1") + GUID, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


def answer_to(request: Request, subprotocol: str | None, extensions: str | None = None) -> bytes:
    """The 101, whole.  Raises `BadHandshake` if the key is none."""
    key = request.headers.get("sec-websocket-key") or ""
    if not _KEY.fullmatch(key):
        raise BadHandshake("Sec-WebSocket-Key must be 16 bytes in base64")
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accept_for(key)}",
    ]
    if subprotocol is not None:
        lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
    if extensions is not None:
        lines.append(f"Sec-WebSocket-Extensions: {extensions}")
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("ascii")
