"""Recording: what the relay saw goes to the disk behind its back.

The observer copies, stamps and queues; a greenlet that lives only while
something is queued carries it to the disk, all that has gathered in one
write.  A session never waits for its record and never fails with it: when
the disk fails, or falls further behind than the queue is long, the record
ends where it is, plays up to there, and the log says so.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass

from gevent.pool import Group

from ..errors import ProxyError
from ..model import Buffer, Direction
from ..net.clock import SYSTEM, Clock
from ..observer import PayloadObserver, SessionInfo
from .disk import Disk, Pool
from .file import Frame, RecordFile
from .naming import RecordNames

# A full screen may come as one burst that no disk takes as fast.
QUEUE_BYTES = 32 << 20
ALL_QUEUES_BYTES = 256 << 20

# Escaping holds the interpreter, and makes four bytes of one at worst.
BATCH_BYTES = 256 << 10

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Backlog:
    """Bytes queued and not yet on the disk; `above` counts those of all records."""

    most: int
    above: Backlog | None = None
    queued: int = 0

    def take(self, size: int) -> bool:
        """Add, unless that would be too much here or above."""
        if self.queued + size > self.most or (self.above and not self.above.take(size)):
            return False
        self.queued += size
        return True

    def give_back(self, size: int) -> None:
        self.queued -= size
        if self.above:
            self.above.give_back(size)


class RecordObserver(PayloadObserver):
    """Records one session.  None of its methods switches, blocks or raises.

    It stands for one session: `received` from the moment it is made, until
    `ended`, which may be called again.
    """

    def __init__(
        self,
        info: SessionInfo,
        file: RecordFile,
        disk: Disk,
        *,
        writers: Group,
        backlog: Backlog,
        clock: Clock,
    ) -> None:
        self._info = info
        self._file = file
        self._disk = disk
        self._writers = writers
        self._backlog = backlog
        self._clock = clock
        self._opened_at = clock.monotonic()
        self._frames: deque[Frame] = deque()
        self._over = self._failed = self._writing = self._closed = False
        self._wake()

    def received(self, direction: Direction, payload: Buffer) -> None:
        size = len(payload)
        if self._over or not size:
            return
        if not self._backlog.take(size):
            self._fail("the disk is slower than the session")
            return
        milliseconds = int((self._clock.monotonic() - self._opened_at) * 1000)
        self._frames.append(Frame(direction, milliseconds, bytes(payload)))
        self._wake()

    def ended(self) -> None:
        self._over = True
        self._wake()

    def _wake(self) -> None:
        if not self._writing and not self._closed:
            self._writing = True
            self._writers.spawn(self._write_out)

    def _write_out(self) -> None:
        """Carry all that is queued to the disk.  May switch."""
        try:
            self._open_once()
            while self._frames:
                self._append_batch()
        except Exception as error:  # noqa: BLE001  a greenlet begins here; the session lives on
            self._frames.clear()
            self._fail(_explain(error))
        if self._over:
            self._close()
        # No switch since the queue was seen empty: what comes later starts a new greenlet.
        self._writing = False

    def _open_once(self) -> None:
        if self._file.path is None:
            self._disk.call(self._file, self._file.open)
            logger.info("recording id=%s file=%s", self._info.id, self._file.path)

    def _append_batch(self) -> None:
        batch = [self._frames.popleft()]
        size = len(batch[0].payload)
        while self._frames and size < BATCH_BYTES:
            batch.append(self._frames.popleft())
            size += len(batch[-1].payload)
        self._disk.call(self._file, self._file.append, batch)
        self._backlog.give_back(size)

    def _fail(self, why: str) -> None:
        """End the record where it is; what is queued is written still."""
        self._over = True
        if not self._failed:
            self._failed = True
            logger.warning(
                "session goes on, its record ends: id=%s file=%s reason=record-failed detail=%r",
                self._info.id,
                self._file.path or "-",
                why,
            )
        self._wake()

    def _close(self) -> None:
        """Give everything back.  May switch."""
        self._closed = True
        self._backlog.give_back(self._backlog.queued)
        try:
            if not self._file.busy:
                self._disk.call(self._file, self._file.close)
        except Exception as error:  # noqa: BLE001  as above
            logger.debug("record not closed in the pool: id=%s %s", self._info.id, error)
        # A second time does nothing; after a call that was given up, this
        # leaves the closing to that call.
        self._file.close()


class Recorder:
    """Makes a record of each session it is shown.

    `path` is the value of `--record`, made absolute here: construct this
    before the process changes its directory.
    """

    def __init__(self, path: str, pool: Pool, *, clock: Clock = SYSTEM) -> None:
        """Raises `UsageError` if the path is empty.

        The pool should be the recorder's own, of twice `CALLS_AT_ONCE`
        threads: one that is full of others' calls ends records.
        """
        self._names = RecordNames(path)
        self._disk = Disk(pool)
        self._clock = clock
        self._writers = Group()
        self._backlog = Backlog(ALL_QUEUES_BYTES)

    def check(self) -> None:
        """Raise `StartError` if no record could be made.  Blocks on the disk."""
        self._names.check()

    def observe(self, info: SessionInfo) -> RecordObserver:
        """Start the session's record.  Never switches and never fails.

        The file is made behind the session's back, as all of it is written.
        """
        return RecordObserver(
            info,
            RecordFile(self._names, info),
            self._disk,
            writers=self._writers,
            backlog=Backlog(QUEUE_BYTES, self._backlog),
            clock=self._clock,
        )

    def drain(self, timeout: float) -> bool:
        """Wait until all that is queued is on the disk.  May switch.

        False if that took longer than `timeout` seconds.
        """
        return bool(self._writers.join(timeout))


def _explain(error: Exception) -> str:
    detail = error.detail if isinstance(error, ProxyError) else str(error)
    return detail or type(error).__name__
