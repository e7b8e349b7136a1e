"""To the background, with a parent that waits for the outcome.

`detach` returns twice: in the caller's process with a `Launch`, whose `wait`
ends when the daemon serves or has failed, and in the daemon with a `Daemon`,
which says so.  python-daemon, the library for this, lets the parent exit
within the fork itself, where it can neither wait for "serving" nor pass a
failure on.  It also depends on lockfile, which calls itself deprecated.

To be called before there is a hub or a thread: neither survives a fork.
"""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import dataclass
from typing import IO, Any, Final

from .errors import StartError

logger = logging.getLogger(__name__)

_STANDARD: Final = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))

_SERVING: Final = "serving "
_FAILED: Final = "failed "


def hold_standard_descriptors() -> None:
    """Give 0, 1 and 2 to the null device where the caller closed them.

    First thing: the next file or socket would get their numbers, and its
    peer whatever is printed.
    """
    for number, (name, mode) in enumerate(_STANDARD):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is what we get, and the lower ones are held.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        if getattr(sys, name) is None:
            setattr(sys, name, _text_stream(number, mode))


def _text_stream(number: int, mode: str) -> IO[Any]:
    return open(number, mode, encoding="utf-8", errors="replace", closefd=False)


@dataclass(frozen=True, slots=True)
class Launch:
    """The caller's end: what became of the daemon."""

    _pipe: int

    def wait(self) -> int:
        """The pid of the daemon once it serves; raises `StartError` with its own words."""
        with open(self._pipe, encoding="utf-8", errors="replace") as pipe:
            text = pipe.read()
        if text.startswith(_SERVING):
            return int(text.removeprefix(_SERVING))
        if text.startswith(_FAILED):
            raise StartError(text.removeprefix(_FAILED))
        raise StartError("the background process died before it served; -f shows why")


class Daemon:
    """The daemon's end; its stderr is the caller's until it serves."""

    def __init__(self, pipe: int) -> None:
        self._pipe: int | None = pipe

    def serving(self) -> None:
        """Let go of the caller: of its terminal first, then of its wait."""
        _to_null_device(2)
        self._tell(f"{_SERVING}{os.getpid()}")

    def failed(self, reason: str) -> None:
        """Pass the reason on; to the log, when nobody waits any more."""
        if self._pipe is None:
            logger.critical("%s", reason)
        else:
            self._tell(f"{_FAILED}{reason}")

    def _tell(self, text: str) -> None:
        pipe, self._pipe = self._pipe, None
        if pipe is None:
            return
        try:
            os.write(pipe, text.encode("utf-8", "replace"))
        except BrokenPipeError:
            # The caller was interrupted; the daemon has been started all the same.
            logger.info("nobody waits for the news: %s", text)
        finally:
            os.close(pipe)


def detach() -> Launch | Daemon:
    """Fork twice, so that the daemon leads no session and can get no terminal.

    The daemon has a session of its own, the directory `/`, umask 077 and
    none of the descriptors that the caller had inherited.
    """
    _flush()
    reading, writing = os.pipe()
    if child := _fork():
        os.close(writing)
        os.waitpid(child, 0)
        return Launch(reading)
    os.close(reading)
    os.setsid()
    _leave_session_leader(Daemon(writing))
    os.chdir("/")
    os.umask(0o077)
    _close_inherited()
    # Only a traceback has anything to say from here on.  Whoever reads our output
    # to its end waits for the last copy of it, wherever one were made.
    _to_null_device(0, 1)
    return Daemon(writing)


def _leave_session_leader(news: Daemon) -> None:
    """Go on as a child of the session's leader, which ends."""
    try:
        is_leader = _fork() > 0
    except StartError as error:
        news.failed(str(error))
        is_leader = True
    if is_leader:
        # Not sys.exit: what the caller has registered is the caller's to run.
        os._exit(0)


def _fork() -> int:
    try:
        return os.fork()
    except OSError as error:
        raise StartError(f"cannot go to the background: {error.strerror}; try -f") from error


def _close_inherited() -> None:
    """Close what came from the caller: its locks, its pipes, its other files.

    What Python opens is closed on exec, and what came through an exec is not:
    so whatever would be passed on is not ours.
    """
    for number in _open_descriptors():
        try:
            if number > 2 and os.get_inheritable(number):
                os.close(number)
        except OSError:
            # The one through which the directory was listed is gone by now.
            continue


def _open_descriptors() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/dev/fd")]
    except OSError:
        return []


def _to_null_device(*numbers: int) -> None:
    _flush()
    null = os.open(os.devnull, os.O_RDWR)
    for number in numbers:
        os.dup2(null, number)
    os.close(null)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            # A reader that has gone misses nothing.
            continue
