"""Signs of life, and deadlines: one greenlet looks after all sessions.

A timer for each read would cost each session a timer for each read.  Here
nothing on a byte's way knows of time: what moves is counted where it moves,
and a scan that comes by now and then compares the counts with those it saw
before.  So every deadline is met late by up to one scan's interval.

A session is pinged when nothing has gone either way for the interval.  That
keeps boxes in between from forgetting the connection, and finds the dead
that TCP does not: a client that has answered a Ping before and then sends
no byte at all for `dead_after` is given up.  Its clock stands still while we
ourselves do not read, or while what we wrote, the Ping perhaps included, has
not left us yet (RFC 6455, section 5.5.2 leaves all of this open).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Protocol

import gevent
from gevent import Greenlet

from ..model import Deadlines
from ..net.clock import monotonic

logger = logging.getLogger(__name__)


class Client(Protocol):
    """What the heartbeat sees of a client's end."""

    answers: bool

    @property
    def reads(self) -> int: ...

    @property
    def writes(self) -> int: ...

    @property
    def waiting(self) -> bool: ...

    @property
    def busy(self) -> bool: ...

    def ping(self) -> None: ...

    def abort(self) -> None: ...


class Beating(Protocol):
    """What the heartbeat needs of a session."""

    def beat(self, now: float, deadlines: Deadlines) -> None:
        """Do what it is time for; `now` in seconds.  Never switches."""


class Pulse:
    """When one client was last heard, and when anything last moved."""

    __slots__ = ("_client", "_heard_at", "_moved_at", "_reads", "_writes")

    def __init__(self, client: Client) -> None:
        self._client = client
        self._reads = self._writes = -1
        self._heard_at = self._moved_at = 0.0

    def beat(self, now: float, deadlines: Deadlines) -> None:
        """Ping the client, or give it up, if it is time."""
        self._look(now)
        dead_after = deadlines.dead_after
        if dead_after and self._client.answers and now - self._heard_at >= dead_after:
            self._client.abort()
        elif now - self._moved_at >= deadlines.heartbeat:
            self._moved_at = now
            self._client.ping()

    def _look(self, now: float) -> None:
        client = self._client
        listening = client.waiting and not client.busy
        if client.reads != self._reads or not listening:
            self._heard_at = now
        if (client.reads, client.writes) != (self._reads, self._writes):
            self._moved_at = now
        self._reads, self._writes = client.reads, client.writes


class Standstill:
    """Since when a count has not grown."""

    __slots__ = ("_count", "_since")

    def __init__(self) -> None:
        self._count = -1
        self._since = 0.0

    def seconds(self, now: float, count: int, *, waiting: bool = True) -> float:
        """For how long it has not, and somebody waited for it all the while."""
        if count != self._count or not waiting:
            self._count, self._since = count, now
        return now - self._since


class Heartbeat:
    """Scans the sessions that `sessions` gives, if any deadline wants it."""

    def __init__(
        self,
        deadlines: Deadlines,
        sessions: Callable[[], Iterable[Beating]],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._deadlines = deadlines
        self._period = deadlines.period
        self._sessions = sessions
        self._clock = clock
        self._seen_at = clock()
        self._awake = 0.0
        self._greenlet: Greenlet[..., None] | None = None

    def start(self) -> None:
        if self._period and self._greenlet is None:
            self._seen_at = self._clock()
            self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """Never switches."""
        if self._greenlet is not None:
            self._greenlet.kill(block=False)
            self._greenlet = None

    def scan(self, now: float) -> None:
        """Look at each session once; `now` is the clock's.  Never switches.

        Time in which no scan came by, since the process was stopped or the
        machine slept, is not held against the peers: they were not heard.
        """
        self._awake += min(now - self._seen_at, 2 * self._period)
        self._seen_at = now
        for session in tuple(self._sessions()):
            session.beat(self._awake, self._deadlines)

    def _run(self) -> None:
        while True:
            gevent.sleep(self._period)
            try:
                self.scan(self._clock())
            except Exception:
                logger.exception("a heartbeat failed")
