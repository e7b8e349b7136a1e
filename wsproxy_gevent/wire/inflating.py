"""RFC 6455 framing, the reading half where permessage-deflate was agreed on (RFC 7692).

One read of a few kilobytes may hold gigabytes.  So a call hands on about
`ROOM` bytes and stops; the rest of what was read is kept, as it came, and
`pending` says so.  Whoever reads on before that was asked for only makes the
rest longer; whoever asks first never has more of it than one read.

Each control frame stays in its place among the data, so what stands behind
a bomb is not heard before it is over.
"""

from __future__ import annotations

from ..model import Buffer
from .deflate import Inflater
from .frames import DEFLATE_INSIDE, DEFLATE_OUTSIDE, Lead, Role
from .hybi_reader import Reader
from .payload import PayloadKind
from .session import FRAMES_AT_ONCE, Event

# Unfolded bytes that one call hands on, give or take a chunk.
ROOM = 64 << 10

# What each step of unfolding counts as besides its bytes, for those that
# bring none take time as well.
STEP_COSTS = 256

# What each frame counts as, for the same reason.
FRAME_COSTS = ROOM // FRAMES_AT_ONCE


class InflatingReader(Reader):
    """Takes compressed messages and others, each as its first frame says."""

    _outside = DEFLATE_OUTSIDE
    _inside = DEFLATE_INSIDE

    def __init__(
        self, kind: PayloadKind, role: Role, inflater: Inflater, *, check_text: bool
    ) -> None:
        super().__init__(kind, role, check_text=check_text)
        self._inflater = inflater
        self._compressed = False  # whether the open message is
        self._last = False  # whether its end has been fed
        self._room = 0
        self._rest: Buffer = b""

    @property
    def pending(self) -> bool:
        return (self._inflater.pending or len(self._rest) > 0) and not self._over

    def receive(self, data: Buffer) -> list[Event]:
        given, rest, self._rest = bytes(data), self._rest, b""
        self._room = ROOM
        if not len(rest):
            return super().receive(given)
        return super().receive(bytes(rest) + given if given else rest)

    def _read(self, data: Buffer, events: list[Event]) -> None:
        view, at, end = memoryview(data), 0, len(data)
        while self._room > 0 and not self._over:
            if self._inflater.pending:
                self._unfold(events)
            elif at < end:
                before = len(events)
                at = self._skim(data, at, events)
                at = self._frame(data, view, at, events) if at < end else at
                self._room -= FRAME_COSTS * max(1, len(events) - before)
            else:
                return
        if at < end and not self._over:
            self._rest = view[at:]

    def _open_message(self, lead: Lead) -> None:
        super()._open_message(lead)
        self._compressed = lead.compressed
        if lead.compressed:
            self._inflater.begin()

    def _take(self, view: memoryview, at: int, events: list[Event]) -> int:
        if self._compressed and not self._lead.is_control:
            view = view[: at + self._inflater.wanted]
        return super()._take(view, at, events)

    def _data(self, piece: Buffer, events: list[Event]) -> None:
        if not self._compressed:
            super()._data(piece, events)
            return
        self._last = self._lead.fin and not self._left
        if self._last or len(piece):
            self._inflater.feed(piece, last=self._last)
        self._pass_frame()

    def _unfold(self, events: list[Event]) -> None:
        chunk, fault = self._inflater.read()
        self._room -= len(chunk) + STEP_COSTS
        ends = self._last and not self._inflater.pending and fault is None
        self._deliver(chunk, events, final=ends)
        if fault is not None:
            raise fault
