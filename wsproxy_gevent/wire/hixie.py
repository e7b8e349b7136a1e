"""Hixie-75 and Hixie-76 framing (draft-hixie-thewebsocketprotocol-75 and -76).

A frame begins with its type.  Type 0x00 is text and runs to the next 0xFF,
a byte that UTF-8 never has.  Types with the high bit clear end the same way,
and types with the high bit set say their length; both are discarded as the
drafts say, as they come and without memory.  `FF 00`, a frame of type 0xFF
and no length, is the Close of draft 76; in draft 75, which closes by the end
of the connection, it is one more frame to discard.

Nothing else is in it: no pings, no codes, no fragments, no binary data.
Bytes travel as base64, but for those of a target that speaks text.
"""

from __future__ import annotations

from collections.abc import Callable

from ..errors import ProtocolError, TargetNotText
from ..model import Buffer, Dialect
from .payload import PayloadKind, decoders, encoder
from .session import FRAMES_AT_ONCE, Close, Data, Event, Failed, Opcode, joined

_TEXT = 0x00
_END = 0xFF
_SIZED = 0x80  # the bit of a type whose frames say their length
_CLOSE_TYPE = 0xFF
_START, _STOP, _CLOSE = b"\x00", b"\xff", b"\xff\x00"

# Seven bits each, so that a length stays under 2^63 as it does in RFC 6455.
_MOST_LENGTH_BYTES = 9

# A frame's type and its text; others take a few more.
_STEPS_AT_ONCE = 2 * FRAMES_AT_ONCE

# A step takes (session, data, where it begins, events) and returns where it
# ends.  Plain functions: a bound method kept in its own object is a cycle.
_Step = Callable[["HixieSession", bytes, int, list[Event]], int]


class HixieSession:
    """A `Session` of one of the two Hixie dialects.

    `check_text` has the UTF-8 of text checked, which draft 76 leaves open.
    Raises `ValueError` for the BINARY kind: no Hixie frame carries it.
    """

    def __init__(self, dialect: Dialect, kind: PayloadKind, *, check_text: bool = False) -> None:
        if kind is PayloadKind.BINARY:
            raise ValueError(f"{dialect.value} carries text only")
        self._dialect = dialect
        self._decoder = decoders(kind, check_text=check_text).get(Opcode.TEXT)
        self._step: _Step = HixieSession._type
        self._over = False
        self._rest = b""  # of a read of very many frames
        # The open frame's type and length, if it is of a type that says it.
        self._kind = _TEXT
        self._length = 0
        self._length_bytes = 0
        self._encoder = encoder(kind)
        self._inside = False
        self._frames_read = self._frames_written = 0

    @property
    def dialect(self) -> Dialect:
        return self._dialect

    # -- Reading ---------------------------------------------------------------

    @property
    def mid_frame(self) -> bool:
        return self._step != HixieSession._type and not self._over

    @property
    def pending(self) -> bool:
        return len(self._rest) > 0 and not self._over

    @property
    def frames_read(self) -> int:
        return self._frames_read

    @property
    def frames_written(self) -> int:
        return self._frames_written

    def receive(self, data: Buffer) -> list[Event]:
        events: list[Event] = []
        whole, self._rest = self._rest + data, b""
        try:
            self._read(whole, events)
        except ProtocolError as error:
            self._over = True
            events.append(Failed(error.with_traceback(None)))
        return events

    def payload_of(self, data: Buffer) -> tuple[Buffer, list[Event]]:
        return joined(self.receive(data))

    def _read(self, data: bytes, events: list[Event]) -> None:
        at, end, steps = 0, len(data), 0
        while at < end and not self._over:
            if steps == _STEPS_AT_ONCE:
                self._rest = data[at:]
                return
            at = self._step(self, data, at, events)
            steps += 1

    def _type(self, data: bytes, at: int, events: list[Event]) -> int:
        kind = self._kind = data[at]
        if kind & _SIZED:
            self._length = self._length_bytes = 0
            self._step = HixieSession._sized
        elif kind == _TEXT:
            self._frames_read += 1
            self._step = HixieSession._text
        else:
            self._step = HixieSession._unknown
        return at + 1

    def _text(self, data: bytes, at: int, events: list[Event]) -> int:
        stop = data.find(_END, at)
        final = stop >= 0
        piece = memoryview(data)[at : stop if final else len(data)]
        self._data(piece, events, final=final)
        if final:
            self._step = HixieSession._type
        return at + len(piece) + final

    def _data(self, piece: Buffer, events: list[Event], *, final: bool) -> None:
        fault = None
        if self._decoder is not None:
            piece, fault = self._decoder.decode(piece, final=final)
            final = final and not fault
        if final or len(piece):
            events.append(Data(piece, Opcode.TEXT, final))
        if fault:
            raise fault

    def _unknown(self, data: bytes, at: int, events: list[Event]) -> int:
        stop = data.find(_END, at)
        if stop < 0:
            return len(data)
        self._step = HixieSession._type
        return stop + 1

    def _sized(self, data: bytes, at: int, events: list[Event]) -> int:
        """One byte of a length: seven bits of it, and whether more follow."""
        self._length = self._length << 7 | data[at] & 0x7F
        self._length_bytes += 1
        if not data[at] & 0x80:
            self._sized_begins(events)
        elif self._length_bytes == _MOST_LENGTH_BYTES:
            raise ProtocolError("a frame's length has more than 9 bytes")
        return at + 1

    def _sized_begins(self, events: list[Event]) -> None:
        if self._length:
            self._step = HixieSession._discard
        elif self._kind == _CLOSE_TYPE and self._dialect is Dialect.HIXIE_76:
            self._closed(events)
        else:
            self._step = HixieSession._type

    def _discard(self, data: bytes, at: int, events: list[Event]) -> int:
        size = min(self._length, len(data) - at)
        self._length -= size
        if not self._length:
            self._step = HixieSession._type
        return at + size

    def _closed(self, events: list[Event]) -> None:
        fault = self._decoder.end() if self._decoder else None
        if fault:
            raise fault
        self._over = True
        events.append(Close(None))

    # -- Writing ---------------------------------------------------------------

    def message(self, payload: Buffer) -> tuple[Buffer, ...]:
        """Raises `ValueError` inside a message that `piece` has begun."""
        if self._inside:
            raise ValueError("a message that was begun piece by piece has not ended")
        body = self._encoder.whole(payload)
        if len(payload) and not len(body):
            return ()
        self._frames_written += 1
        return _START, body, _STOP

    def piece(self, payload: Buffer, opcode: Opcode, *, final: bool) -> tuple[Buffer, ...]:
        """A piece of one frame: its start comes with the first, its end with the last.

        The opcode is lost, for all is text.  VERBATIM payload must hold no
        0xFF; what came in a Hixie frame holds none.
        """
        self._frames_written += not self._inside
        start, self._inside = (b"" if self._inside else _START), not final
        return start, self._encoder.piece(payload, final=final), _STOP if final else b""

    def complaint(self, *, ended: bool = False) -> TargetNotText | None:
        return self._encoder.complaint(ended=ended)

    def ping(self, payload: bytes = b"") -> bytes:
        return b""

    def pong(self, payload: bytes) -> bytes:
        return b""

    def close(self, code: int | None, reason: str = "") -> bytes:
        """Draft 76's `FF 00`, after the end of a frame that is open; 75 has none."""
        if self._dialect is Dialect.HIXIE_75:
            return b""
        return _STOP + _CLOSE if self._inside else _CLOSE
