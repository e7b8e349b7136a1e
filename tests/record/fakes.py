"""Pools and disks that do as they are told."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class DirectPool:
    """Makes each call where it stands; what is in `raising` is raised first."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.raising: list[BaseException] = []

    def call(self, function: Callable[..., T], *args: object, timeout: float) -> T:
        self.calls.append(function.__name__)
        if self.raising:
            raise self.raising.pop(0)
        return function(*args)


class FaultyWrite:
    """A `pwrite` that takes so many bytes in all, then some of a write, then none.

    With `full` the write that finds no room at all raises, as a full disk
    does; the cut before it comes up short.  `looks` sees the file after each
    call.
    """

    def __init__(self, room: int | None = None, error: int = errno.ENOSPC) -> None:
        self.room = room
        self.error = error
        self.written_to = 0

    def __call__(self, descriptor: int, data: bytes, offset: int) -> int:
        grown = max(0, offset + len(data) - self.written_to)
        if self.room is not None and grown > self.room:
            data = data[: len(data) - grown + self.room]
            if not data:
                raise OSError(self.error, os.strerror(self.error))
        written = os.pwrite(descriptor, data, offset)
        grown = max(0, offset + written - self.written_to)
        self.written_to += grown
        if self.room is not None:
            self.room -= grown
        return written


class StallingWrite:
    """A `pwrite` that stalls where `stalls` says so, until `go_on`."""

    def __init__(self) -> None:
        self.stalls = False
        self.entered = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, descriptor: int, data: bytes, offset: int) -> int:
        if self.stalls:
            self.entered.set()
            assert self.go_on.wait(5)
        return os.pwrite(descriptor, data, offset)
