"""When a process ends by itself: `--timeout` and `--idle-timeout`.

Both count connections of any kind, as websockify counts its children: who
still loads a page is about to ask for a session.
"""

from __future__ import annotations

from collections.abc import Callable

import gevent

from .net.clock import monotonic

# Who has left is noticed this late at most.
LOOK_SECONDS = 0.25


class Lifetime:
    """Seconds, 0 for never: `timeout` runs from the start, `idle` from the last client."""

    def __init__(self, timeout: float, idle: float, now: float) -> None:
        self._timeout = timeout
        self._idle = idle
        self._started_at = self._busy_at = now

    @property
    def is_limited(self) -> bool:
        return bool(self._timeout or self._idle)

    def visited(self, now: float) -> None:
        """Somebody came; they may be gone before anyone looks."""
        self._busy_at = now

    def over(self, now: float, connected: int) -> str:
        """Why it is over, or nothing."""
        if connected:
            self._busy_at = now
        elif self._timeout and now - self._started_at >= self._timeout:
            return f"--timeout: {self._timeout:g} s are over, and nobody is connected"
        elif self._idle and now - self._busy_at >= self._idle:
            return f"--idle-timeout: nobody was connected for {self._idle:g} s"
        return ""


def wait_for_end(lifetime: Lifetime, connected: Callable[[], int]) -> str:
    """Return why it is over, once it is.  May switch."""
    while not (why := lifetime.over(monotonic(), connected())):
        gevent.sleep(LOOK_SECONDS)
    return why
