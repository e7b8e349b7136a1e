"""Whole programs as tests start them: watched, bounded, and stopped by their own pid.

Each wait has a deadline and ends the moment its condition comes true: a
program's output arrives on a thread that wakes whoever waits for it.  What a
program said is shown with the failure of the test that started it.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Where Debian keeps servers, which is not on everybody's path.
SERVERS_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])

# How often a condition is looked at that nothing announces; seconds.
LOOK_AGAIN = 0.02


def needs(name: str, *others: str) -> str:
    """The path of the first of these programs that is installed, else the test skips."""
    for candidate in (name, *others):
        if path := shutil.which(candidate, path=SERVERS_PATH):
            return path
    pytest.skip(f"{name} is not installed (scripts/debian-packages installs it)")


def needs_file(path: Path, brought_by: str) -> Path:
    """The path itself if it exists, else the test skips."""
    if not path.exists():
        pytest.skip(f"{path} is missing ({brought_by} brings it)")
    return path


def free_port(host: str = "127.0.0.1") -> int:
    """A port on which nothing listens now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as sock:
        sock.bind((host, 0))
        port: int = sock.getsockname()[1]
        return port


class Program:
    """One process and all that it says, stdout and stderr together.

    Resource handling: `stop` ends it; `Programs` does so after the test.
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        name: str = "",
        env: Mapping[str, str] | None = None,
        cwd: Path | str | None = None,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.argv = [str(word) for word in argv]
        self.name = name or os.path.basename(self.argv[0])
        self._said = bytearray()
        self._changed = threading.Condition()
        self._process = subprocess.Popen(
            self.argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            pass_fds=pass_fds,
        )
        assert self._process.stdout is not None
        self._listener = threading.Thread(
            target=self._listen, args=(self._process.stdout,), daemon=True
        )
        self._listener.start()

    def _listen(self, pipe: IO[bytes]) -> None:
        with pipe:
            while chunk := os.read(pipe.fileno(), 65536):
                with self._changed:
                    self._said += chunk
                    self._changed.notify_all()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def output(self) -> str:
        with self._changed:
            return self._said.decode(errors="replace")

    def fail(self, what: str) -> AssertionError:
        """The error to raise about this program."""
        state = "running" if self.running else f"exited with {self._process.returncode}"
        return AssertionError(f"{self.name} ({state}): {what}\nit said:\n{self.output[-4000:]}")

    def wait_until(self, condition: Callable[[], bool], what: str, seconds: float = 15) -> None:
        """Wait for something that this program brings about.

        Errors: an AssertionError with the program's output when it exits
        first or the time is over.
        """
        end = time.monotonic() + seconds
        while not condition():
            if not self.running and not condition():
                raise self.fail(f"ended without {what}")
            if time.monotonic() > end:
                raise self.fail(f"no {what} within {seconds} s")
            with self._changed:
                self._changed.wait(LOOK_AGAIN)

    def wait_for_output(self, pattern: str, seconds: float = 15) -> re.Match[str]:
        """Wait until it has said something that the pattern finds."""
        found: list[re.Match[str]] = []

        def said() -> bool:
            if match := re.search(pattern, self.output):
                found.append(match)
            return bool(found)

        self.wait_until(said, f"output like {pattern!r}", seconds)
        return found[0]

    def wait_until_listening(self, port: int, host: str = "127.0.0.1") -> None:
        """Wait until a connection to the port is taken."""
        self.wait_until(lambda: is_listening(port, host), f"listener on {host}:{port}")

    def exit_status(self, seconds: float = 15) -> int:
        """Wait for its end; negative is a signal's number."""
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise self.fail(f"did not exit within {seconds} s") from None
        # What it said last is on its way; only another process can keep the pipe open.
        self._listener.join(2)
        if self._listener.is_alive():
            raise self.fail("left its output open in a process of its own")
        return status

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 15) -> int:
        """Signal it and wait for its end; killed and reported if it does not come."""
        if self.running:
            self._process.send_signal(number)
        try:
            return self.exit_status(seconds)
        except AssertionError:
            self._process.kill()
            self._process.wait(seconds)
            raise


class Programs:
    """The programs of one test or module; all are stopped in the end, last first."""

    # Of every test that runs, for the report of a failure.
    started: list[Program] = []  # noqa: RUF012

    def __init__(self) -> None:
        self._mine: list[Program] = []

    def start(
        self,
        *argv: str | Path,
        name: str = "",
        env: Mapping[str, str] | None = None,
        cwd: Path | str | None = None,
        pass_fds: Sequence[int] = (),
    ) -> Program:
        program = Program(argv, name=name, env=env, cwd=cwd, pass_fds=pass_fds)
        self._mine.append(program)
        Programs.started.append(program)
        return program

    def stop_all(self) -> None:
        for program in reversed(self._mine):
            program.stop()

    @classmethod
    def forget_ended(cls) -> None:
        cls.started[:] = [program for program in cls.started if program.running]


def is_listening(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a connection to the port is taken right now."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def wait_until_gone(pid: int, seconds: float = 15) -> None:
    """Wait for the end of a process that is not our child."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ready, _, _ = select.select([handle], [], [], seconds)
    finally:
        os.close(handle)
    assert ready, f"process {pid} still runs after {seconds} s"
