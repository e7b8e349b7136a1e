"""One record on the disk, a valid script after every write.

Each write puts the new lines and the tail over the old tail in one system
call, so a process that dies leaves a record that plays.  A write that comes
up short is undone.

Everything here blocks and is meant for native threads, one call at a time;
`busy` and `close` alone may be used while another call is under way.  A disk
may stall for longer than anybody waits: a call that was given up still holds
the descriptor, so `close` leaves the closing to that call.  The number would
otherwise go to another socket or record under the late write.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from gevent import monkey

from ..model import Direction
from ..observer import SessionInfo
from . import format as script
from .naming import RecordNames

PositionedWrite = Callable[[int, bytes, int], int]


class Frame(NamedTuple):
    direction: Direction
    milliseconds: int
    payload: bytes


class RecordFile:
    """A session's record: `open`, `append` any number of times, `close`."""

    def __init__(
        self, names: RecordNames, info: SessionInfo, *, pwrite: PositionedWrite = os.pwrite
    ) -> None:
        self.path: str | None = None
        self._names = names
        self._info = info
        self._pwrite = pwrite
        self._descriptor: int | None = None
        self._end = 0
        self._busy = self._closing = False
        # Native also under monkey-patching: it is shared with native threads.
        # Held for assignments only, so whoever waits for it hardly waits.
        self._lock = monkey.get_original("_thread", "allocate_lock")()

    @property
    def busy(self) -> bool:
        """Whether a call is under way."""
        return self._busy

    def open(self) -> None:
        """Create the file with its opening and tail.

        Raises `OSError`; no file is left then.
        """
        with self._in_use():
            self._descriptor, self.path = self._names.create(self._info)
            try:
                self._extend(script.opening(self._info))
            except OSError:
                with contextlib.suppress(OSError):
                    os.unlink(self.path)
                raise

    def append(self, frames: Iterable[Frame]) -> None:
        """Add the frames in one write.

        Raises `OSError`; the record then stands as it stood before, and
        nothing more should be added to it.
        """
        with self._in_use():
            self._extend(b"".join(script.line(*frame) for frame in frames))

    def close(self) -> None:
        """Close the descriptor, now or when the call under way returns.  Idempotent."""
        self._closing = True
        self._close_if_due()

    @contextlib.contextmanager
    def _in_use(self) -> Iterator[None]:
        with self._lock:
            if self._closing:
                raise OSError(errno.EBADF, "the record is closed")
            self._busy = True
        try:
            yield
        finally:
            with self._lock:
                self._busy = False
            self._close_if_due()

    def _close_if_due(self) -> None:
        with self._lock:
            if self._busy or not self._closing or self._descriptor is None:
                return
            descriptor, self._descriptor = self._descriptor, None
        os.close(descriptor)

    def _extend(self, text: bytes) -> None:
        try:
            self._write_at_end(text + script.TAIL)
        except OSError:
            self._cut_back()
            raise
        self._end += len(text)

    def _cut_back(self) -> None:
        """Restore the tail where it was, then drop what stands behind it.

        In this order: the old tail's place on the disk is allocated still,
        so it can be written to a full disk too.
        """
        self._write_at_end(script.TAIL)
        os.ftruncate(self._open_descriptor, self._end + len(script.TAIL))

    def _write_at_end(self, data: bytes) -> None:
        written = self._pwrite(self._open_descriptor, data, self._end)
        if written < len(data):
            raise OSError(errno.ENOSPC, "short write: the disk is full or a size limit is reached")

    @property
    def _open_descriptor(self) -> int:
        if self._descriptor is None:
            raise OSError(errno.EBADF, "the record is not open")
        return self._descriptor
