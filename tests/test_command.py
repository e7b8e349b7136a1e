"""A wrapped command: its output, its ends, and what it leaves behind."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent
import pytest
from gevent import socket as gsocket
from gevent.event import Event

from wsproxy_gevent import command as module
from wsproxy_gevent.command import BackOff, Command, reap_orphans, wait_for
from wsproxy_gevent.errors import StartError
from wsproxy_gevent.wrap import Wrapping

SECONDS = 10.0


def wrapping(script: str, directory: Path, **environ: str) -> Wrapping:
    argv = ("/bin/sh", "-c", script)
    known = {"PATH": "/usr/bin:/bin", **environ}
    return Wrapping(argv, known, str(directory), 0o026, "localhost:1")


@contextmanager
def running(wrapped: Wrapping, mode: str = "exit") -> Iterator[tuple[Command, Event]]:
    ended = Event()
    command = Command(wrapped, mode, ended.set)
    command.start()
    try:
        yield command, ended
    finally:
        command.stop()


def wait_for_line(caplog: pytest.LogCaptureFixture, text: str, times: int = 1) -> None:
    with gevent.Timeout(SECONDS):
        while caplog.text.count(text) < times:
            gevent.sleep(0.005)


@pytest.fixture(autouse=True)
def _reaped_by_nobody_else() -> None:
    """Where a test before has used `gevent.subprocess`, its loop would reap our children."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "wsproxy_gevent")


def test_pauses_double_until_it_ran_for_long() -> None:
    back_off = BackOff()
    assert [back_off.after(0.1) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert back_off.after(10.0) == 0
    assert back_off.after(9.9) == 1


@pytest.mark.parametrize(
    ("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill $$", 143)]
)
def test_its_exit_status_is_passed_on(script: str, status: int, tmp_path: Path) -> None:
    with running(wrapping(script, tmp_path)) as (command, ended):
        assert ended.wait(SECONDS)
        assert command.status == status


def test_what_it_prints_is_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    script = r"echo one; echo two >&2; printf 'a\033[31mb\n\377\n'; printf last"
    with running(wrapping(script, tmp_path)) as (_, ended):
        assert ended.wait(SECONDS)
    said = [r.getMessage() for r in caplog.records if r.getMessage().startswith("command: ")]
    assert sorted(said) == sorted(
        ["command: one", "command: two", r"command: a\x1b[31mb", r"command: \xff", "command: last"]
    )


def test_directory_environment_and_umask_are_the_callers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = os.umask(0o077)
    os.umask(before)
    script = 'echo "$(pwd) $(umask) $COLOUR ${HOME-none}"'
    with running(wrapping(script, tmp_path, COLOUR="blue")) as (_, ended):
        assert ended.wait(SECONDS)
    assert f"command: {tmp_path} 0026 blue none" in caplog.text
    assert os.umask(before) == before


def test_it_inherits_none_of_our_descriptors(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    try:
        with running(wrapping(f"[ -e /proc/$$/fd/{writing} ] || echo none", tmp_path)) as (
            _,
            ended,
        ):
            assert ended.wait(SECONDS)
    finally:
        os.close(reading)
        os.close(writing)
    assert "command: none" in caplog.text


def test_ignored_it_ends_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with running(wrapping("exit 3", tmp_path), "ignore") as (_, ended):
        wait_for_line(caplog, "the command ended with status 3")
        assert not ended.is_set()


def test_it_is_started_again_with_pauses(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.001)
    with running(wrapping("exit 3", tmp_path), "respawn") as (_, ended):
        wait_for_line(caplog, "the command ended with status 3", 3)
        assert not ended.is_set()
    assert "the command is started again in 0.001 s" in caplog.text
    assert "the command is started again in 0.002 s" in caplog.text


def test_no_zombie_is_left(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with running(wrapping("exit 0", tmp_path), "ignore"):
        wait_for_line(caplog, "the command ended with status 0")
        pid = int(caplog.text.partition("runs as process ")[2].split()[0])
        assert not Path(f"/proc/{pid}").exists()


def test_stopping_ends_all_that_it_started(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script = "sleep 1000 & echo started $!; wait"
    with running(wrapping(script, tmp_path)) as (command, ended):
        wait_for_line(caplog, "command: started")
        child = int(caplog.text.partition("started ")[2].split()[0])
        command.stop()
        assert not ended.is_set()
    handle = _handle_or_none(child)
    if handle is not None:  # its end is on its way
        with gevent.Timeout(SECONDS):
            gsocket.wait_read(handle)
        os.close(handle)


def _handle_or_none(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def test_who_does_not_listen_is_killed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", 0.05)
    script = "trap '' TERM; echo deaf; while :; do sleep 1000; done"
    with running(wrapping(script, tmp_path)):
        wait_for_line(caplog, "command: deaf")
    assert "killed" in caplog.text


def test_what_cannot_be_run_is_told_and_is_an_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    absent = Wrapping(("/no/such",), {}, str(tmp_path), 0, "localhost:1")
    with running(absent) as (command, ended):
        assert ended.wait(SECONDS)
        assert command.status == 126
    assert "the command cannot be started: " in caplog.text


def test_the_directory_of_its_socket_is_ours_alone_and_goes_with_it(tmp_path: Path) -> None:
    private = tmp_path / "private"
    told = Wrapping(
        ("/bin/sh", "-c", f"touch {private}/command.sock; stat -c %a {private} >mode"),
        {"PATH": "/usr/bin:/bin"}, str(tmp_path), 0, f"unix:{private}/command.sock", str(private),
    )  # fmt: skip
    with running(told) as (_, ended):
        assert ended.wait(SECONDS)
        assert (tmp_path / "mode").read_text() == "700\n"
        assert (private / "command.sock").exists()
        with pytest.raises(StartError, match="cannot make"):
            Command(told, "exit", ended.set).start()
    assert not private.exists()


def test_orphans_are_reaped_and_the_command_is_not() -> None:
    ours = subprocess.Popen(["true"])
    theirs = subprocess.Popen(["true"])
    for process in (theirs, ours):
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    reap_orphans(but=ours.pid)
    assert Path(f"/proc/{ours.pid}").exists()
    assert ours.wait() == 0
    reap_orphans(but=0)
    assert not Path(f"/proc/{theirs.pid}").exists()
    theirs.returncode = 0  # for its destructor


def test_who_was_reaped_already_needs_no_wait() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    wait_for(process)
    assert process.returncode == 0
