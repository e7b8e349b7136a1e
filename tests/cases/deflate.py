"""Compressed messages as literal bytes, and what a server must make of them.

All are masked with the key 00 00 00 00, so that their payload can be read.
"""

from __future__ import annotations

import zlib

from tests.cases.frames import Case, binary, close, failed, ping, text

# -- RFC 7692, section 7.2.3: the payloads, and how they are framed ------------------

HELLO = b"\xf2\x48\xcd\xc9\xc9\x07\x00"
HELLO_AGAIN = b"\xf2\x00\x11\x00\x00"  # refers back to the one before
HELLO_STORED = b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"
HELLO_FINAL = b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"
HELLO_IN_TWO_BLOCKS = b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"
EMPTY = b"\x00"


def masked(first: int, payload: bytes) -> bytes:
    """A frame of at most 65,535 bytes under a key of zeros."""
    size = len(payload)
    length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes((first,)) + length + b"\0\0\0\0" + payload


EXAMPLES: dict[str, Case] = {
    "7.2.3.1, a message of one block": (masked(0xC1, HELLO), [text(b"Hello")]),
    "7.2.3.1, the same in two fragments": (
        masked(0x41, HELLO[:3]) + masked(0x80, HELLO[3:]),
        [text(b"Hello")],
    ),
    "7.2.3.2, a window that is shared": (
        masked(0xC1, HELLO) + masked(0xC1, HELLO_AGAIN),
        [text(b"Hello"), text(b"Hello")],
    ),
    "7.2.3.3, a block without compression": (masked(0xC1, HELLO_STORED), [text(b"Hello")]),
    "7.2.3.4, a block marked as the last": (masked(0xC1, HELLO_FINAL), [text(b"Hello")]),
    "7.2.3.5, two blocks": (masked(0xC1, HELLO_IN_TWO_BLOCKS), [text(b"Hello")]),
    "7.2.3.6, an empty message": (masked(0xC2, EMPTY), [binary(b"")]),
}

# -- What else is allowed -------------------------------------------------------------

GOOD: dict[str, Case] = {
    "an uncompressed message": (masked(0x81, b"Hello"), [text(b"Hello")]),
    "a fragmented one": (masked(0x01, b"Hel") + masked(0x80, b"lo"), [text(b"Hello")]),
    "compressed, plain, compressed": (
        masked(0xC1, HELLO) + masked(0x82, HELLO) + masked(0xC1, HELLO_AGAIN),
        [text(b"Hello"), binary(HELLO), text(b"Hello")],
    ),
    "empty fragments around and between": (
        masked(0x41, b"")
        + masked(0x00, HELLO[:2])
        + masked(0x00, b"")
        + masked(0x00, HELLO[2:])
        + masked(0x80, b""),
        [text(b"Hello")],
    ),
    "a ping between fragments": (
        masked(0x42, HELLO_STORED[:7]) + masked(0x89, HELLO) + masked(0x80, HELLO_STORED[7:]),
        [binary(b"He", False), ping(HELLO), binary(b"llo")],
    ),
    "a close between fragments": (
        masked(0x42, HELLO_STORED[:7]) + masked(0x88, b"\x03\xe8"),
        [binary(b"He", False), close(1000)],
    ),
    "the tail is sent besides": (masked(0xC1, HELLO_STORED + b"\0\0\xff\xff\0"), [text(b"Hello")]),
    "a last block without anything behind it": (
        masked(0xC1, HELLO_FINAL[:-1]) + masked(0xC1, HELLO),
        [text(b"Hello"), text(b"Hello")],
    ),
    "a last block, and an empty last fragment": (
        masked(0x41, HELLO_FINAL[:-1]) + masked(0x80, b"") + masked(0xC1, HELLO),
        [text(b"Hello"), text(b"Hello")],
    ),
    "last blocks one behind the other": (
        masked(0xC2, HELLO_FINAL[:-1] * 3 + HELLO),
        [binary(b"Hello" * 4)],
    ),
    "no byte at all, and then a message": (
        masked(0xC2, b"") + masked(0xC1, HELLO),
        [binary(b""), text(b"Hello")],
    ),
    "empty messages": (
        masked(0xC1, EMPTY) + masked(0xC2, EMPTY) + masked(0xC1, HELLO),
        [text(b""), binary(b""), text(b"Hello")],
    ),
}

# -- What is not ------------------------------------------------------------------------

_RSV1 = failed(1002, "RSV1 is for the first frame of a message (RFC 7692, section 6)")
_OTHERS = failed(1002, "reserved bits are set that no extension agreed on has a use for")
NOT_DEFLATE = failed(1002, "the compressed data is not DEFLATE")
UNFOLDS = failed(1009, "a message unfolds to over 1000 times its size")

BAD: dict[str, Case] = {
    "RSV1 on a ping, its first byte alone": (b"\xc9", [_RSV1]),
    "RSV1 on a close": (masked(0xC8, b""), [_RSV1]),
    "RSV1 on a reserved opcode": (masked(0xC3, b""), [_RSV1]),
    "RSV1 on a continuation": (
        masked(0x42, HELLO_STORED[:6]) + b"\xc0",
        [binary(b"H", False), _RSV1],
    ),
    "RSV1 on a continuation of a plain message": (
        masked(0x02, b"H") + b"\xc0",
        [binary(b"H", False), _RSV1],
    ),
    "RSV1 without a message to continue": (b"\xc0", [_RSV1]),
    "RSV2": (b"\xa1", [_OTHERS]),
    "RSV3 besides RSV1": (b"\xd1", [_OTHERS]),
    "a block of no type": (masked(0xC1, b"\x06"), [NOT_DEFLATE]),
    "a block of no type behind a good one": (
        masked(0xC1, HELLO_STORED[:-1] + b"\x06rest"),
        [text(b"Hello", False), NOT_DEFLATE],
    ),
    "a stored block whose length is wrong": (masked(0xC1, b"\x00\x05\x00\xfa\xfe"), [NOT_DEFLATE]),
    "a reference to what never was": (
        masked(0xC1, HELLO_AGAIN),
        [text(b"H", False), NOT_DEFLATE],
    ),
    "a reference over an end": (
        masked(0xC1, HELLO_FINAL) + masked(0xC1, HELLO_AGAIN),
        [text(b"Hello"), text(b"H", False), NOT_DEFLATE],
    ),
    "a good message, then rubbish": (
        masked(0x82, b"Hello") + masked(0xC2, b"\xff\xff"),
        [binary(b"Hello"), NOT_DEFLATE],
    ),
}


def zeros(size: int) -> bytes:
    """A message of so many megabytes of zeros, over 1000:1."""
    return (_MEGABYTE * size).removesuffix(b"\0\0\xff\xff")


_encoder = zlib.compressobj(9, zlib.DEFLATED, -15)
_MEGABYTE = _encoder.compress(bytes(1 << 20)) + _encoder.flush(zlib.Z_SYNC_FLUSH)


def frame(first: int, payload: bytes) -> bytes:
    """A frame of any size under a key of zeros."""
    if len(payload) < 65536:
        return masked(first, payload)
    return bytes((first, 0xFF)) + len(payload).to_bytes(8, "big") + b"\0\0\0\0" + payload
