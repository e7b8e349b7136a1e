"""The client's end: payload in frames, and the frames that are about the frames."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from ..errors import ClientGone, CloseTimeout, ProxyError, TargetNotText
from ..model import Buffer, Dialect
from ..net.clock import Deadline
from ..net.stream import Stream, StreamBroken, linger
from ..wire.session import Close, Data, Event, Failed, Opcode, Ping, Pong, Session
from .ending import Patience
from .outbox import Outbox
from .turn import Turn


def _nothing() -> None:
    pass


class ClientEnd:
    """An `End` that speaks for itself.

    It answers Pings with Pongs, a Close with a Close, and what is not
    allowed with the Close that says so.  What it finds out is kept:

    `closed_by_peer` is the client's Close; `vanished` says that it ended
    without one; `error`, that it broke off or broke the protocol; `over`,
    that for one of these reasons nothing more is read.  `waiting` says that
    a greenlet waits for the client, `answers` that a Ping has been answered.

    A Close is answered as soon as it is read, for the sink that takes what
    came in front of it may be slow.  With `answers_in_order` that waits for
    the next read, when what came in front of it has been answered.

    `on_closing` is called once, at the first Close of either side or when
    the client is lost, `on_incomplete` after a read that had no payload and
    ended inside a frame.  Neither may switch.
    """

    def __init__(self, stream: Stream, session: Session, *, leftover: bytes = b"") -> None:
        self._stream = stream
        self._session = session
        self._leftover = leftover
        self._turn = Turn()
        self._outbox = Outbox(stream, session, self._broke)
        self._closing = False
        self._last_word: tuple[int, str] | None = None
        self.answers_in_order = False
        self.closed_by_peer: Close | None = None
        self.error: ProxyError | None = None
        self.vanished = False
        self.over = False
        self.waiting = False
        self.answers = False
        self.reads = 0
        self.on_closing: Callable[[], None] = _nothing
        self.on_incomplete: Callable[[], None] = _nothing

    @property
    def taking(self) -> bool:
        return self._outbox.open

    @property
    def busy(self) -> bool:
        """Whether something for the client is being written."""
        return self._outbox.busy

    @property
    def writes(self) -> int:
        return self._outbox.writes

    @property
    def close_code(self) -> int | None:
        """The code of the Close that the client has been sent."""
        return self._outbox.close_code

    # -- Reading -----------------------------------------------------------------------

    def read_some(self) -> Buffer:
        """All payload of one read; b"" after `closed_by_peer` or `vanished`.  May switch.

        Raises `ClientGone`, or the `ProtocolError` that the client committed
        once the data in front of it has been delivered.
        """
        while pieces := self.read_pieces():
            if payload := _joined(pieces):
                return payload
            del pieces  # nothing of one read is kept while waiting for the next
        return b""

    def read_pieces(self) -> list[Data]:
        """As `read_some`, but with the boundaries; [] at the end.  May switch."""
        self._say_last_word()
        while not self.over:
            if pieces := self._next_pieces():
                return pieces
        if self.error is not None:
            raise self.error
        return []

    def _next_pieces(self) -> list[Data]:
        """What the last read still holds, else the next read."""
        if self._session.pending:
            self._turn.pass_on()
            self._turn.begin()
            return self._understand(b"")
        if data := self._read():
            self.reads += 1
            self._turn.begin()
            return self._understand(data)
        self._ended()
        return []

    def _read(self) -> bytes:
        if self._leftover:
            data, self._leftover = self._leftover, b""
            return data
        self._turn.pass_on()
        self.waiting = True
        try:
            return self._stream.read_some()
        except StreamBroken as exc:
            self.over = True
            self._broke(exc)
            return b""
        finally:
            self.waiting = False

    def _understand(self, data: bytes) -> list[Data]:
        pieces = []
        for event in self._session.receive(data):
            if isinstance(event, Data):
                pieces.append(event)
            else:
                self._control(event)
        if not (pieces and self.answers_in_order):
            self._say_last_word()
        if self._session.mid_frame and not any(len(piece.payload) for piece in pieces):
            self.on_incomplete()
        return pieces

    def _control(self, event: Event) -> None:
        match event:
            case Ping(payload):
                self._outbox.pong(payload)
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
            self._outbox.close(code, reason)
            self._outbox.finish()

    def _ended(self) -> None:
        """The stream's end.  Hixie-75 has no other way to close."""
        if self.over:
            return
        self.over = True
        if self._session.dialect is Dialect.HIXIE_75 and not self._session.mid_frame:
            self.closed_by_peer = Close(None)
        else:
            self.vanished = True
        self._outbox.finish()
        self._begin_closing()

    def _broke(self, exc: StreamBroken) -> None:
        """The connection is lost.  Where a write found it, what came is still read.

        A client that has said its Close owes us nothing, and may well not
        wait for the answer.
        """
        if self.error is None and self.closed_by_peer is None:
            self.error = ClientGone("the client's connection broke", detail=str(exc))
        self._outbox.shut()
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
        whole = self._outbox.message(payload)
        if complaint := self._session.complaint():
            raise complaint
        return whole

    def complaint(self) -> TargetNotText | None:
        """What would be wrong with an end of the payload here."""
        return self._session.complaint(ended=True)

    def write_piece(self, payload: Buffer, opcode: Opcode, *, final: bool) -> bool:
        """A piece of a message, for those who keep boundaries.  May switch.

        Raises `ClientGone`.
        """
        return self._outbox.piece(payload, opcode, final=final)

    def ping(self) -> None:
        """Have a Ping written, where the dialect has one.  Never switches."""
        self._outbox.ping()

    def close(self, code: int | None, reason: str = "") -> bool:
        """Have a Close written behind the frame that is being written.  Never switches.

        The first wins: returns False if the session is closing already, or
        the client is lost.  Payload written later is dropped.
        """
        first = self._outbox.close(code, reason)
        if first:
            self._begin_closing()
        return first

    def finish(self) -> None:
        """Say that no payload will follow: Close 1000."""
        self.close(1000)

    def settle(self) -> None:
        """Wait until what was to be written is written.  May switch."""
        self._outbox.settle()

    def abort(self) -> None:
        self._outbox.shut()
        self._stream.abort()

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
        self._outbox.finish()
        with suppress(CloseTimeout):
            with Deadline(patience.close).enforce(_too_late):
                self._outbox.settle()
            linger(self._stream, per_read=patience.linger_read, total=patience.linger)
        self.abort()


def _too_late() -> CloseTimeout:
    return CloseTimeout("the client did not close in time")


def _joined(pieces: list[Data]) -> Buffer:
    if len(pieces) == 1:
        return pieces[0].payload
    return b"".join(piece.payload for piece in pieces)
