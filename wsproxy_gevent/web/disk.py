"""Files, read on native threads so that a slow disk holds up nobody else.

A descriptor outlives the greenlet that wanted it: the call that uses it may
be stuck in a thread when the greenlet's patience ends or its client leaves.
Closing it from outside could give its number to another file in the midst
of a read.  So whoever uses a `Handle` holds a reference to it, and the last
one to let go closes it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from typing import Protocol, TypeVar

from gevent.lock import BoundedSemaphore

from ..errors import Busy, InternalError, NotFound

T = TypeVar("T")

CHUNK = 128 * 1024
TIMEOUT_SECONDS = 5.0

# A burst of requests waits here instead of being refused by a full pool, and
# leaves the greater part of the pool to name lookups and plugins.
MOST_AT_ONCE = 8

# O_NONBLOCK: a FIFO that took a file's place would wait for its writer.
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NOCTTY

_ABSENT = {
    *(errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP),
    *(errno.EACCES, errno.EPERM, errno.ENXIO),
}
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS}


class Pool(Protocol):
    def call(self, function: Callable[..., T], /, *args: object, timeout: float) -> T:
        """Run a blocking call elsewhere.  Raises `Busy`.  May switch."""


class Disk:
    """The way to the disk: a few calls of a pool at a time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._gate = BoundedSemaphore(MOST_AT_ONCE)

    def call(self, function: Callable[..., T], *args: object) -> T:
        """Return `function(*args)`, run on a native thread.  May switch.

        Raises `NotFound` for what is not there or not ours to read, `Busy`
        for what has run out, time included, and `InternalError` for a
        failing disk.
        """
        if not self._gate.acquire(timeout=TIMEOUT_SECONDS):
            raise Busy("too many files are being read; try again later")
        try:
            return self._pool.call(function, *args, timeout=TIMEOUT_SECONDS)
        except OSError as exc:
            raise _meaning(exc) from exc
        finally:
            self._gate.release()


class Handle:
    """An open regular file."""

    __slots__ = ("_descriptor", "mtime_ns", "size")

    def __init__(self, path: str) -> None:
        """Open what `path` names, which is no link.  Blocks.

        Raises `NotFound` for anything but a regular file, and `OSError`.
        """
        self._descriptor = os.open(path, _FLAGS)
        found = os.fstat(self._descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise NotFound(detail="not a regular file")
        self.size, self.mtime_ns = found.st_size, found.st_mtime_ns

    def read(self, length: int, offset: int) -> bytes:
        """Blocks."""
        return os.pread(self._descriptor, length, offset)

    def __del__(self) -> None:
        descriptor = getattr(self, "_descriptor", None)
        if descriptor is not None:
            os.close(descriptor)


class FileBody:
    """A response's body: the file in chunks, no more than its size was.

    It has what werkzeug's ranges ask for: `seekable`, `seek`, `tell`.
    """

    def __init__(self, disk: Disk, handle: Handle) -> None:
        self._disk = disk
        self._handle: Handle | None = handle
        self._size = handle.size
        self._offset = 0

    def __iter__(self) -> FileBody:
        return self

    def __next__(self) -> bytes:
        """The next chunk.  May switch.

        Raises `InternalError` if the file has become shorter, since its
        length has been promised to the client.
        """
        length = min(CHUNK, self._size - self._offset)
        if self._handle is None or not length:
            raise StopIteration
        chunk = self._disk.call(self._handle.read, length, self._offset)
        if not chunk:
            raise InternalError("a file became shorter while it was sent")
        self._offset += len(chunk)
        return chunk

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int) -> None:
        self._offset = offset

    def tell(self) -> int:
        return self._offset

    def close(self) -> None:
        """Let go of the file.  Never switches."""
        self._handle = None


def _meaning(error: OSError) -> Busy | NotFound | InternalError:
    # Which file it was is in the log's cause, not in the answer.
    if error.errno in _ABSENT:
        return NotFound(detail=str(error))
    if error.errno in _EXHAUSTED:
        return Busy("files cannot be read now; try again later", detail=str(error))
    return InternalError("the file could not be read", detail=str(error))
