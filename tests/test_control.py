"""Words about a process that runs; here it is a child that sleeps and holds its pid file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wsproxy_gevent import control
from wsproxy_gevent.config.loading import Loaded
from wsproxy_gevent.config.settings import Settings
from wsproxy_gevent.errors import StartError

# Says with which signal it was met; SIGTERM ends it unless it is stubborn.
CHILD = """
import signal, sys
from wsproxy_gevent.pidfile import PidFile
wanted = {signal.SIGHUP, signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
with PidFile(sys.argv[1]):
    while True:
        print(flush=True)
        met = signal.sigwait(wanted)
        print(met.name, flush=True)
        if met == signal.SIGTERM and len(sys.argv) < 3:
            break
"""


class Said(list[str]):
    """What was told to the operator."""

    def __call__(self, text: str) -> None:
        self.append(text)


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(tmp_path / "proxy.pid")


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(file: str) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", CHILD, file, *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate(timeout=20)


def of(file: str, **changes: float) -> Loaded:
    return Loaded(Settings(pid_file=file, **changes), {})  # type: ignore[arg-type]


def test_a_process_that_runs_is_told(start: Start, file: str, said: Said) -> None:
    process = start()
    assert control.status(of(file), said) == 0
    assert said == [f"running as process {process.pid}"]


def test_a_reload_is_asked_for(start: Start, file: str, said: Said) -> None:
    process = start()
    assert control.reload(of(file), said) == 0
    assert process.stdout is not None
    assert process.stdout.readline() == "SIGHUP\n"
    assert f"process {process.pid} was asked to reload" in said[0]


def test_stop_waits_for_the_end(start: Start, file: str, said: Said) -> None:
    process = start()
    assert control.stop(of(file), said) == 0
    assert process.poll() == 0
    assert said == [f"process {process.pid} has ended"]
    assert not os.path.exists(file)


def test_stop_does_not_wait_for_ever(
    start: Start, file: str, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = start("stubborn")
    monkeypatch.setattr(control, "AFTER_GRACE_SECONDS", 0.001)
    assert control.stop(of(file, grace=0.001), said) == 1
    assert said == [f"process {process.pid} is still there after 0.002 s; kill -9 {process.pid}"]


WORDS = [(control.status, 3), (control.reload, 3), (control.stop, 0)]

Word = Callable[[Loaded, Callable[[str], None]], int]


@pytest.mark.parametrize(("word", "status"), WORDS)
def test_without_a_file_nothing_runs(word: Word, status: int, file: str, said: Said) -> None:
    assert word(of(file), said) == status
    assert said == [f"not running: no process is known by {file}: there is no such file"]


@pytest.mark.parametrize(("word", "status"), WORDS)
def test_a_file_left_behind_is_told_as_stale(
    word: Word, status: int, file: str, said: Said
) -> None:
    # Our own number: a signal would end this test.
    Path(file).write_text(f"{os.getpid()}\n")
    assert word(of(file), said) == status
    assert said == [f"not running: {file} is stale, left behind by a process that has ended"]


def test_a_process_of_somebody_else_is_told(
    start: Start, file: str, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = start()

    def forbidden(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(signal, "pidfd_send_signal", forbidden)
    with pytest.raises(StartError, match=f"not permitted to signal process {process.pid}"):
        control.stop(of(file), said)
