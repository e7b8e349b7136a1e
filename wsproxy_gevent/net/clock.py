"""Time: two clocks, the date that HTTP writes, and deadlines.

How long something may take is told by the monotonic clock, which no
administrator and no NTP daemon sets; the wall clock is for what people and
certificates read.  Whatever only needs to know the time takes a `Clock`, so
that its tests need not wait.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from email.utils import formatdate
from typing import Protocol

import gevent
from greenlet import getcurrent

monotonic = time.monotonic
"""Seconds since some point in the past; never goes back."""

wall = time.time
"""Seconds since the epoch, as this machine believes."""


class Clock(Protocol):
    """Where the time comes from."""

    def monotonic(self) -> float: ...

    def wall(self) -> float: ...


class SystemClock:
    """The machine's own clocks."""

    monotonic = staticmethod(monotonic)
    wall = staticmethod(wall)


SYSTEM: Clock = SystemClock()


def http_date(unix_seconds: float) -> str:
    """The IMF-fixdate of RFC 9110, section 5.6.7, whatever the locale."""
    return formatdate(unix_seconds, usegmt=True)


class Deadline:
    """A point in time that several steps may share, however each is cut.

    `seconds` counts from now; zero or less has passed already.
    """

    __slots__ = ("_at", "_now")

    def __init__(self, seconds: float, clock: Clock = SYSTEM) -> None:
        self._now = clock.monotonic
        self._at = self._now() + seconds

    @property
    def left(self) -> float:
        """Seconds until it passes, never below zero."""
        return max(0.0, self._at - self._now())

    @property
    def passed(self) -> bool:
        return self.left == 0.0

    def enforce(self, error: Callable[[], Exception]) -> AbstractContextManager[None]:
        """Raise `error()` from the block once the deadline passes.

        It strikes where the block waits: one that never switches runs to its
        end.  A deadline that has passed already lets the block not begin.
        """
        return _Enforced(self, error)


class _Passed(BaseException):
    """Strikes a block.

    It is no Exception, so that no `except OSError` on its way takes it for a
    fault of a socket; and each block knows its own.
    """


class _Enforced:
    """One block under a deadline.

    What `gevent.Timeout` does, at a third of its cost: a connection passes
    half a dozen of them.
    """

    __slots__ = ("_deadline", "_error", "_passed", "_timer")

    def __init__(self, deadline: Deadline, error: Callable[[], Exception]) -> None:
        self._deadline = deadline
        self._error = error

    def __enter__(self) -> None:
        left = self._deadline.left
        if not left:
            raise self._error()
        self._passed = _Passed()
        # Behind what is ready at the same moment, as gevent's own.
        self._timer = gevent.get_hub().loop.timer(left, priority=-1)
        self._timer.start(getcurrent().throw, self._passed)

    def __exit__(self, _type: object, raised: BaseException | None, _trace: object) -> None:
        self._timer.close()
        if raised is self._passed:
            raise self._error() from None
