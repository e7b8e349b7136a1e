"""RFC 6455 framing, and that of drafts HyBi-07 and -08, which is the same.

Reading is a loop of two steps: a frame's header, then what is there of its
payload.  Data is handed on as it comes, so a frame costs no memory however
long it says it is; control frames, of 125 bytes at most, are kept until they
are whole.  All that lives between two reads is a header cut in two (13 bytes
at most), a control frame cut in two, and what the payload decoder carries.

Every check is made at the first byte that can fail it, and a header cut in
two is checked again from its start: what is found depends on the bytes that
have come and never on how they were cut.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from functools import partial
from secrets import token_bytes

from ..errors import ProtocolError
from ..model import Buffer, Dialect
from .frames import (
    FIN,
    INSIDE,
    LONGEST_CONTROL,
    LONGEST_HEADER,
    MASKED,
    OUTSIDE,
    WHOLE,
    Lead,
    close_body,
    header,
    long_length,
    read_close,
)
from .mask import apply_mask
from .payload import PayloadKind, decoders, encoder
from .session import Close, Data, Event, Failed, Opcode, Ping, Pong


class Role(enum.Enum):
    """Which end of the connection we are (RFC 6455, section 5.1).

    A client masks what it sends, a server does not; each refuses a peer
    that does otherwise.
    """

    SERVER = "server"
    CLIENT = "client"


_MASK_RULES = {
    Role.SERVER: "a client must mask its frames (RFC 6455, section 5.1)",
    Role.CLIENT: "a server must not mask its frames (RFC 6455, section 5.1)",
}


class _Reader:
    """The reading half: bytes in, events out."""

    def __init__(self, kind: PayloadKind, role: Role, *, check_text: bool) -> None:
        self._decoders = decoders(kind, check_text=check_text)
        self._role = role
        self._expected_mask, self._key_size = (MASKED, 4) if role is Role.SERVER else (0, 0)
        self._leads = OUTSIDE
        self._over = False
        self._message = Opcode.BINARY  # the open message's opcode
        self._held = b""  # of a header that is cut in two
        # The open frame: its first byte, the bytes of payload still to come
        # and those that have been, its key, and its body if it is a control.
        self._lead = Lead(Opcode.BINARY, True, False)
        self._left = 0
        self._taken = 0
        self._key = b""
        self._body = b""

    @property
    def mid_frame(self) -> bool:
        return bool(self._held or self._left) and not self._over

    def receive(self, data: Buffer) -> list[Event]:
        events: list[Event] = []
        try:
            self._read(data, events)
        except ProtocolError as error:
            self._over = True
            events.append(Failed(error.with_traceback(None)))
        return events

    def _read(self, data: Buffer, events: list[Event]) -> None:
        # Headers are read from `data`, whose type may be quicker to index;
        # payload is cut from the view, and so not copied.
        view, end = memoryview(data), len(data)
        at = self._skim(data, 0, events)
        while at < end and not self._over:
            if not self._left:
                at = self._begin(data, at)
                if self._held:
                    return
            at = self._skim(data, self._take(view, at, events), events)

    def _skim(self, data: Buffer, at: int, events: list[Event]) -> int:
        """Take short masked messages that are all there; return where that ends.

        Streams of small messages are what framing costs most in.  These few
        lines do with such frames what the rest of this class would do.
        """
        inside = self._held or self._left or self._leads is not OUTSIDE
        if inside or self._over or not self._expected_mask:
            return at
        end, decoded = len(data), self._decoders
        while at + 6 <= end:
            opcode, length = WHOLE.get(data[at]), data[at + 1] - MASKED
            start, stop = at + 6, at + 6 + length
            if opcode is None or opcode in decoded or not 0 <= length <= 125 or stop > end:
                break
            payload = apply_mask(data[start:stop], bytes(data[at + 2 : start]))
            events.append(Data(payload, opcode, True))
            at = stop
        return at

    def _begin(self, data: Buffer, at: int) -> int:
        """Read the header at `at`; return where its payload begins.

        A header that is not all there is held, and the data used up.
        """
        if self._held:
            return self._begin_held(data)
        size = self._header(data, at)
        if not size:
            self._held = bytes(data[at:])
        return at + size

    def _begin_held(self, data: Buffer) -> int:
        before = len(self._held)
        head = self._held + data[: LONGEST_HEADER - before]
        size = self._header(head, 0)
        self._held = b"" if size else head
        return size - before

    def _header(self, head: Buffer, at: int) -> int:
        """Open the frame whose header is at `at`; return its size, 0 if not all there."""
        lead = self._leads[head[at]]
        if isinstance(lead, str):
            raise ProtocolError(lead)
        known = self._length(head, at, lead)
        if known is None:
            return 0
        length, key_at = known
        size = key_at + self._key_size
        if len(head) - at < size:
            return 0
        self._key = bytes(head[at + key_at : at + size])
        self._lead, self._left, self._taken = lead, length, 0
        if lead.opens_message:
            self._message = lead.opcode
        return size

    def _length(self, head: Buffer, at: int, lead: Lead) -> tuple[int, int] | None:
        """The payload's length and the header's size up to there; None if not all there."""
        if len(head) - at < 2:
            return None
        short = head[at + 1] ^ self._expected_mask
        if short & MASKED:
            raise ProtocolError(_MASK_RULES[self._role])
        if short <= LONGEST_CONTROL:
            return short, 2
        if lead.is_control:
            raise ProtocolError("a control frame is longer than 125 bytes")
        return long_length(head, at, short)

    def _take(self, view: memoryview, at: int, events: list[Event]) -> int:
        """Take what is there of the open frame's payload; return where it ends."""
        piece: Buffer = view[at : at + self._left]
        size = len(piece)
        if self._left and not size:
            return at  # its header is all that has come
        if self._key:
            piece = apply_mask(piece, self._key, self._taken)
        self._left -= size
        self._taken += size
        if self._lead.is_control:
            self._control(piece, events)
        else:
            self._data(piece, events)
        return at + size

    def _data(self, piece: Buffer, events: list[Event]) -> None:
        final = self._lead.fin and not self._left
        decoder = self._decoders.get(self._message)
        fault = None
        if decoder is not None:
            piece, fault = decoder.decode(piece, final=final)
            final = final and not fault
        # A piece that brings nothing and ends nothing is nothing.
        if final or len(piece):
            events.append(Data(piece, self._message, final))
        if fault:
            raise fault
        if not self._left:
            self._leads = OUTSIDE if self._lead.fin else INSIDE

    def _control(self, piece: Buffer, events: list[Event]) -> None:
        self._body += piece
        if self._left:
            return
        body, self._body = self._body, b""
        if self._lead.opcode is Opcode.CLOSE:
            self._end(read_close(body), events)
        else:
            events.append((Ping if self._lead.opcode is Opcode.PING else Pong)(body))

    def _end(self, close: Close, events: list[Event]) -> None:
        """Nothing follows a Close; a message it interrupts is given up (section 5.5.1)."""
        for decoder in self._decoders.values():
            if fault := decoder.end():
                raise fault
        self._over = True
        events.append(close)


# "The masking key needs to be unpredictable" (RFC 6455, section 5.3).
_random_key = partial(token_bytes, 4)


class _Writer:
    """The writing half: meaning in, segments out."""

    def __init__(self, kind: PayloadKind, role: Role, new_key: Callable[[], bytes]) -> None:
        self._encoder = encoder(kind)
        self._whole = FIN | kind.opcode
        self._new_key = new_key if role is Role.CLIENT else None
        self._inside = False

    def message(self, payload: Buffer) -> tuple[Buffer, ...]:
        if self._inside:
            raise ValueError("a message that was begun piece by piece has not ended")
        return self._frame(self._whole, self._encoder.whole(payload))

    def piece(self, payload: Buffer, opcode: Opcode, *, final: bool) -> tuple[Buffer, ...]:
        number = Opcode.CONTINUATION if self._inside else opcode
        self._inside = not final
        first = FIN | number if final else number
        return self._frame(first, self._encoder.piece(payload, final=final))

    def control(self, opcode: Opcode, body: bytes) -> bytes:
        if len(body) > LONGEST_CONTROL:
            raise ValueError("a control frame holds at most 125 bytes")
        return b"".join(self._frame(FIN | opcode, body))

    def close(self, code: int | None, reason: str) -> bytes:
        return self.control(Opcode.CLOSE, close_body(code, reason))

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
    the 4 bytes that mask a frame; only a client asks for them.
    """

    def __init__(
        self,
        dialect: Dialect,
        kind: PayloadKind,
        *,
        role: Role = Role.SERVER,
        check_text: bool = False,
        new_key: Callable[[], bytes] = _random_key,
    ) -> None:
        self._dialect = dialect
        self._reader = _Reader(kind, role, check_text=check_text)
        self._writer = _Writer(kind, role, new_key)

    @property
    def dialect(self) -> Dialect:
        return self._dialect

    @property
    def mid_frame(self) -> bool:
        return self._reader.mid_frame

    def receive(self, data: Buffer) -> list[Event]:
        return self._reader.receive(data)

    def message(self, payload: Buffer) -> tuple[Buffer, ...]:
        """A TEXT message under BASE64, else a BINARY one.

        Raises `ValueError` inside a message that `piece` has begun.
        """
        return self._writer.message(payload)

    def piece(self, payload: Buffer, opcode: Opcode, *, final: bool) -> tuple[Buffer, ...]:
        return self._writer.piece(payload, opcode, final=final)

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
