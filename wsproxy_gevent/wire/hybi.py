"""RFC 6455 framing, and that of drafts HyBi-07 and -08, which is the same.

The session joins its two halves: what is written is made here, what is read
is understood in `hybi_reader`, or in `inflating` where permessage-deflate
was agreed on.  Compression lies below the payload's own encoding: base64 is
what is compressed, and text is checked once it is unfolded.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from secrets import token_bytes
from typing import TYPE_CHECKING

from .. import engine
from ..errors import TargetNotText
from ..model import Buffer, Dialect
from .deflate import Deflate, Deflater, Inflater
from .frames import FIN, LONGEST_CONTROL, MASKED, RSV1, Role, close_body, header
from .hybi_reader import Reader as ReaderInPython
from .inflating import InflatingReader
from .mask import apply_mask
from .payload import PayloadKind, encoder
from .session import Event, Opcode

if TYPE_CHECKING or not engine.COMPILED:
    Reader = ReaderInPython
else:
    from ._reader import Reader

__all__ = ["HybiSession", "Role"]

# "The masking key needs to be unpredictable" (RFC 6455, section 5.3).
_random_key = partial(token_bytes, 4)


class _Writer:
    """The writing half: meaning in, segments out."""

    def __init__(
        self,
        kind: PayloadKind,
        role: Role,
        new_key: Callable[[], bytes],
        deflater: Deflater | None,
    ) -> None:
        self._encoder = encoder(kind)
        self._deflater = deflater
        self._mark = RSV1 if deflater else 0
        self._whole = FIN | self._mark | kind.opcode
        self._new_key = new_key if role is Role.CLIENT else None
        self._inside = False
        self.frames = 0

    def message(self, payload: Buffer) -> tuple[Buffer, ...]:
        if self._inside:
            raise ValueError("a message that was begun piece by piece has not ended")
        body = self._encoder.whole(payload)
        if len(payload) and not len(body):
            return ()
        self.frames += 1
        return self._frame(self._whole, self._squeezed(body, final=True))

    def piece(self, payload: Buffer, opcode: Opcode, *, final: bool) -> tuple[Buffer, ...]:
        number = Opcode.CONTINUATION if self._inside else self._mark | opcode
        self._inside = not final
        self.frames += 1
        first = FIN | number if final else number
        body = self._encoder.piece(payload, final=final)
        return self._frame(first, self._squeezed(body, final=final))

    def complaint(self, *, ended: bool) -> TargetNotText | None:
        return self._encoder.complaint(ended=ended)

    def control(self, opcode: Opcode, body: bytes) -> bytes:
        if len(body) > LONGEST_CONTROL:
            raise ValueError("a control frame holds at most 125 bytes")
        return b"".join(self._frame(FIN | opcode, body))

    def close(self, code: int | None, reason: str) -> bytes:
        return self.control(Opcode.CLOSE, close_body(code, reason))

    def _squeezed(self, payload: Buffer, *, final: bool) -> Buffer:
        return self._deflater.piece(payload, final=final) if self._deflater else payload

    def _frame(self, first: int, payload: Buffer) -> tuple[Buffer, ...]:
        head = header(first, len(payload), MASKED if self._new_key else 0)
        if self._new_key is None:
            return head, payload
        key = self._new_key()
        return head + key, apply_mask(payload, key)


class HybiSession:
    """A `Session` of one of the three HyBi dialects.

    `check_text` has the UTF-8 of text messages checked across fragments,
    and a fault answered with 1007 (RFC 6455, section 8.1).  `new_key` gives
    the 4 bytes that mask a frame; only a client asks for them.  `deflate` is
    what was agreed on permessage-deflate, if anything was.
    """

    def __init__(
        self,
        dialect: Dialect,
        kind: PayloadKind,
        *,
        role: Role = Role.SERVER,
        check_text: bool = False,
        new_key: Callable[[], bytes] = _random_key,
        deflate: Deflate | None = None,
    ) -> None:
        self._dialect = dialect
        self._as_it_is = kind is PayloadKind.BINARY and role is Role.SERVER and not deflate
        self._reader = _reader(kind, role, deflate, check_text=check_text)
        self._writer = _Writer(kind, role, new_key, _deflater(role, deflate))

    @property
    def dialect(self) -> Dialect:
        return self._dialect

    @property
    def bare_reader(self) -> ReaderInPython | None:
        """The reading half of a server that carries binary frames as they are, else None."""
        return self._reader if self._as_it_is else None

    @property
    def mid_frame(self) -> bool:
        return self._reader.mid_frame

    @property
    def pending(self) -> bool:
        return self._reader.pending

    @property
    def frames_read(self) -> int:
        return self._reader.frames

    @property
    def frames_written(self) -> int:
        return self._writer.frames

    def receive(self, data: Buffer) -> list[Event]:
        return self._reader.receive(data)

    def payload_of(self, data: Buffer) -> tuple[Buffer, list[Event]]:
        return self._reader.payload_of(data)

    def message(self, payload: Buffer) -> tuple[Buffer, ...]:
        """A TEXT message under BASE64 and TEXT, else a BINARY one.

        Raises `ValueError` inside a message that `piece` has begun.
        """
        return self._writer.message(payload)

    def piece(self, payload: Buffer, opcode: Opcode, *, final: bool) -> tuple[Buffer, ...]:
        return self._writer.piece(payload, opcode, final=final)

    def complaint(self, *, ended: bool = False) -> TargetNotText | None:
        return self._writer.complaint(ended=ended)

    def ping(self, payload: bytes = b"") -> bytes:
        return self._writer.control(Opcode.PING, payload)

    def pong(self, payload: bytes) -> bytes:
        return self._writer.control(Opcode.PONG, payload)

    def close(self, code: int | None, reason: str = "") -> bytes:
        """A Close; without a code its body is empty and `reason` is left out.

        Raises `ValueError` for a code that must not be on the wire, such as
        1005, 1006 and 1015 (RFC 6455, section 7.4.1).
        """
        return self._writer.close(code, reason)


def _reader(
    kind: PayloadKind, role: Role, deflate: Deflate | None, *, check_text: bool
) -> ReaderInPython:
    if deflate is None:
        return Reader(kind, role, check_text=check_text)
    theirs = deflate.client if role is Role.SERVER else deflate.server
    inflater = Inflater(takeover=theirs.takeover)
    return InflatingReader(kind, role, inflater, check_text=check_text)


def _deflater(role: Role, deflate: Deflate | None) -> Deflater | None:
    if deflate is None:
        return None
    ours = deflate.server if role is Role.SERVER else deflate.client
    return Deflater(ours.window_bits, takeover=ours.takeover)
