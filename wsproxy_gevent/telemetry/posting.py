"""From a logger to the lines that wait to be written, at as little cost as can be."""

from __future__ import annotations

import logging

from ..net.clock import wall
from .gathering import Gathering
from .sinks import Line


class PostingHandler(logging.Handler):
    """Formats where the record is made, and leaves the writing to the outbox.

    It has no lock: formatting shares nothing and posting is one call.  A
    lock made under monkey-patching would be a greenlet's, and native threads
    log too.
    """

    def __init__(self, lines: Gathering) -> None:
        super().__init__()
        self._lines = lines

    def createLock(self) -> None:  # noqa: N802  the name is logging's
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        kept = self.filter(record)
        if kept:
            self.emit(kept if isinstance(kept, logging.LogRecord) else record)
        return bool(kept)

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.put(Line(record.created, record.levelno, self._text(record)))

    def post(self, level: int, text: str) -> None:
        """A line without a record; past the filters."""
        self._lines.put(Line(wall(), level, text))

    def _text(self, record: logging.LogRecord) -> str:
        try:
            if record.exc_info or record.exc_text or record.stack_info or self.formatter:
                return self.format(record)
            return record.getMessage()  # the same at a fraction of its cost
        except Exception as error:  # noqa: BLE001  a plugin's mistake must not end a session
            return f"a log line of {record.name} cannot be formatted: {error}"


def say(logger: logging.Logger, level: int, text: str) -> None:
    """Log a text whose level is enabled, as the logger's own `log` would.

    Two lines a session are a good part of what a connection costs.  So where
    nobody but our own handler listens no record is made, and where others do
    none is told which line of code it came from.
    """
    listener = _only_listener(logger)
    if listener is not None and not logger.disabled:
        listener.post(level, text)
    else:
        logger.handle(logger.makeRecord(logger.name, level, "", 0, text, (), None))


def _only_listener(logger: logging.Logger) -> PostingHandler | None:
    """Our own handler, if it is the only one that would get a record, and whole."""
    if logger.filters:
        return None
    found: logging.Handler | None = None
    source: logging.Logger | None = logger
    while source is not None:
        for handler in source.handlers:
            if found is not None:
                return None
            found = handler
        source = source.parent if source.propagate else None
    if isinstance(found, PostingHandler) and not found.filters and not found.formatter:
        return found
    return None
