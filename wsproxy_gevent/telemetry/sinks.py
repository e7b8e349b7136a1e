"""Where log lines end: a file, standard error, syslog, and glyphs on stdout.

Everything here blocks, and runs on the `Outbox`'s thread only; opening alone
is done before.  A sink keeps a descriptor of its own: what happens to 0, 1
and 2 afterwards cannot send a log line into somebody's socket.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import IO, NamedTuple, Protocol

from gevent import monkey

WAIT_SECONDS = 1.0

GLYPHS_WAITING = 100_000

# Controls would let a peer's text pose as a line of ours or steer a terminal;
# the lines after the first, of a traceback, are set in.
_MADE_SAFE = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))} | {
    ord("\t"): "\t",
    ord("\n"): "\n\t",
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}


class Line(NamedTuple):
    """`created` is seconds since the epoch, `level` one of logging's."""

    created: float
    level: int
    text: str

    def render(self) -> bytes:
        """`2026-11-23 07:53:42 INFO text` in local time, with its newline."""
        return b"%s %s\n" % (_stamp(int(self.created), self.level), self.safe_text())

    def safe_text(self) -> bytes:
        if self.text.isprintable():  # most are, and then there is nothing to look for
            return self.text.encode()
        return self.text.translate(_MADE_SAFE).encode("utf-8", "backslashreplace")


@lru_cache(maxsize=16)  # the lines of a second share theirs
def _stamp(unix_seconds: int, level: int) -> bytes:
    clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(unix_seconds))
    return f"{clock} {logging.getLevelName(level)}".encode()


class Sink(Protocol):
    def write(self, line: Line) -> None:
        """Blocks.  Raises `OSError` if the line is lost."""

    def close(self) -> None: ...


class FileSink:
    """A log file, opened for appending, and again for rotation."""

    def __init__(self, path: str) -> None:
        """Raises `OSError`."""
        self._path = os.path.abspath(path)
        self._descriptor = open_log(self._path)

    def write(self, line: Line) -> None:
        write_fully(self._descriptor, line.render())

    def write_together(self, lines: Sequence[Line]) -> int:
        """Returns how many lines are lost.  Blocks."""
        return _write_together(self._descriptor, lines)

    def reopen(self) -> None:
        """Go on in the file that now has the name; if there can be none, in the old one."""
        try:
            descriptor = open_log(self._path)
        except OSError as error:
            self.write(Line(time.time(), logging.ERROR, f"the log cannot be reopened: {error}"))
            return
        self.close()
        self._descriptor = descriptor

    def close(self) -> None:
        os.close(self._descriptor)


class StderrSink:
    """Standard error, for as long as somebody listens."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, line: Line) -> None:
        # A closed terminal or pipe is nobody's loss, and cannot be told to anybody.
        with contextlib.suppress(OSError):
            write_fully(self._descriptor, line.render())

    def write_together(self, lines: Sequence[Line]) -> int:
        """None counts as lost, as above.  Blocks."""
        _write_together(self._descriptor, lines)
        return 0

    def close(self) -> None:
        os.close(self._descriptor)


class GlyphSink:
    """Standard output for `--traffic`.

    `put` may be called anywhere and gathers; however many glyphs wait, at
    most one or two jobs for them do.  Glyphs beyond `GLYPHS_WAITING` are
    dropped: their reader looks at the rhythm.
    """

    def __init__(self, descriptor: int, post: Callable[[Callable[[], None]], bool]) -> None:
        self._descriptor = descriptor
        self._post = post
        self._waiting: deque[str] = deque(maxlen=GLYPHS_WAITING)
        self._posted = False

    def put(self, glyphs: str) -> None:
        """Never blocks."""
        self._waiting.append(glyphs)
        if not self._posted:
            self._posted = True
            if not self._post(self._flush):
                self._posted = False

    def _flush(self) -> None:
        # First the flag, then the glyphs: what is put between them is either
        # taken here or posts another flush.
        self._posted = False
        glyphs = []
        with contextlib.suppress(IndexError):
            while True:
                glyphs.append(self._waiting.popleft())
        with contextlib.suppress(OSError):
            write_fully(self._descriptor, "".join(glyphs).encode())

    def close(self) -> None:
        os.close(self._descriptor)


def open_log(path: str) -> int:
    """Open for appending; a new file is ours alone, one that is there keeps its mode."""
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_CREAT, 0o600)


def duplicate_or_none(stream: IO[str] | None, descriptor: int) -> int | None:
    """A descriptor of our own for a standard stream, or None if it was closed.

    `stream` is what the interpreter made of it: None if it was closed from
    the beginning, and the number may since belong to something else.
    """
    if stream is None:
        return None
    try:
        return os.dup(descriptor)
    except OSError:
        return None


def write_fully(descriptor: int, data: bytes) -> None:
    """Blocks, also where somebody has made the descriptor non-blocking."""
    rest = memoryview(data)
    while rest:
        rest = rest[_write_some(descriptor, rest) :]


def _write_together(descriptor: int, lines: Sequence[Line]) -> int:
    """Write the lines in as few system calls as go; how many are not there whole."""
    rendered = [line.render() for line in lines]
    rest, written = memoryview(b"".join(rendered)), 0
    try:
        while rest:
            sent = _write_some(descriptor, rest)
            rest, written = rest[sent:], written + sent
    except OSError:
        return sum(end > written for end in accumulate(map(len, rendered)))
    return 0


def _write_some(descriptor: int, data: memoryview) -> int:
    try:
        return os.write(descriptor, data)
    except BlockingIOError:
        _wait_writable(descriptor)
        return 0


def _wait_writable(descriptor: int) -> None:
    poll = monkey.get_original("select", "poll")()
    poll.register(descriptor, select.POLLOUT)
    poll.poll(WAIT_SECONDS * 1000)
