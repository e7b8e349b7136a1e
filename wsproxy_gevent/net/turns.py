"""Blocking calls that wait for their turn.

As people's own code wants it, which was written for one process a connection
and keeps what it works with in globals: nobody else runs while one call does,
and one that takes too long keeps its turn until it is done.  Lookups wait as
well, with more turns to be had: many clients may come in one moment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from gevent.lock import Semaphore

from .clock import Deadline
from .pool import NativePool, PoolTimeout

T = TypeVar("T")


class Turns:
    """At most `threads` calls at a time, the others in the order they came.

    No thread and no hub exists before the first call.
    """

    def __init__(self, threads: int = 1, cure: str = "") -> None:
        """`cure` tells an operator whose calls wait too long what may be wrong."""
        self.threads = threads
        self._cure = cure
        self._turns = Semaphore(threads)
        # A turn comes back when the function has ended, not when we lost patience.
        self._pool = NativePool(threads, freed=self._turns.release)

    def call(self, function: Callable[..., T], *args: object, timeout: float) -> T:
        """Return `function(*args)`, run on a native thread.  May switch.

        Raises what the function raises, and `PoolTimeout` when the turn and
        the call take longer than `timeout` seconds.
        """
        deadline = Deadline(timeout)
        if not self._turns.acquire(timeout=timeout):
            raise PoolTimeout(
                "too many lookups wait for their turn; try again later",
                detail=f"no turn came within {timeout:g} s: {self._cure}",
            )
        return self._pool.call(function, *args, timeout=deadline.left)
