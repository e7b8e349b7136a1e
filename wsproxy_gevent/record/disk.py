"""The share of a native pool that all records together may take.

A stalled disk holds every thread that touches it.  Only so many calls are
made at once, and one that was given up keeps its turn until it returns: the
rest of the pool stays free for others whatever the disk does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from gevent.lock import BoundedSemaphore

from .file import RecordFile

T = TypeVar("T")

CALLS_AT_ONCE = 4

# A healthy disk answers in milliseconds, a busy network disk within seconds.
DISK_SECONDS = 10.0


class Pool(Protocol):
    """What is needed of `net.pool.NativePool`."""

    def call(self, function: Callable[..., T], *args: object, timeout: float) -> T: ...


class DiskStalled(OSError):
    """No turn became free in time: earlier calls have not come back."""


class Disk:
    """Runs the blocking methods of records, a few at a time."""

    def __init__(
        self, pool: Pool, *, calls_at_once: int = CALLS_AT_ONCE, seconds: float = DISK_SECONDS
    ) -> None:
        """`seconds` may pass until a turn comes, and again until a call returns."""
        self._pool = pool
        self._turns = BoundedSemaphore(calls_at_once)
        self._seconds = seconds
        self._given_up: list[RecordFile] = []

    def call(self, file: RecordFile, function: Callable[..., None], *args: object) -> None:
        """Run one of the file's methods in the pool.  May switch.

        Raises what the method raises, `DiskStalled`, or what the pool
        raises when it is full or the call is late.
        """
        self._reclaim()
        if not self._turns.acquire(timeout=self._seconds):
            raise DiskStalled("the disk has stalled")
        try:
            self._pool.call(function, *args, timeout=self._seconds)
        finally:
            if file.busy:
                self._given_up.append(file)
            else:
                self._turns.release()

    def _reclaim(self) -> None:
        """Take back the turns of calls that came back after all."""
        back = [file for file in self._given_up if not file.busy]
        self._given_up = [file for file in self._given_up if file not in back]
        for _ in back:
            self._turns.release()
