"""Words about a process that runs: is it there, let it reload, let it end.

It is known by its pid file, whose lock tells a living process from a file
left behind.  A handle of the process is taken before the lock is looked at
again: so no signal meets another process that was given the same number.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from .config.loading import Loaded
from .errors import StartError
from .pidfile import owner

OK, STILL_THERE, NOT_RUNNING = 0, 1, 3

# Behind the grace: pages under way, records, the log's last lines.
AFTER_GRACE_SECONDS: Final = 5.0

Say = Callable[[str], None]


def status(loaded: Loaded, say: Say) -> int:
    """0 if it runs, 3 if not."""
    path = _path(loaded)
    pid = _running(path, say)
    if pid is None:
        return NOT_RUNNING
    say(f"running as process {pid}")
    return OK


def reload(loaded: Loaded, say: Say) -> int:
    """Ask it to read everything again; 3 if there is nobody to ask."""
    path = _path(loaded)
    with _handle(path, say) as process:
        if process is None:
            return NOT_RUNNING
        process.send(signal.SIGHUP)
        say(f"process {process.pid} was asked to reload; its log says what came of it")
    return OK


def stop(loaded: Loaded, say: Say) -> int:
    """Ask it to end, and wait until it is gone; 1 if it is still there after that."""
    path, seconds = _path(loaded), loaded.settings.grace + AFTER_GRACE_SECONDS
    with _handle(path, say) as process:
        if process is None:
            return OK
        process.send(signal.SIGTERM)
        if process.wait(seconds):
            say(f"process {process.pid} has ended")
            return OK
        say(f"process {process.pid} is still there after {seconds:g} s; kill -9 {process.pid}")
        return STILL_THERE


class Process:
    """A handle of a process (pidfd_open(2)): it never comes to mean another one."""

    def __init__(self, pid: int) -> None:
        """Raises `ProcessLookupError`."""
        self.pid = pid
        self._handle = os.pidfd_open(pid)

    def send(self, number: signal.Signals) -> None:
        """Raises `StartError` if we may not."""
        try:
            signal.pidfd_send_signal(self._handle, number)
        except PermissionError as error:
            raise StartError(
                f"not permitted to signal process {self.pid}: it runs as another user"
            ) from error
        except ProcessLookupError:
            # It ended by itself, which is as good.
            return

    def wait(self, seconds: float) -> bool:
        """Wait for its end; False if that takes longer."""
        poll = select.poll()
        poll.register(self._handle, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def close(self) -> None:
        os.close(self._handle)


def _path(loaded: Loaded) -> str:
    path = loaded.settings.pid_file
    assert path is not None  # noqa: S101  (loading asked for it)
    return path


def _running(path: str, say: Say) -> int | None:
    try:
        pid = owner(path)
    except StartError as error:
        say(f"not running: {error}")
        return None
    if pid is None:
        say(f"not running: {path} is stale, left behind by a process that has ended")
    return pid


@contextmanager
def _handle(path: str, say: Say) -> Iterator[Process | None]:
    pid = _running(path, say)
    if pid is None:
        yield None
        return
    try:
        process = Process(pid)
    except ProcessLookupError:
        say(f"not running: process {pid} of {path} cannot be seen from here")
        yield None
        return
    try:
        # The number was its own when the handle was taken if it holds the lock still.
        yield process if _running(path, say) == pid else None
    finally:
        process.close()
