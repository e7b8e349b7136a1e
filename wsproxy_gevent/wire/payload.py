"""What frames carry, and the bytes that are meant by it.

Decoders see a message's payload in pieces, as the network cut it; what they
hand on, and where they find fault, depends on the bytes alone and never on
the cuts.  A fault is returned beside the bytes in front of it instead of
being raised, for those bytes are still to be delivered.

Base64 is a stream here, not a text per frame.  The clients of 2010 encode
each message by itself, padding included, but nothing in Hixie or in the
`base64` subprotocol says that a quantum ends where a frame does.  So up to
three characters are carried over, padding ends a quantum and not the stream,
and the white space that MIME encoders of the time put in is ignored.
"""

from __future__ import annotations

import enum
import re
from binascii import Error as NotBase64
from binascii import a2b_base64, b2a_base64
from codecs import getincrementaldecoder
from collections.abc import Callable, Mapping
from typing import Protocol

from ..errors import BadPayload, TargetNotText
from ..model import Buffer
from .session import Opcode
from .text import TextEncoder


class PayloadKind(enum.Enum):
    """How a session's frames carry the target's bytes.

    TEXT is for a target that speaks UTF-8 and clients that want to read it.
    VERBATIM is for a target that answers in the client's own words (the
    embedded echo): text stays text, and nothing is decoded.
    """

    BINARY = "binary"
    BASE64 = "base64"
    TEXT = "text"
    VERBATIM = "verbatim"

    @property
    def opcode(self) -> Opcode:
        """The opcode of whole messages of our own making."""
        is_text = self in (PayloadKind.BASE64, PayloadKind.TEXT)
        return Opcode.TEXT if is_text else Opcode.BINARY


Decoded = tuple[Buffer, BadPayload | None]


class Decoder(Protocol):
    """Turns one session's incoming payload into bytes."""

    def decode(self, piece: Buffer, *, final: bool) -> Decoded:
        """The bytes that are certain by now, and the fault behind them if any.

        `final` says that the message ends with this piece.  Must not be
        called again after a fault.
        """

    def end(self) -> BadPayload | None:
        """The peer says that nothing more will come: is something missing?"""


class Encoder(Protocol):
    """Turns bytes into a session's outgoing payload."""

    def whole(self, payload: Buffer) -> Buffer:
        """The payload of one message."""

    def piece(self, payload: Buffer, *, final: bool) -> Buffer:
        """The next piece of a message; the pieces together are its payload."""

    def complaint(self, *, ended: bool) -> TargetNotText | None:
        """What of the bytes so far cannot be encoded, `ended` if no more follow."""


# -- Base64 (RFC 4648, section 4) ----------------------------------------------

_WHITE = b" \t\r\n"
_PAD = ord("=")
_QUANTA = re.compile(
    rb"(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)*+",
)
_RUN = re.compile(rb"[^=]+={0,2}")
_BEGUN = re.compile(rb"(?:[A-Za-z0-9+/]{0,3}|[A-Za-z0-9+/]{2}=)")


class Base64Decoder:
    """A stream of base64.  Holds at most three characters between calls."""

    __slots__ = ("_begun",)

    def __init__(self) -> None:
        self._begun = b""

    def decode(self, piece: Buffer, *, final: bool = False) -> Decoded:
        """Decode each quantum that is whole; `final` means nothing to a stream.

        Any character outside the alphabet, and any padding that does not
        complete a quantum, is a fault as soon as it is there.
        """
        text = self._begun + piece if self._begun else piece
        decoded = self._plain(text)
        if decoded is not None:
            return decoded, None
        tight = bytes(text).translate(None, _WHITE)
        decoded = self._plain(tight)
        return self._careful(tight) if decoded is None else (decoded, None)

    def end(self) -> BadPayload | None:
        """A quantum cut short has lost bytes, so the end is not an orderly one."""
        return BadPayload("the base64 ends inside a quantum") if self._begun else None

    def _plain(self, text: Buffer) -> bytes | None:
        """Decode text that is padded at its very end or nowhere; else None.

        The C routine skips what it does not know and stops where it likes.
        It cannot make bytes without letters, though: when it makes as many
        as letters in every place would give, there was nothing else.
        """
        whole = len(text) & ~3
        begun = bytes(text[whole:])
        if not _BEGUN.fullmatch(begun):
            return None
        try:
            decoded = a2b_base64(text[:whole])
        except NotBase64:
            return None
        if len(decoded) != whole // 4 * 3 - _padding(text, whole):
            return None
        self._begun = begun
        return decoded

    def _careful(self, text: bytes) -> Decoded:
        """Decode text without white space, whatever else is in it."""
        good = _QUANTA.match(text).end()  # type: ignore[union-attr]  # matches always
        decoded = b"".join(map(a2b_base64, _RUN.findall(text, 0, good)))
        self._begun = text[good:]
        if _BEGUN.fullmatch(self._begun):
            return decoded, None
        self._begun = b""
        return decoded, BadPayload("the payload is not base64 (RFC 4648, section 4)")


def _padding(text: Buffer, end: int) -> int:
    if not end or text[end - 1] != _PAD:
        return 0
    return 2 if text[end - 2] == _PAD else 1


class Base64Encoder:
    """Each message is complete base64 by itself, without line breaks."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def whole(self, payload: Buffer) -> bytes:
        return b2a_base64(payload, newline=False)

    def piece(self, payload: Buffer, *, final: bool) -> bytes:
        """Encode by threes; up to two bytes wait for the message's next piece."""
        payload = self._rest + payload
        edge = len(payload) if final else len(payload) // 3 * 3
        self._rest = payload[edge:]
        return b2a_base64(payload[:edge], newline=False)

    def complaint(self, *, ended: bool) -> None:
        """Any bytes can be sent."""


# -- As it is --------------------------------------------------------------------


class PlainEncoder:
    """The bytes themselves, uncopied."""

    __slots__ = ()

    def whole(self, payload: Buffer) -> Buffer:
        return payload

    def piece(self, payload: Buffer, *, final: bool) -> Buffer:
        return payload

    def complaint(self, *, ended: bool) -> None:
        """Any bytes can be sent."""


_LEADING = range(0xC2, 0xF5)
_NOT_UTF8 = "the text is not UTF-8 (RFC 3629)"


class Utf8Checker:
    """Hands text on untouched and finds the first byte that no UTF-8 can have there.

    Valid text that is cut inside a character goes on as it came.  The fault
    is found at the earliest byte that shows it (RFC 3629, section 4).
    """

    __slots__ = ("_decoder",)

    def __init__(self) -> None:
        self._decoder = getincrementaldecoder("utf-8")()

    def decode(self, piece: Buffer, *, final: bool) -> Decoded:
        begun = len(self._decoder.getstate()[0])
        try:
            self._decoder.decode(piece, final)
        except UnicodeDecodeError as error:
            # Python names the broken sequence.  If it has a leading byte, that
            # part of it was valid, and the fault is the byte that follows.
            leads = error.object[error.start] in _LEADING
            good = (error.end if leads else error.start) - begun
            return piece[:good], BadPayload(_NOT_UTF8)
        # Python waits for a surrogate's third byte, to let a handler see it.
        if b"\xed\xa0" <= self._decoder.getstate()[0] < b"\xee":
            return piece[:-1], BadPayload(_NOT_UTF8)
        return piece, None

    def end(self) -> None:
        """A Close inside a message gives its text up, and no text is wrong by that."""


# -- The choice ------------------------------------------------------------------


def decoders(kind: PayloadKind, *, check_text: bool = False) -> Mapping[Opcode, Decoder]:
    """A new session's decoder for each opcode of a message; none: as it comes.

    Base64 is one stream, whichever opcode brings it; its alphabet is
    stricter than UTF-8, so `check_text` adds nothing to it.  TEXT is checked
    always.
    """
    if kind is PayloadKind.BASE64:
        stream = Base64Decoder()
        return {Opcode.TEXT: stream, Opcode.BINARY: stream}
    check_text = check_text or kind is PayloadKind.TEXT
    return {Opcode.TEXT: Utf8Checker()} if check_text else {}


_ENCODERS: Mapping[PayloadKind, Callable[[], Encoder]] = {
    PayloadKind.BASE64: Base64Encoder,
    PayloadKind.TEXT: TextEncoder,
}


def encoder(kind: PayloadKind) -> Encoder:
    """A new session's encoder."""
    return _ENCODERS.get(kind, PlainEncoder)()
