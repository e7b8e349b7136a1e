"""Log lines on their way to the outbox: those that come together are written together.

To wake a thread costs more than to write a line, and while it runs the hub
waits for the interpreter's lock.  So a line waits a moment for company; what
is there by then is one job, and for a file one system call.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress

from gevent import monkey

from .outbox import JOBS_WAITING, Outbox
from .sinks import FileSink, Line, Sink, StderrSink

# Too short to be seen by whoever follows a log.
GATHER_SECONDS = 0.01


class Gathering:
    """The lines that wait for `sinks`, of which at most `most_lines` may.

    What does not fit, and what a sink cannot write, is counted as lost.
    """

    def __init__(
        self,
        outbox: Outbox,
        sinks: list[Sink],
        *,
        seconds: float = GATHER_SECONDS,
        most_lines: int = JOBS_WAITING,
    ) -> None:
        self._outbox = outbox
        self._sinks = sinks
        self._seconds = seconds
        self._most_lines = most_lines
        self._waiting: deque[Line] = deque()
        self._posted = False
        # Under monkey-patching the name would bring a hub to the outbox's thread.
        self._sleep: Callable[[float], None] = monkey.get_original("time", "sleep")

    def put(self, line: Line) -> None:
        """From any thread; never blocks."""
        if len(self._waiting) >= self._most_lines:
            self._outbox.lose(len(self._sinks))
            return
        self._waiting.append(line)
        if not self._posted:
            self._posted = True
            self._outbox.post_always(self._write)

    def _write(self) -> None:
        self._sleep(self._seconds)
        # First the flag, then the lines: what is put between them is either
        # taken here or posts another job.
        self._posted = False
        lines = self._taken()
        for sink in self._sinks:
            if lost := _lost_of(sink, lines):
                self._outbox.lose(lost)

    def _taken(self) -> list[Line]:
        lines = []
        with suppress(IndexError):
            while True:
                lines.append(self._waiting.popleft())
        return lines


def _lost_of(sink: Sink, lines: list[Line]) -> int:
    """Have the sink write the lines; how many of them it could not."""
    if isinstance(sink, (FileSink, StderrSink)):
        return sink.write_together(lines)
    return sum(not _is_written(sink, line) for line in lines)


def _is_written(sink: Sink, line: Line) -> bool:
    try:
        sink.write(line)
    except Exception:  # noqa: BLE001  on the outbox's thread; where would it be logged?
        return False
    return True
