"""The handshake of RFC 6455, which HyBi drafts 7 and 8 share to the byte.

They differ in the number of the version, and in where the client puts its
origin.
"""

from __future__ import annotations

import hashlib
import re
from binascii import b2a_base64

from ..errors import BadHandshake
from .message import Request

PROTOCOL_FIELD = "sec-websocket-protocol"
PREFERRED = ("binary", "base64")

# RFC 6455, section 1.3.
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

# RFC 6455, section 4.1: "a nonce consisting of a randomly selected 16-byte
# value that has been base64-encoded".
_KEY = re.compile(r"[A-Za-z0-9+/]{22}==")

_ANSWER = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


def accept_for(key: str) -> str:
    """The Sec-WebSocket-Accept that answers a key (RFC 6455, section 4.2.2)."""
    digest = hashlib.sha1(key.encode("latin-1") + GUID, usedforsecurity=False).digest()
    return b2a_base64(digest, newline=False).decode()


def answer_to(request: Request, subprotocol: str | None, extensions: str | None = None) -> bytes:
    """The 101, whole.  Raises `BadHandshake` if the key is none."""
    key = request.headers.get("sec-websocket-key") or ""
    if not _KEY.fullmatch(key):
        raise BadHandshake("Sec-WebSocket-Key must be 16 bytes in base64")
    more = "" if subprotocol is None else f"Sec-WebSocket-Protocol: {subprotocol}\r\n"
    if extensions is not None:
        more += f"Sec-WebSocket-Extensions: {extensions}\r\n"
    return f"{_ANSWER}Sec-WebSocket-Accept: {accept_for(key)}\r\n{more}\r\n".encode("ascii")
