"""Clients of some service that are kept for the next call, on whichever thread.

Each is used by one call at a time, so that no lock of a library stands
between threads.  One whose call failed is not used again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar


class Closes(Protocol):
    def close(self) -> None: ...


T = TypeVar("T", bound=Closes)


class Idle(Generic[T]):
    """Makes clients as they are needed, and keeps up to `most` that are not."""

    def __init__(self, make: Callable[[], T], most: int = 8) -> None:
        self._make = make
        self._most = most
        # Appending and popping are atomic; that it may hold one more than `most`
        # for a moment does no harm.
        self._idle: list[T] = []

    @contextmanager
    def one(self) -> Iterator[T]:
        """A client that nobody else uses meanwhile.  Blocks while it is made."""
        try:
            client = self._idle.pop()
        except IndexError:
            client = self._make()
        try:
            yield client
        except BaseException:
            client.close()
            raise
        if len(self._idle) < self._most:
            self._idle.append(client)
        else:
            client.close()
