"""Fairness between sessions that all have work."""

from __future__ import annotations

import gevent

# What one reader may move before the others have their turn: bytes, each
# read counting as some more, for tiny frames cost time as well.
TURN_BYTES = 256 << 10
READ_COSTS = 4 << 10


class Turn:
    """One reader's share of the processor.

    A socket that always has more never makes its reader wait, so the reader
    must wait of its own accord.
    """

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = TURN_BYTES

    def spend(self, size: int) -> None:
        self._left -= size + READ_COSTS

    def pass_on(self) -> None:
        """Let the others run if the share is spent.  May switch."""
        if self._left <= 0:
            self._left = TURN_BYTES
            gevent.sleep(0)
