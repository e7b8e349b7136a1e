"""The client's end: payload in frames, and the frames that are about the frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TypeVar

from ..errors import ClientGone, CloseTimeout, ProxyError, TargetNotText
from ..model import Buffer, Dialect
from ..net.clock import Deadline
from ..net.stream import Stream, StreamBroken, linger
from ..wire.session import Close, Data, Event, Failed, Opcode, Ping, Pong, Session
from .ending import Patience
from .outbox import Outbox
from .turn import Turn

_T = TypeVar("_T")


def _nothing() -> None:
    pass


class ClientEnd:
    """An `End` that speaks for itself.

    It answers Pings with Pongs, a Close with a Close, and what is not
    allowed with the Close that says so.  What it finds out is kept:

    `closed_by_peer` is the client's Close; `vanished` says that it ended
    without one; `error`, that it broke off or broke the protocol; `over`,
    that for one of these reasons nothing more is read.  `answers` says that a
    Ping has been answered.

    A Close is answered as soon as it is read, for the sink that takes what
    came in front of it may be slow.  With `answers_in_order` that waits for
    the next read, when what came in front of it has been answered.

    `on_closing` is called once, at the first Close of either side or when
    the client is lost, `on_incomplete` after a read that had no payload and
    ended inside a frame.  Neither may switch.
    """

    def __init__(self, stream: Stream, session: Session, *, leftover: bytes = b"") -> None:
        self.stream = stream
        self.session = session
        self.outbox = Outbox(stream, session, self._broke)
        self._leftover = leftover
        self._turn = Turn()
        self._closing = False
        self._last_word: tuple[int, str] | None = None
        self.answers_in_order = False
        self.closed_by_peer: Close | None = None
        self.error: ProxyError | None = None
        self.vanished = False
        self.over = False
        self.answers = False
        self.on_closing: Callable[[], None] = _nothing
        self.on_incomplete: Callable[[], None] = _nothing

    @property
    def taking(self) -> bool:
        return self.outbox.open

    @property
    def holds(self) -> bool:
        """Whether bytes of an earlier read are still to be understood."""
        return bool(self._leftover) or self.session.pending

    @property
    def busy(self) -> bool:
        """Whether something for the client is being written."""
        return self.outbox.busy

    @property
    def waiting(self) -> bool:
        """Whether a greenlet waits for the client."""
        return self.stream.reading

    @property
    def stuck(self) -> bool:
        """Whether a greenlet waits for the client to take something."""
        return self.stream.writing

    @property
    def reads(self) -> int:
        return self.stream.read_count

    @property
    def writes(self) -> int:
        return self.stream.write_count

    @property
    def close_code(self) -> int | None:
        """The code of the Close that the client has been sent."""
        return self.outbox.close_code

    # -- Reading -----------------------------------------------------------------------

    def read_some(self) -> Buffer:
        """All payload of one read; b"" after `closed_by_peer` or `vanished`.  May switch.

        Raises `ClientGone`, or the `ProtocolError` that the client committed
        once the data in front of it has been delivered.
        """
        while (payload := self._next(self._payload_of)) is not None:
            if len(payload):
                return payload
        return b""

    def read_pieces(self) -> list[Data]:
        """As `read_some`, but with the boundaries; [] at the end.  May switch."""
        while (pieces := self._next(self._pieces_of)) is not None:
            if pieces:
                return pieces
        return []

    def _next(self, understand: Callable[[bytes], _T]) -> _T | None:
        """What the session makes of what it still holds, else of the next read.

        None at the end, or the client's fault raised if it was one.  Nothing
        of a read is kept while waiting for the next.  May switch.
        """
        self._say_last_word()
        if not self.over:
            if self.session.pending:
                self._turn.pass_on()
                self._turn.begin()
                return understand(b"")
            if data := self._read():
                self._turn.begin()
                return understand(data)
            self.ended()
        if self.error is not None:
            raise self.error
        return None

    def _read(self) -> bytes:
        """May switch."""
        if self._leftover:
            data, self._leftover = self._leftover, b""
            return data
        self._turn.pass_on()
        try:
            return self.stream.read_some()
        except StreamBroken as exc:
            self.lost(exc)
            return b""

    def _payload_of(self, data: bytes) -> Buffer:
        payload, events = self.session.payload_of(data)
        self.heard(events)
        if self.session.mid_frame and not len(payload):
            self.on_incomplete()
        return payload

    def _pieces_of(self, data: bytes) -> list[Data]:
        events = self.session.receive(data)
        pieces = [event for event in events if isinstance(event, Data)]
        for event in events:
            self._control(event)
        if not (pieces and self.answers_in_order):
            self._say_last_word()
        if self.session.mid_frame and not any(len(piece.payload) for piece in pieces):
            self.on_incomplete()
        return pieces

    def heard(self, events: Iterable[Event]) -> None:
        """See to what a read brought besides payload.  Never switches."""
        for event in events:
            self._control(event)
        self._say_last_word()

    def _control(self, event: Event) -> None:
        match event:
            case Ping(payload):
                self.outbox.pong(payload)
            case Pong():
                self.answers = True
            case Close(code):
                self.closed_by_peer = event
                # RFC 6455, section 7.1.5: a Close without a code means 1005,
                # which must not be sent.  1000 is what it amounts to.
                self._hear_last_word(1000 if code is None else code)
            case Failed(error):
                self.error = error
                self._hear_last_word(error.close_code, error.reason)

    def _hear_last_word(self, code: int, reason: str = "") -> None:
        self.over = True
        self._last_word = (code, reason)
        self._begin_closing()

    def _say_last_word(self) -> None:
        """Answer the client's: nothing is read behind it, so the FIN can follow at once."""
        if self._last_word is not None:
            (code, reason), self._last_word = self._last_word, None
            self.outbox.close(code, reason)
            self.outbox.finish()

    def ended(self) -> None:
        """The stream's end.  Hixie-75 has no other way to close.  Never switches."""
        if self.over:
            return
        self.over = True
        if self.session.dialect is Dialect.HIXIE_75 and not self.session.mid_frame:
            self.closed_by_peer = Close(None)
        else:
            self.vanished = True
        self.outbox.finish()
        self._begin_closing()

    def lost(self, exc: StreamBroken) -> None:
        """A read found the connection broken.  Never switches."""
        self.over = True
        self._broke(exc)

    def _broke(self, exc: StreamBroken) -> None:
        """The connection is lost.  Where a write found it, what came is still read.

        A client that has said its Close owes us nothing, and may well not
        wait for the answer.
        """
        if self.error is None and self.closed_by_peer is None:
            self.error = ClientGone("the client's connection broke", detail=str(exc))
        self.outbox.shut()
        self._begin_closing()

    def _begin_closing(self) -> None:
        if not self._closing:
            self._closing = True
            self.on_closing()

    # -- Writing -----------------------------------------------------------------------

    def write_all(self, payload: Buffer) -> bool:
        """One message, in the form that the session has for it.  May switch.

        Raises `ClientGone`, or `TargetNotText` once what could be sent in
        front of the fault has been.
        """
        whole = self.outbox.message(payload)
        if complaint := self.session.complaint():
            raise complaint
        return whole

    def write_rest(self, rest: bytes) -> None:
        """Go on with a frame whose beginning the stream has taken.  May switch.

        Raises `ClientGone`.
        """
        self.outbox.rest(rest)

    def complaint(self) -> TargetNotText | None:
        """What would be wrong with an end of the payload here."""
        return self.session.complaint(ended=True)

    def write_piece(self, payload: Buffer, opcode: Opcode, *, final: bool) -> bool:
        """A piece of a message, for those who keep boundaries.  May switch.

        Raises `ClientGone`.
        """
        return self.outbox.piece(payload, opcode, final=final)

    def ping(self) -> None:
        """Have a Ping written, where the dialect has one.  Never switches."""
        self.outbox.ping()

    def close(self, code: int | None, reason: str = "") -> bool:
        """Have a Close written behind the frame that is being written.  Never switches.

        The first wins: returns False if the session is closing already, or
        the client is lost.  Payload written later is dropped.
        """
        first = self.outbox.close(code, reason)
        if first:
            self._begin_closing()
        return first

    def finish(self) -> None:
        """Say that no payload will follow: Close 1000."""
        self.close(1000)

    def settle(self) -> None:
        """Wait until what was to be written is written.  May switch."""
        self.outbox.settle()

    def abort(self) -> None:
        self.outbox.shut()
        self.stream.abort()

    # -- Leaving -----------------------------------------------------------------------

    def part(self, code: int, reason: str, patience: Patience) -> None:
        """Close, wait for the client's Close, and leave.  May switch."""
        self.close(code, reason)
        try:
            with suppress(ProxyError), Deadline(patience.close).enforce(_too_late):
                while self.read_pieces():
                    pass
            self.leave(patience)
        finally:
            self.abort()

    def leave(self, patience: Patience) -> None:
        """Finish the connection so that the last bytes arrive, and close it.  May switch.

        RFC 6455, section 7.1.1: the server finishes first, then reads to the
        end.
        """
        self.outbox.finish()
        with suppress(CloseTimeout):
            with Deadline(patience.close).enforce(_too_late):
                self.outbox.settle()
            linger(self.stream, per_read=patience.linger_read, total=patience.linger)
        self.abort()


def _too_late() -> CloseTimeout:
    return CloseTimeout("the client did not close in time")
