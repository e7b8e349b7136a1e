"""The wrapped command while it runs: started, listened to, reaped, and started again.

It has a session of its own, so that a Ctrl-C is ours to pass on, and that
what it has started can be ended with it.  Each line that it prints is one of
our log.  Its end is known by its process descriptor: a command that goes to
the background leaves its output open.
"""

from __future__ import annotations

import errno
import importlib.util
import logging
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Final

import gevent
from gevent import Greenlet, monkey
from gevent import socket as gsocket

from .errors import Busy, StartError
from .net.clock import Deadline, monotonic
from .net.pool import NativePool
from .telemetry.text import escape
from .wrap import Wrapping

logger = logging.getLogger(__name__)

# Of a command that ends at once, the pauses between its starts double.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
LONG_ENOUGH = 10.0

START_SECONDS = 10.0
STOP_SECONDS = 5.0
LAST_WORDS_SECONDS = 1.0
REAP_SECONDS = 1.0
LOOK_SECONDS = 0.01

LINE_BYTES: Final = 4096

# As a shell has it for a command that a signal has ended, and that cannot be run.
BY_SIGNAL, NOT_RUN = 128, 126


class BackOff:
    """How long to wait before another start."""

    def __init__(self) -> None:
        self._pause = FIRST_PAUSE

    def after(self, ran_seconds: float) -> float:
        if ran_seconds >= LONG_ENOUGH:
            self._pause = FIRST_PAUSE
            return 0.0
        pause, self._pause = self._pause, min(2 * self._pause, LONGEST_PAUSE)
        return pause


class Command:
    """What is done at its end, `mode` says: exit, ignore or respawn.

    With `exit`, `ended` is called then, and `status` is the command's own.
    """

    def __init__(self, wrapping: Wrapping, mode: str, ended: Callable[[], None]) -> None:
        self._wrapping = wrapping
        self._mode = mode
        self._ended = ended
        self._pool = NativePool(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._readers: dict[IO[bytes], Greenlet[..., None]] = {}
        self._greenlets: list[Greenlet[..., None]] = []
        self.status = 0

    def start(self) -> None:
        """May switch.  Raises `StartError`."""
        if self._wrapping.private:
            _make_private(self._wrapping.private)
        self._greenlets.append(gevent.spawn(self._run))
        if os.getpid() == 1:
            self._greenlets.append(gevent.spawn(self._adopt))

    def stop(self) -> None:
        """End it, gently and then for sure.  May switch."""
        gevent.killall(self._greenlets)
        self._wait_for_start()
        if self._process is not None:
            self._end(self._process)
        self._hear_out()
        self._pool.close()
        if self._wrapping.private:
            _remove_private(self._wrapping)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """May switch."""
        self._listen(process)  # it may have been started just now
        if process.poll() is not None:
            return
        _signal_group(process.pid, signal.SIGTERM)
        gevent.spawn(wait_for, process).join(STOP_SECONDS)
        if process.poll() is None:
            logger.warning("the command did not end within %g s: killed", STOP_SECONDS)
            _signal_group(process.pid, signal.SIGKILL)
            wait_for(process)

    def _wait_for_start(self) -> None:
        """A start that is under way cannot be called back.  May switch."""
        deadline = Deadline(START_SECONDS)
        while self._pool.taken and not deadline.passed:
            gevent.sleep(LOOK_SECONDS)

    def _hear_out(self) -> None:
        """What it said last; a child of its own may hold the pipe for ever.  May switch."""
        gevent.joinall([*self._readers.values()], LAST_WORDS_SECONDS)
        gevent.killall([*self._readers.values()])
        for pipe in self._readers:
            pipe.close()

    # -- Its life -------------------------------------------------------------------------

    def _run(self) -> None:
        """May switch."""
        back_off = BackOff()
        while True:
            started_at = monotonic()
            status = self._run_once()
            if self._mode == "exit":
                self.status = status
                self._ended()
            if self._mode != "respawn":
                return
            pause = back_off.after(monotonic() - started_at)
            if pause:
                logger.warning("the command is started again in %g s", pause)
            gevent.sleep(pause)

    def _run_once(self) -> int:
        """Start it and wait for its end; returns its exit status.  May switch."""
        try:
            self._pool.call(self._open, timeout=START_SECONDS)
        except (OSError, Busy) as error:
            logger.error("the command cannot be started: %s", error)
            return NOT_RUN
        process = self._process
        assert process is not None  # noqa: S101  (just made)
        logger.info("the command %s runs as process %d", self._wrapping.argv[0], process.pid)
        self._listen(process)
        wait_for(process)
        return _told(process.returncode)

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        """Relate what it says, if nobody does yet.  Never switches."""
        self._readers = {pipe: one for pipe, one in self._readers.items() if not one.dead}
        pipe = process.stdout
        if pipe is not None and not pipe.closed and pipe not in self._readers:
            self._readers[pipe] = gevent.spawn(relate, pipe)

    def _open(self) -> None:
        """On a native thread: an exec reads a disk."""
        wrapping = self._wrapping
        self._process = standard_popen()(
            wrapping.argv,
            env=wrapping.environ,
            cwd=wrapping.directory,
            umask=wrapping.umask,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,
        )

    def _adopt(self) -> None:
        """As process 1, reap what the command has left behind.  May switch."""
        while True:
            gevent.sleep(REAP_SECONDS)
            process = self._process
            reap_orphans(process.pid if process and process.returncode is None else 0)


def standard_popen() -> type[subprocess.Popen[bytes]]:
    """The standard library's class, which needs no hub in its thread.

    Where it was replaced by patching it was disabled, too: there it comes from
    a copy of its module that nobody else has.
    """
    if not monkey.is_module_patched("subprocess"):
        return subprocess.Popen
    spec = importlib.util.find_spec("subprocess")
    assert spec is not None  # noqa: S101  (it is imported)
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    popen: type[subprocess.Popen[bytes]] = module.Popen
    return popen


def wait_for(process: subprocess.Popen[bytes]) -> None:
    """Until it has ended, and is reaped.  May switch."""
    try:
        handle = os.pidfd_open(process.pid)
    except (AttributeError, OSError):
        # An old kernel or another system, or it has been reaped.
        while process.poll() is None:
            gevent.sleep(0.1)
        return
    try:
        gsocket.wait_read(handle)
    finally:
        os.close(handle)
    process.poll()


def reap_orphans(but: int) -> None:
    """Reap each child that has ended, except the one of that number.  Never switches."""
    flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
    with suppress(ChildProcessError):
        while (found := os.waitid(os.P_ALL, 0, flags)) and found.si_pid != but:
            os.waitpid(found.si_pid, os.WNOHANG)


def relate(pipe: IO[bytes]) -> None:
    """Log each line of what comes, until it ends.  May switch."""
    rest = b""
    with pipe:
        os.set_blocking(pipe.fileno(), False)
        while data := _read(pipe.fileno()):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                _relate_line(line)
            if len(rest) > LINE_BYTES:
                _relate_line(rest)
                rest = b""
        if rest:
            _relate_line(rest)


def _read(descriptor: int) -> bytes:
    """May switch."""
    while True:
        gsocket.wait_read(descriptor)
        try:
            return os.read(descriptor, 65536)
        except BlockingIOError:
            continue


def _relate_line(line: bytes) -> None:
    text = line.rstrip(b"\r").decode("utf-8", "backslashreplace")
    logger.info("command: %s", text if text.isprintable() else escape(text, LINE_BYTES))


def _told(code: int) -> int:
    """The exit status as a shell would pass it on."""
    if code < 0:
        logger.warning("the command was ended by signal %d", -code)
        return BY_SIGNAL - code
    logger.log(logging.WARNING if code else logging.INFO, "the command ended with status %d", code)
    return code


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _make_private(path: str) -> None:
    try:
        os.mkdir(path, 0o700)
    except OSError as error:
        raise StartError(f"cannot make {path} for the command's socket: {error}") from error


def _remove_private(wrapping: Wrapping) -> None:
    try:
        with suppress(FileNotFoundError):
            os.unlink(wrapping.target.removeprefix("unix:"))
        os.rmdir(str(wrapping.private))
    except OSError as error:
        if error.errno != errno.ENOENT:
            logger.warning("%s is left behind: %s", wrapping.private, error.strerror)
