"""What is made from files, made anew when they have changed.

The files are looked at when somebody needs what is in them, at most once a
second and on a native thread.  A replacement is taken only whole: while the
files do not load the old value stays, and one line of the log says why.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from ..errors import Busy, StartError
from .clock import SYSTEM, Clock
from .pool import NativePool, PoolTimeout

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Files are looked at no oftener than this, and no longer; a disk that hangs
# must not hold up those who come.
LOOK_EVERY_SECONDS = 1.0
LOOK_SECONDS = 2.0


class Watched(Generic[T]):
    """What `load` returns, as long as `files` stay as they are.

    `load` may block, and raises `StartError` for what is wrong; `what` names
    it for the log.
    """

    def __init__(
        self,
        what: str,
        files: Sequence[str],
        load: Callable[[], T],
        *,
        pool: NativePool,
        clock: Clock = SYSTEM,
    ) -> None:
        """Load it now.  Raises what `load` raises."""
        self._what = what
        self._files = tuple(files)
        self._load = load
        self._pool = pool
        self._clock = clock
        self._seen = _stamps(self._files)
        self._value = load()
        self._look_at = clock.monotonic() + LOOK_EVERY_SECONDS
        self._looking = False

    def value(self) -> T:
        """Of the newest files that load.  May switch."""
        if not self._looking and self._clock.monotonic() >= self._look_at:
            self._look()
        return self._value

    def _look(self) -> None:
        """May switch."""
        # No switch before both are set: whoever comes meanwhile takes the
        # value that there is.
        self._looking = True
        self._look_at = self._clock.monotonic() + LOOK_EVERY_SECONDS
        try:
            fault = self._pool.call(self._refresh, timeout=LOOK_SECONDS)
        except PoolTimeout:
            # The thread may be at it for long; it says itself when it is done.
            logger.warning("%s %s: its disk does not answer", self._what, self._files[0])
        except Busy:
            self._looking = False
        else:
            if fault:
                logger.warning("the old %s stays in use: %s", self._what, fault)

    def _refresh(self) -> str:
        """Return why a changed file could not be taken, else "".  On a native thread."""
        try:
            stamps = _stamps(self._files)
            if stamps == self._seen:
                return ""
            self._seen = stamps
            self._value = self._load()
        except StartError as exc:
            return str(exc)
        finally:
            self._looking = False
        return ""


_Stamp = tuple[int, int, int] | None


def _stamps(files: Sequence[str]) -> list[_Stamp]:
    return [_stamp(file) for file in files]


def _stamp(file: str) -> _Stamp:
    """What changes when a file does, or None without a file."""
    try:
        status = os.stat(file)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
