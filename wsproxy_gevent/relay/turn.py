"""Fairness between sessions that all have work."""

from __future__ import annotations

from collections.abc import Callable

import gevent

from ..net.clock import monotonic

# How long one reader may work before the others have their turn.  It is time
# and not bytes that is shared out: a kilobyte of tiny frames takes as long as
# a megabyte of one.  gevent looks after its sockets only once in fifty turns
# of those who are ready.
SHARE_SECONDS = 0.001


class Turn:
    """One reader's share of the processor.

    A socket that always has more never makes its reader wait, so the reader
    must wait of its own accord.
    """

    __slots__ = ("_clock", "_since", "_spent")

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._since: float | None = None
        self._spent = 0.0

    def begin(self) -> None:
        """Something was read: what is done with it until `pass_on` counts."""
        self._since = self._clock()

    def pass_on(self) -> None:
        """Let the others run if the share is spent.  May switch."""
        if self._since is not None:
            self._spent += self._clock() - self._since
            self._since = None
        if self._spent >= SHARE_SECONDS:
            self._spent = 0.0
            gevent.sleep(0)
