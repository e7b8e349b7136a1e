"""RFC 6455 framing, the reading half: bytes in, events out.

Reading is a loop of two steps: a frame's header, then what is there of its
payload.  Data is handed on as it comes, so a frame costs no memory however
long it says it is; control frames, of 125 bytes at most, are kept until they
are whole.  All that lives between two reads is a header cut in two (13 bytes
at most), a control frame cut in two, and what the payload decoder carries.

Every check is made at the first byte that can fail it, and a header cut in
two is checked again from its start: what is found depends on the bytes that
have come and never on how they were cut.

A read of nothing but headers holds tens of thousands of them.  So that nobody
else waits for that long, a call takes `FRAMES_AT_ONCE` and keeps the rest of
what was read, as it came; `pending` says so.
"""

from __future__ import annotations

from ..errors import ProtocolError
from ..model import Buffer
from .frames import (
    INSIDE,
    LONGEST_CONTROL,
    LONGEST_HEADER,
    MASK_RULES,
    MASKED,
    OUTSIDE,
    WHOLE,
    Lead,
    Leads,
    Role,
    long_length,
    read_close,
)
from .mask import apply_mask
from .payload import PayloadKind, decoders
from .session import FRAMES_AT_ONCE, Close, Data, Event, Failed, Opcode, Ping, Pong, joined


class Reader:
    """The reading half of a session without extensions."""

    # What a first byte means between messages, and inside a fragmented one.
    _outside: Leads = OUTSIDE
    _inside: Leads = INSIDE

    def __init__(self, kind: PayloadKind, role: Role, *, check_text: bool) -> None:
        self._decoders = decoders(kind, check_text=check_text)
        self._role = role
        self._expected_mask, self._key_size = (MASKED, 4) if role is Role.SERVER else (0, 0)
        self._leads = self._outside
        self._over = False
        self.frames = 0  # of data, begun
        self._message = Opcode.BINARY  # the open message's opcode
        self._held = b""  # of a header that is cut in two
        self._rest: Buffer = b""  # of a read of very many frames
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

    @property
    def pending(self) -> bool:
        return len(self._rest) > 0 and not self._over

    def receive(self, data: Buffer) -> list[Event]:
        if len(self._rest):
            data, self._rest = bytes(self._rest) + data, b""
        events: list[Event] = []
        try:
            self._read(data, events)
        except ProtocolError as error:
            self._over = True
            events.append(Failed(error.with_traceback(None)))
        return events

    def payload_of(self, data: Buffer) -> tuple[Buffer, list[Event]]:
        return joined(self.receive(data))

    def _read(self, data: Buffer, events: list[Event]) -> None:
        # Headers are read from `data`, whose type may be quicker to index;
        # payload is cut from the view, and so not copied.
        view, at, end, frames = memoryview(data), 0, len(data), 0
        while at < end and not self._over:
            if frames >= FRAMES_AT_ONCE:
                self._rest = bytes(view[at:])
                return
            before = len(events)
            at = self._skim(data, at, events)
            at = self._frame(data, view, at, events) if at < end else at
            frames += max(1, len(events) - before)

    def _frame(self, data: Buffer, view: memoryview, at: int, events: list[Event]) -> int:
        """Take what is there of one frame, its header first; return where that ends."""
        if not self._left:
            at = self._begin(data, at)
            if self._held:
                return len(data)
        return self._take(view, at, events)

    def _skim(self, data: Buffer, at: int, events: list[Event]) -> int:
        """Take short masked messages that are all there; return where that ends.

        Streams of small messages are what framing costs most in.  These few
        lines do with such frames what the rest of this class would do.
        """
        inside = self._held or self._left or self._leads is not self._outside
        if inside or self._over or not self._expected_mask:
            return at
        end, decoded = len(data), self._decoders
        while at + 6 <= end and len(events) < FRAMES_AT_ONCE:
            opcode, length = WHOLE.get(data[at]), data[at + 1] - MASKED
            start, stop = at + 6, at + 6 + length
            if opcode is None or opcode in decoded or not 0 <= length <= 125 or stop > end:
                break
            payload = apply_mask(data[start:stop], bytes(data[at + 2 : start]))
            events.append(Data(payload, opcode, True))
            self.frames += 1
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
        if not lead.is_control:
            self.frames += 1
        if lead.opens_message:
            self._open_message(lead)
        return size

    def _open_message(self, lead: Lead) -> None:
        self._message = lead.opcode

    def _length(self, head: Buffer, at: int, lead: Lead) -> tuple[int, int] | None:
        """The payload's length and the header's size up to there; None if not all there."""
        if len(head) - at < 2:
            return None
        short = head[at + 1] ^ self._expected_mask
        if short & MASKED:
            raise ProtocolError(MASK_RULES[self._role])
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
        self._deliver(piece, events, final=self._lead.fin and not self._left)
        self._pass_frame()

    def _deliver(self, piece: Buffer, events: list[Event], *, final: bool) -> None:
        """Hand a piece of the open message on; `final` says that it is the last."""
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

    def _pass_frame(self) -> None:
        if not self._left:
            self._leads = self._outside if self._lead.fin else self._inside

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
