"""Logging without a thread, for a process that goes on to fork.

A thread would be missing in the child, and what it held would be held for
ever.  So whoever logs here waits for the writing: this is for a process that
carries nobody's bytes.
"""

from __future__ import annotations

import contextlib
import logging

from .destinations import PACKAGE_LOGGER
from .sinks import FileSink, Line, Sink


class DirectLogging(logging.Handler):
    """Sends the log to each of the sinks, which it takes over, until `stop`."""

    def __init__(self, sinks: list[Sink], *, verbose: bool) -> None:
        super().__init__()
        self._sinks = sinks
        self._package = logging.getLogger(PACKAGE_LOGGER)
        self._level_before = self._package.level
        self._package.setLevel(logging.DEBUG if verbose else logging.INFO)
        logging.getLogger().addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Blocks."""
        line = Line(record.created, record.levelno, self.format(record))
        for sink in self._sinks:
            with contextlib.suppress(OSError):
                sink.write(line)

    def reopen(self) -> None:
        """Open the log file anew, after it was renamed."""
        for sink in self._sinks:
            if isinstance(sink, FileSink):
                sink.reopen()

    def stop(self) -> None:
        """Close the sinks; in a child, its own copies of them.  May be called again."""
        logging.getLogger().removeHandler(self)
        self._package.setLevel(self._level_before)
        for sink in self._sinks:
            sink.close()
        self._sinks = []
