"""Where the log goes, and that going there never holds a session up."""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

from ..errors import StartError
from .gathering import Gathering
from .outbox import Outbox
from .posting import PostingHandler
from .sinks import FileSink, GlyphSink, Line, Sink, StderrSink, duplicate_or_none
from .syslog import SyslogSink, parse_address

IDENT = "wsproxy-gevent"

# What a last line may take to be written.
STOP_SECONDS = 2.0

PACKAGE_LOGGER = __name__.partition(".")[0]

NO_DESTINATION = (
    "no syslog was found and standard error goes away with the terminal: nothing will be logged; "
    "name a place with --log-file FILE or --syslog ADDRESS"
)


class Logging:
    """Logging as it was started; `stop` undoes it."""

    def __init__(
        self, sinks: list[Sink], stdout: int | None, *, verbose: bool, whole: bool = True
    ) -> None:
        """Takes over the sinks and the descriptor `stdout`.

        Without `whole` it is for our own package's lines and no others.
        Starts a native thread: a process that forks away does so before.
        """
        self._sinks = sinks
        self._outbox = Outbox(self._report_lost)
        self._stdout = None if stdout is None else GlyphSink(stdout, self._outbox.post)
        self._handler = PostingHandler(Gathering(self._outbox, sinks))
        self._package = logging.getLogger(PACKAGE_LOGGER)
        self._level_before = self._package.level
        self._package.setLevel(logging.DEBUG if verbose else logging.INFO)
        self._source = logging.getLogger() if whole else self._package
        self._source.addHandler(self._handler)
        self._stopped = False

    def write_stdout(self, text: str) -> None:
        """Put text on standard output, if there is one.  Never blocks."""
        if self._stdout is not None:
            self._stdout.put(text)

    def set_verbose(self, *, verbose: bool) -> None:
        """Say more, or less, from now on."""
        self._package.setLevel(logging.DEBUG if verbose else logging.INFO)

    def reopen(self) -> None:
        """Open the log file anew, after it was renamed.  Never blocks."""
        for sink in self._sinks:
            if isinstance(sink, FileSink):
                self._outbox.post_always(sink.reopen)

    def stop(self, timeout: float = STOP_SECONDS) -> bool:
        """Write what is left and close; False if a destination held it up.

        Holds the thread, hub and all, for at most `timeout` seconds.
        """
        if not self._stopped:
            self._stopped = True
            self._source.removeHandler(self._handler)
            self._handler.close()
            self._package.setLevel(self._level_before)
        # Behind everything else, so that no late line meets a closed descriptor.
        closing = [sink.close for sink in self._sinks]
        if self._stdout is not None:
            closing.append(self._stdout.close)
        return self._outbox.stop(timeout, closing)

    def _report_lost(self, lost: int) -> None:
        text = f"{lost} log lines were lost: a destination was too slow, full or gone"
        line = Line(time.time(), logging.WARNING, text)
        told = [_tell(sink, line) for sink in self._sinks]
        if not any(told):
            raise OSError("no destination takes a line")


def start_logging(
    *,
    verbose: bool,
    log_file: str | None,
    syslog: str | None,
    stderr: bool,
    legacy_syslog: bool = False,
    ident: str = IDENT,
) -> Logging:
    """Send the log to each of the named places.

    Raises `StartError` if one cannot be opened, `UsageError` if the syslog
    address is none.  Starts a native thread: to be called after detaching.
    """
    with contextlib.ExitStack() as undo:
        # The streams first: a file could be given the number of a closed one.
        stdout = duplicate_or_none(sys.__stdout__, 1)
        if stdout is not None:
            undo.callback(os.close, stdout)
        sinks = open_sinks(
            log_file=log_file,
            syslog=syslog,
            legacy_syslog=legacy_syslog,
            stderr=stderr,
            ident=ident,
        )
        undo.pop_all()
    return Logging(sinks, stdout, verbose=verbose)


def open_sinks(
    *,
    log_file: str | None,
    syslog: str | None,
    stderr: bool,
    legacy_syslog: bool = False,
    ident: str = IDENT,
) -> list[Sink]:
    """Each of the named places, opened.  Raises as `start_logging` does."""
    sinks: list[Sink] = []
    with contextlib.ExitStack() as undo:
        open_syslog = partial(_open_syslog, syslog or "", ident, legacy=legacy_syslog)
        for open_sink in _openers(log_file, open_syslog if syslog else None, stderr=stderr):
            if (sink := open_sink()) is not None:
                undo.callback(sink.close)
                sinks.append(sink)
        undo.pop_all()
    return sinks


def _openers(
    log_file: str | None, open_syslog: Callable[[], Sink] | None, *, stderr: bool
) -> Iterator[Callable[[], Sink | None]]:
    if stderr:
        yield _stderr_or_none
    if log_file is not None:
        yield partial(_open_file, log_file)
    if open_syslog is not None:
        yield open_syslog


def _stderr_or_none() -> StderrSink | None:
    descriptor = duplicate_or_none(sys.__stderr__, 2)
    return None if descriptor is None else StderrSink(descriptor)


def default_destination(path: str = "/dev/log") -> str | None:
    """The local syslog, for a process that detaches; None if there is none.

    Whoever gets None warns with `NO_DESTINATION` while somebody can read it.
    """
    try:
        return path if stat.S_ISSOCK(os.stat(path).st_mode) else None
    except OSError:
        return None


def _tell(sink: Sink, line: Line) -> bool:
    try:
        sink.write(line)
    except OSError:
        return False
    return True


def _open_file(path: str) -> FileSink:
    try:
        return FileSink(path)
    except OSError as error:
        raise StartError(
            f"the log file {path} cannot be opened: {error.strerror}; "
            "make its directory and let our user write there, or name another --log-file"
        ) from error


def _open_syslog(text: str, ident: str, *, legacy: bool) -> SyslogSink:
    try:
        return SyslogSink(parse_address(text, legacy=legacy), ident)
    except OSError as error:
        raise StartError(
            f"no syslog answers at {text}: {error.strerror}; "
            "start it, name another --syslog, or use --log-file"
        ) from error
