"""Masking: the XOR that every client frame comes under (RFC 6455, section 5.3).

Masking is its own inverse, so one function both masks and unmasks.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Protocol

from .. import engine
from ..model import Buffer


class _Xor(Protocol):
    def __call__(self, data: Buffer, key: bytes, /) -> bytes: ...


def xor_as_integers(data: Buffer, key: bytes, /) -> bytes:
    """XOR `data` with the repeated 4-byte key, as one long integer.

    No loop over bytes: reading, XOR and writing of the integer are each
    linear and run in C.
    """
    length = len(data)
    stretched = (key * (length // 4 + 1))[:length]
    number = int.from_bytes(data, sys.byteorder) ^ int.from_bytes(stretched, sys.byteorder)
    return number.to_bytes(length, sys.byteorder)


_xor: _Xor = xor_as_integers
if engine.COMPILED:
    from ._reader import xor as _xor
else:
    # An optional dependency: the same in C, where `websockets` is installed.
    with suppress(ImportError):
        from websockets.speedups import apply_mask as _xor


def apply_mask(data: Buffer, key: bytes, offset: int = 0) -> bytes:
    """Mask or unmask `data`, which begins `offset` bytes into its frame's payload.

    `key` has 4 bytes.  The result is always a fresh object.
    """
    turn = offset & 3
    return _xor(data, key[turn:] + key[:turn] if turn else key)
