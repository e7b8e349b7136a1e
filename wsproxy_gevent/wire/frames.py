"""HyBi frames one by one: first bytes, lengths, and the body of a Close.

What depends on the bytes of one frame alone stands here, as tables and
plain functions; `hybi` has what depends on the frames before it.
"""

from __future__ import annotations

import enum
import struct
from typing import NamedTuple

from ..errors import BadPayload, ProtocolError
from ..model import Buffer
from .session import Close, Opcode

FIN = 0x80
MASKED = 0x80
LONGEST_HEADER = 14
LONGEST_CONTROL = 125

# "Per-Message Compressed" (RFC 7692, section 6).
RSV1 = 0x40

_RESERVED_BITS = 0x70
_LONGEST_REASON = LONGEST_CONTROL - 2

_U16 = struct.Struct("!H")
_U64 = struct.Struct("!Q")


class Role(enum.Enum):
    """Which end of the connection we are (RFC 6455, section 5.1).

    A client masks what it sends, a server does not; each refuses a peer
    that does otherwise.
    """

    SERVER = "server"
    CLIENT = "client"


MASK_RULES = {
    Role.SERVER: "a client must mask its frames (RFC 6455, section 5.1)",
    Role.CLIENT: "a server must not mask its frames (RFC 6455, section 5.1)",
}


class Lead(NamedTuple):
    """The meaning of a frame's first byte."""

    opcode: Opcode
    fin: bool
    is_control: bool = False
    opens_message: bool = False
    compressed: bool = False


def _lead(first: int, *, inside: bool, deflate: bool = False) -> Lead | str:
    """What this first byte means inside or outside of a message, or why it can't be."""
    fin, number = bool(first & FIN), first & 0x0F
    if fault := _reserved_fault(first, number, inside=inside, deflate=deflate):
        return fault
    if number not in tuple(Opcode):
        return "the opcode is reserved"
    if number >= Opcode.CLOSE:
        lead = Lead(Opcode(number), fin, is_control=True)
        return lead if fin else "a control frame is fragmented"
    if inside and number:
        return "a message begins before the last one has ended"
    if not inside and not number:
        return "a continuation has no message to continue"
    compressed = bool(first & RSV1)
    return Lead(Opcode(number), fin, opens_message=not inside, compressed=compressed)


def _reserved_fault(first: int, number: int, *, inside: bool, deflate: bool) -> str:
    """What is wrong with the reserved bits; "" if nothing is."""
    reserved = first & _RESERVED_BITS
    if reserved and not deflate:
        return "reserved bits are set, and no extension was agreed on"
    if reserved & ~RSV1:
        return "reserved bits are set that no extension agreed on has a use for"
    if reserved and (inside or number not in (Opcode.TEXT, Opcode.BINARY)):
        return "RSV1 is for the first frame of a message (RFC 7692, section 6)"
    return ""


Leads = tuple[Lead | str, ...]

# One table for each state: between messages, and inside a fragmented one.
OUTSIDE: Leads = tuple(_lead(first, inside=False) for first in range(256))
INSIDE: Leads = tuple(_lead(first, inside=True) for first in range(256))

# The same where permessage-deflate was agreed on.
DEFLATE_OUTSIDE: Leads = tuple(_lead(first, inside=False, deflate=True) for first in range(256))
DEFLATE_INSIDE: Leads = tuple(_lead(first, inside=True, deflate=True) for first in range(256))

# The first bytes of messages of one frame.
WHOLE = {FIN | Opcode.TEXT: Opcode.TEXT, FIN | Opcode.BINARY: Opcode.BINARY}


# -- Lengths (RFC 6455, section 5.2) ---------------------------------------------


def long_length(head: Buffer, at: int, short: int) -> tuple[int, int] | None:
    """The length that `short`, 126 or 127, announces in the header at `at`.

    Returns it with the header's size up to its end, or None if not all of it
    is there.  Raises `ProtocolError`: "the minimal number of bytes MUST be
    used to encode the length" and "the most significant bit MUST be 0".
    """
    layout, least = (_U16, 126) if short == 126 else (_U64, 1 << 16)
    have = len(head) - at - 2
    if layout is _U64 and have and head[at + 2] & 0x80:
        raise ProtocolError("a length of 2^63 bytes or more is not allowed")
    if have < layout.size:
        return None
    (length,) = layout.unpack_from(head, at + 2)
    if length < least:
        raise ProtocolError("a length is not in its shortest form")
    return length, 2 + layout.size


def header(first: int, length: int, masked: int) -> bytes:
    """A frame's header up to its length; `masked` is 0 or `MASKED`."""
    if length < 126:
        return bytes((first, masked | length))
    if length < 1 << 16:
        return bytes((first, masked | 126)) + _U16.pack(length)
    return bytes((first, masked | 127)) + _U64.pack(length)


# -- Close (RFC 6455, sections 5.5.1 and 7.4) ------------------------------------

# Those of section 7.4.1 and of the registry that it founded, without those that
# are never sent; then the libraries' and the applications' own.
_CODES_ON_THE_WIRE = frozenset((*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)))


def read_close(body: bytes) -> Close:
    """The meaning of a Close's body.  Raises `ProtocolError`."""
    if not body:
        return Close(None)
    if len(body) == 1:
        raise ProtocolError("a Close has half a code")
    (code,) = _U16.unpack_from(body)
    if code not in _CODES_ON_THE_WIRE:
        raise ProtocolError(f"close code {code} must not be sent")
    try:
        return Close(code, body[2:].decode())
    except UnicodeDecodeError as error:
        raise BadPayload("the reason of a Close is not UTF-8") from error


def close_body(code: int | None, reason: str) -> bytes:
    """The body of a Close, its reason cut between characters.

    Without a code there is no room for a reason.  Raises `ValueError` for a
    code that must not be on the wire.
    """
    if code is None:
        return b""
    if code not in _CODES_ON_THE_WIRE:
        raise ValueError(f"close code {code} must not be sent")
    cut = reason.encode(errors="replace")[:_LONGEST_REASON].decode(errors="ignore")
    return _U16.pack(code) + cut.encode()
