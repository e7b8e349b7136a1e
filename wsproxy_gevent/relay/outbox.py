"""All that goes to the client, one frame at a time.

Payload is written by the greenlet that has it, under a lock.  Control frames
are never written by those who ask for them: they are put in a slot, and go
out behind the frame that is being written, by the hand of whoever writes it;
if nobody does, by a greenlet that lives for that long.  So the greenlet that
reads never waits for the one that writes.

A few Pings that come together are answered one by one, as clients that
measure by them expect.  A flood of them, or Pings of a client that is slow
to take what it is being sent, cost one slot: "If an endpoint receives a Ping
frame and has not yet sent Pong frame(s) in response to previous Ping
frame(s), the endpoint MAY elect to send a Pong frame for only the most
recently processed Ping frame" (RFC 6455, section 5.5.3).

The invariant: what is in a slot has a writer.  Either the lock is held, and
its holder empties the slots before it lets go, or a greenlet is on its way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import gevent
from gevent.lock import Semaphore

from ..errors import ClientGone
from ..model import Buffer
from ..net.stream import Stream, StreamBroken
from ..wire.session import A_FEW_PINGS, Opcode, Session

logger = logging.getLogger(__name__)


class Outbox:
    """The writing half of a client's connection.

    `open` says whether payload is still taken: until a Close is asked for or
    the connection breaks.  `close_code` is that of the Close, once there is
    one.  `on_broken` is called, and must not switch, when a write finds the
    connection broken.
    """

    def __init__(
        self, stream: Stream, session: Session, on_broken: Callable[[StreamBroken], None]
    ) -> None:
        self._stream = stream
        self._session = session
        self._on_broken = on_broken
        self.lock = Semaphore(1)
        self._on_its_way = False
        self._pongs: tuple[bytes, ...] = ()
        self._pings_unanswered = 0
        self._ping = False
        self._close: tuple[int | None, str] | None = None
        self._fin = False
        self._fin_asked = False
        self._shut = False
        self.open = True
        self.close_code: int | None = None

    @property
    def busy(self) -> bool:
        """Whether something is being written, or waits to be."""
        return self._on_its_way or self.lock.locked()

    # -- Payload -------------------------------------------------------------------

    def message(self, payload: Buffer) -> bool:
        """Write one whole message.  May switch; behind a Close it is dropped.

        Returns whether the first system call took all.  Raises `ClientGone`.
        """
        with self.lock:
            return not self.open or self._send(self._session.message(payload))

    def piece(self, payload: Buffer, opcode: Opcode, *, final: bool) -> bool:
        """Write a piece of a message.  May switch; the rest is as in `message`."""
        with self.lock:
            return not self.open or self._send(self._session.piece(payload, opcode, final=final))

    def rest(self, rest: bytes) -> None:
        """Write what is left of a frame that the stream has begun to take.  May switch.

        For a caller who found us not busy and has not switched since, so that
        nobody comes between.  Raises `ClientGone`.
        """
        with self.lock:
            self._send((rest,))

    def _send(self, segments: tuple[Buffer, ...]) -> bool:
        try:
            whole = not segments or self._write(*segments)
            self._empty_slots()
        except StreamBroken as exc:
            self._broke(exc)
            raise ClientGone("the client's connection broke", detail=str(exc)) from exc
        return whole

    # -- Slots; none of these switches -----------------------------------------------

    def ping(self) -> None:
        if self.open:
            self._ping = True
            self._see_to_it()

    def pong(self, payload: bytes) -> None:
        if self.open:
            self._pings_unanswered += 1
            only = self.lock.locked() or self._pings_unanswered > A_FEW_PINGS
            self._pongs = (payload,) if only else (*self._pongs, payload)
            self._see_to_it()

    def close(self, code: int | None, reason: str) -> bool:
        """Have a Close written, and no payload behind it.

        Returns False if there is one already, or the connection is broken.
        """
        if not self.open:
            return False
        self.open = False
        self.close_code = code
        self._close = (code, reason)
        self._see_to_it()
        return True

    def finish(self) -> None:
        """Have the stream finished behind what is to be written; take no payload."""
        self.open = False
        if not self._fin_asked:
            self._fin = self._fin_asked = True
            self._see_to_it()

    def shut(self) -> None:
        """Nothing can be written any more."""
        self.open = self._fin = self._ping = False
        self._fin_asked = self._shut = True
        self._pongs, self._close = (), None

    def _see_to_it(self) -> None:
        if not self.busy:
            self._on_its_way = True
            gevent.spawn(self._bring)

    # -- Those who empty the slots ---------------------------------------------------

    def settle(self) -> None:
        """Wait until all that was asked for is written.  May switch."""
        with self.lock:
            self._try_to_empty_slots()

    def _bring(self) -> None:
        """A greenlet's way to write what is in the slots, for nobody else does."""
        try:
            with self.lock:
                self._on_its_way = False
                self._try_to_empty_slots()
        except Exception:
            logger.exception("a control frame could not be written")
            self._stream.abort()

    def _try_to_empty_slots(self) -> None:
        try:
            self._empty_slots()
        except StreamBroken as exc:
            self._broke(exc)

    def _broke(self, exc: StreamBroken) -> None:
        """Tell it once; not if it is of our own doing."""
        if not self._shut:
            self.shut()
            self._on_broken(exc)

    def _empty_slots(self) -> None:
        """Needs the lock.  No switch from the last look into a slot to the return."""
        while frames := self._take_frames():
            self._write(frames)
        if self._fin:
            self._fin = False
            self._stream.finish()

    def _take_frames(self) -> bytes:
        pongs, ping, close = self._pongs, self._ping, self._close
        self._pongs, self._ping, self._close = (), False, None
        self._pings_unanswered = 0
        if close is not None:
            return self._closing_frame(*close)
        answers = b"".join(map(self._session.pong, pongs))
        return answers + self._session.ping() if ping else answers

    def _closing_frame(self, code: int | None, reason: str) -> bytes:
        frame = self._session.close(code, reason)
        if not frame:
            self.finish()  # Hixie-75 has no other way to say it
        return frame

    def _write(self, *segments: Buffer) -> bool:
        return self._stream.write_all(*segments)
