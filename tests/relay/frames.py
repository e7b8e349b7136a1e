"""Frames as literal as they can be: a mask of zeros leaves the payload readable."""

from __future__ import annotations

import struct

NO_MASK = b"\x00\x00\x00\x00"


def _length(size: int, masked: int) -> bytes:
    if size < 126:
        return bytes((masked | size,))
    if size < 1 << 16:
        return bytes((masked | 126,)) + struct.pack("!H", size)
    return bytes((masked | 127,)) + struct.pack("!Q", size)


def from_client(payload: bytes, opcode: int = 0x2, *, fin: bool = True) -> bytes:
    """A client's frame; of opcode 0x2, a binary message."""
    return bytes((fin << 7 | opcode,)) + _length(len(payload), 0x80) + NO_MASK + payload


def from_server(payload: bytes, opcode: int = 0x2, *, fin: bool = True) -> bytes:
    """Our own frame, which is not masked."""
    return bytes((fin << 7 | opcode,)) + _length(len(payload), 0) + payload


def ping(payload: bytes = b"") -> bytes:
    return from_client(payload, 0x9)


def close(code: int | None = 1000, reason: bytes = b"") -> bytes:
    """A client's Close."""
    return from_client(b"" if code is None else struct.pack("!H", code) + reason, 0x8)


def closed(code: int, reason: bytes = b"") -> bytes:
    """Our Close."""
    return from_server(struct.pack("!H", code) + reason, 0x8)
