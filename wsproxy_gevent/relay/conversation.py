"""What a proxied session and an echo have in common: how they end, and who may look on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace

import gevent
from gevent import Greenlet

from ..errors import CloseTimeout, Stopped
from ..model import Deadlines, Direction
from ..net.clock import monotonic
from ..observer import PayloadObserver, SessionInfo, SessionSummary
from .client import ClientEnd
from .ending import (
    CLIENT_CLOSED,
    CLIENT_GONE,
    CLIENT_STALLED,
    EXPIRED,
    IDLE,
    KILLED,
    NO_CLOSE_SEEN,
    STOPPED,
    TOO_LONG,
    Ending,
    Patience,
)
from .heartbeat import Pulse, Standstill
from .pump import Lane
from .watch import Watch


class Conversation(ABC):
    """One session with one client, from the 101 to the closed sockets.

    The first event that ends it is the one its summary names.  From then on
    a clock runs: whatever the client does or leaves undone, `patience.close`
    seconds later nothing waits for it any more.
    """

    def __init__(
        self,
        info: SessionInfo,
        client: ClientEnd,
        *,
        patience: Patience = Patience(),  # noqa: B008  # frozen
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.info = info
        self._client = client
        self._patience = patience
        self._clock = clock
        self._watch = Watch()
        self._upstream = Lane(Direction.UPSTREAM, self._watch)
        self._downstream = Lane(Direction.DOWNSTREAM, self._watch)
        self._pulse = Pulse(client)
        self._quiet = Standstill()
        self._client_stuck = Standstill()
        self._opened_at = clock()
        self._closed_at: float | None = None
        self._ending: Ending | None = None
        self._timed_out = False
        self._alarm: Greenlet[..., None] | None = None
        client.on_closing = self._closing
        client.on_incomplete = self._upstream.incomplete

    # -- Its life ----------------------------------------------------------------------

    def run(self) -> SessionSummary:
        """Run it to its end.  May switch.

        Whatever happens, an exception thrown into this greenlet included,
        the sockets are closed and the observers gone when it returns.
        """
        try:
            self._converse()
        finally:
            self._disarm()
            self._client.abort()
            self._close_target()
            self._closed_at = self._clock()
            self._watch.end()
        return self.summary()

    def summary(self) -> SessionSummary:
        """What is known so far, or of the whole once `run` has ended."""
        ending = self._ending or self._clients_ending()
        ended_at = self._clock() if self._closed_at is None else self._closed_at
        return SessionSummary(
            info=self.info,
            seconds=ended_at - self._opened_at,
            upstream=self._upstream.traffic(self._client.session.frames_read),
            downstream=self._downstream.traffic(self._client.session.frames_written),
            ended_by=ending.by,
            close_code=self._close_code(),
            reason=CloseTimeout.slug if self._timed_out else ending.reason,
            detail=ending.detail,
        )

    @abstractmethod
    def _converse(self) -> None:
        """Carry payload until both sides are done, then take leave of them.  May switch."""

    @abstractmethod
    def _close_target(self) -> None:
        """Close what is behind us, if anything is.  May switch."""

    # -- From outside; none of these switches --------------------------------------------

    @property
    def moves(self) -> int:
        """Reads from the client and writes to it so far: whether anything goes on."""
        return self._client.reads + self._client.writes

    def stop(self, code: int, text: str, reason: str = Stopped.slug) -> None:
        """Ask for the end with that Close.  An end that has begun keeps its own.

        `reason` is the slug by which logs name it.
        """
        self._end(replace(STOPPED, code=code, text=text, detail=text, reason=reason))

    def expire(self) -> None:
        """End it, for what let the client in holds no longer.  Never switches."""
        self._end(EXPIRED)

    def join(self, observer: PayloadObserver) -> None:
        self._watch.join(observer)

    def leave(self, observer: PayloadObserver) -> None:
        self._watch.leave(observer)

    def beat(self, now: float, deadlines: Deadlines) -> None:
        """Look after the client, as `heartbeat` says, and see to the deadlines."""
        if deadlines.heartbeat:
            self._pulse.beat(now, deadlines)
        if self._client.taking:
            self._enforce(now, deadlines)

    # -- Deadlines; none of these switches -------------------------------------------------

    def _enforce(self, now: float, deadlines: Deadlines) -> None:
        """End it if it has let a deadline pass."""
        carried = self._upstream.payload_bytes + self._downstream.payload_bytes
        if deadlines.longest and self._clock() - self._opened_at >= deadlines.longest:
            self._end(TOO_LONG)
        elif deadlines.idle and self._quiet.seconds(now, carried) >= deadlines.idle:
            self._end(IDLE)
        elif deadlines.stall:
            self._enforce_taking(now, deadlines.stall)

    def _enforce_taking(self, now: float, seconds: float) -> None:
        """End it if a side has taken nothing for so long of what it was to take."""
        client = self._client
        if self._client_stuck.seconds(now, client.writes, waiting=client.stuck) >= seconds:
            self._ending = CLIENT_STALLED
            client.abort()

    # -- How it ends ---------------------------------------------------------------------

    def _end(self, ending: Ending) -> None:
        """Close for that reason, if nothing has ended the session before."""
        if self._client.close(ending.code, ending.text):
            self._ending = ending

    def _closing(self) -> None:
        if self._closed_at is None:
            self._arm(self._patience.close, self._client_is_late)

    def _client_is_late(self) -> None:
        self._timed_out = not (self._client.over or self._client.error)
        self._client.abort()

    def _arm(self, seconds: float, action: Callable[[], None]) -> None:
        """Set the one alarm, in place of what it was set to."""
        self._disarm()
        self._alarm = gevent.spawn_later(seconds, self._ring, action)

    def _ring(self, action: Callable[[], None]) -> None:
        self._alarm = None
        action()

    def _disarm(self) -> None:
        if self._alarm is not None:
            self._alarm.kill(block=False)
            self._alarm = None

    def _clients_ending(self) -> Ending:
        client = self._client
        if client.error is not None:
            error = client.error
            return Ending("client", error.slug, detail=error.detail or error.reason)
        if client.vanished:
            return CLIENT_GONE
        return KILLED if client.closed_by_peer is None else CLIENT_CLOSED

    def _close_code(self) -> int | None:
        if self.info.dialect.is_hixie:
            return None
        code = self._client.close_code
        return NO_CLOSE_SEEN if code is None else code
