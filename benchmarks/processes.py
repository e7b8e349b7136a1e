"""Processes and what they used, read from /proc.

A tree is a process and all below it.  What children used counts when they are
gone, too, for whoever reaped them keeps it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_SERVES_WITHIN_SECONDS = 20.0


@dataclass(frozen=True)
class Cpu:
    """Seconds.  `total` is exact to the nanosecond but for reaped children; the
    parts are in the kernel's ticks."""

    total: float = 0.0
    user: float = 0.0
    system: float = 0.0

    def __add__(self, other: Cpu) -> Cpu:
        return Cpu(self.total + other.total, self.user + other.user, self.system + other.system)

    def __sub__(self, other: Cpu) -> Cpu:
        return Cpu(self.total - other.total, self.user - other.user, self.system - other.system)


def tree(pid: int) -> list[int]:
    """The process and all below it, as far as they are there."""
    found = [pid]
    for parent in found:
        for tasks in _files(f"/proc/{parent}/task", "*/children"):
            with contextlib.suppress(OSError):
                found += map(int, tasks.read_text().split())
    return found


def _files(folder: str, pattern: str) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        yield from Path(folder).glob(pattern)


def cpu_of_tree(pid: int) -> Cpu:
    return sum((_cpu(member) for member in tree(pid)), Cpu())


def _cpu(pid: int) -> Cpu:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        own = time.clock_gettime(_clock_of(pid))
    except OSError:
        return Cpu()
    user, system, reaped_user, reaped_system = (
        int(field) / _TICKS for field in stat.rpartition(")")[2].split()[11:15]
    )
    return Cpu(own + reaped_user + reaped_system, user + reaped_user, system + reaped_system)


def _clock_of(pid: int) -> int:
    """As `clock_getcpuclockid(3)` makes it: the complement of the pid, and 2 for
    all threads by the scheduler's exact count."""
    return (~pid << 3) | 2


def memory_of_tree(pid: int) -> int:
    """PSS in bytes, of what is no file's: shared pages count in part for each who
    has them.  Pages of programs and libraries are left out, for what each has of
    those changes with what else is started on the machine."""
    return sum(map(_pss, tree(pid)))


def _pss(pid: int) -> int:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(
        int(line.split()[1]) * 1024
        for line in rollup.splitlines()
        if line.startswith(("Pss_Anon:", "Pss_Shmem:"))
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class DidNotServe(Exception):
    """A program ended, or did not listen in time; the end of what it said."""


class Running:
    """A program that serves a port, with its output in a file."""

    def __init__(
        self,
        command: list[str],
        port: int,
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.port = port
        self._log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait_until_it_serves(self) -> None:
        deadline = time.monotonic() + _SERVES_WITHIN_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        self.stop()
        raise DidNotServe(self._log.read_text(errors="replace")[-500:].strip() or "no word")

    def stop(self) -> None:
        """The whole tree; what does not go at once is killed."""
        members = tree(self.pid)
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(2)
        for member in members if self.process.returncode is not None else tree(self.pid):
            self._kill(member)
        self.process.wait()

    def _kill(self, pid: int) -> None:
        """Only if it is still ours: a pid may have been given anew."""
        with contextlib.suppress(OSError):
            if os.getsid(pid) == self.pid:
                os.kill(pid, 9)
