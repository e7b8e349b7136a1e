"""One native thread that does the writing, so that nobody else waits for it.

A pipe that nobody reads, a full disk or a silent syslog blocks whoever
writes to it, and on the hub that would be every session.  So writing is a
job in a bounded queue.  What does not fit is dropped and counted, and the
count is reported when the destination moves again.

The queue, the lock and the thread are the interpreter's own also under
monkey-patching, where their names mean greenlets.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable

from gevent import monkey

from ..net.clock import SYSTEM, Clock

Job = Callable[[], None]

JOBS_WAITING = 10_000

# A destination that fails each time must not be reported each time.
REPORT_EVERY_SECONDS = 5.0


class Outbox:
    """Does jobs in their order, on a thread of its own.

    `report_lost` is called on that thread with the number of jobs that were
    dropped or failed since the last report.
    """

    def __init__(
        self,
        report_lost: Callable[[int], None],
        *,
        jobs_waiting: int = JOBS_WAITING,
        clock: Clock = SYSTEM,
    ) -> None:
        self._report_lost = report_lost
        self._clock = clock
        self._jobs_waiting = jobs_waiting
        self._jobs: queue.SimpleQueue[Job | None] = monkey.get_original("queue", "SimpleQueue")()
        new_lock = monkey.get_original("_thread", "allocate_lock")
        self._lost = 0
        self._lost_lock = new_lock()
        self._next_report = 0.0
        self._running = new_lock()
        self._running.acquire()
        self._stopping = False
        self._last_jobs: tuple[Job, ...] = ()
        monkey.get_original("_thread", "start_new_thread")(self._run, ())

    def post(self, job: Job) -> bool:
        """Queue a job, or count it as lost.  From any thread; never blocks."""
        if self._stopping or self._jobs.qsize() >= self._jobs_waiting:
            self.lose(1)
            return False
        self._jobs.put(job)
        return True

    def post_always(self, job: Job) -> None:
        """Queue a job that must not be dropped, such as reopening a file."""
        self._jobs.put(job)

    def stop(self, timeout: float, last_jobs: Iterable[Job] = ()) -> bool:
        """Do what is queued, then `last_jobs`, and end the thread.

        Holds the calling thread, hub and all, for at most `timeout` seconds:
        it is for a process's last moments.  False if the thread is stuck.
        """
        if not self._stopping:
            self._stopping = True
            self._last_jobs = tuple(last_jobs)
            self._jobs.put(None)
        if not self._running.acquire(timeout=timeout):
            return False
        self._running.release()
        return True

    def _run(self) -> None:
        try:
            while (job := self._jobs.get()) is not None:
                self._do(job)
                if self._lost and self._clock.monotonic() >= self._next_report:
                    self._report()
            if self._lost:
                self._report()
            for job in self._last_jobs:
                self._do(job)
        finally:
            self._running.release()

    def _do(self, job: Job) -> None:
        try:
            job()
        except Exception:  # noqa: BLE001  a thread begins here; where would it be logged?
            self.lose(1)

    def _report(self) -> None:
        self._next_report = self._clock.monotonic() + REPORT_EVERY_SECONDS
        with self._lost_lock:
            lost, self._lost = self._lost, 0
        try:
            self._report_lost(lost)
        except Exception:  # noqa: BLE001  as above
            self.lose(lost)

    def lose(self, count: int) -> None:
        """Count what was lost, here or on its way here.  From any thread; never blocks."""
        with self._lost_lock:
            self._lost += count
