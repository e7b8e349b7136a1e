"""gunicorn with either worker: signals, and how processes and sessions end."""

from __future__ import annotations

import os
import signal
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .pools import (
    APPLICATION,
    GOING_AWAY,
    GUNICORN,
    PROXY_WORKER,
    WEBSOCKET_WORKER,
    Knocking,
    agree_to_close,
    environment,
    is_alive,
    sessions,
    start_gunicorn,
    unix_session,
)
from .programs import Programs, wait_until_gone
from .targets import echo, tcp_target
from .wire import CLOSE, Wire, masked_frame, upgrade_request

pytestmark = pytest.mark.e2e

both_workers = pytest.mark.parametrize("worker", [PROXY_WORKER, WEBSOCKET_WORKER])

CLIENTS = 4


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with tcp_target(echo) as port:
        yield f"127.0.0.1:{port}"


@both_workers
def test_sessions_are_told_to_go_at_once(
    programs: Programs, target: str, tmp_path: Path, worker: str
) -> None:
    pool = start_gunicorn(programs, target, worker=worker, cwd=tmp_path)
    with sessions(pool, 3) as wires:
        started = time.monotonic()
        os.kill(pool.program.pid, signal.SIGTERM)
        assert [agree_to_close(wire) for wire in wires] == [GOING_AWAY] * 3
        assert time.monotonic() - started < 2
    assert pool.program.exit_status() == 0
    assert "Worker exiting" in pool.program.output
    assert "sessions cut" not in pool.program.output


@both_workers
def test_who_does_not_go_is_cut_before_the_arbiter_kills(
    programs: Programs, target: str, tmp_path: Path, worker: str
) -> None:
    pool = start_gunicorn(programs, target, "--graceful-timeout", "4", worker=worker, cwd=tmp_path)
    with sessions(pool, 2) as wires:
        os.kill(pool.program.pid, signal.SIGTERM)
        assert [wire.read_close() for wire in wires] == [GOING_AWAY] * 2
        assert pool.program.exit_status(seconds=5) == 0
    assert "sessions cut: 2" in pool.program.output
    assert "Worker exiting" in pool.program.output
    assert "SIGKILL" not in pool.program.output


@both_workers
def test_a_hangup_brings_a_new_worker_and_sees_the_old_one_off(
    programs: Programs, target: str, tmp_path: Path, worker: str
) -> None:
    pool = start_gunicorn(programs, target, worker=worker, cwd=tmp_path)
    with pool.session() as wire, Knocking(pool) as knocking:
        knocking.wait_for_more(1)
        (old,) = pool.workers
        os.kill(pool.program.pid, signal.SIGHUP)
        assert agree_to_close(wire) == GOING_AWAY
        wait_until_gone(old)
        knocking.wait_for_more(3)
    assert pool.workers != [old]
    assert [each for each in knocking.failures if "Refused" in each] == []


@both_workers
def test_a_worker_that_has_had_its_requests_is_replaced(
    programs: Programs, target: str, tmp_path: Path, worker: str
) -> None:
    pool = start_gunicorn(programs, target, "--max-requests", "3", worker=worker, cwd=tmp_path)
    first = pool.session()
    (old,) = pool.workers
    with Wire.open(pool.port) as wire:
        wire.send(f"GET / HTTP/1.1\r\nHost: {pool.host}\r\n\r\n".encode())
        assert wire.read_answer().status == 426
    with pool.session() as third:
        assert {agree_to_close(first), agree_to_close(third)} == {GOING_AWAY}
    wait_until_gone(old)
    pool.program.wait_until(lambda: pool.workers not in ([], [old]), "new worker")
    with pool.session() as wire:
        assert is_alive(wire)


def test_workers_are_added_and_taken_away_while_it_runs(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    pool = start_gunicorn(programs, target, cwd=tmp_path)
    with pool.session() as wire:
        (old,) = pool.workers
        os.kill(pool.program.pid, signal.SIGTTIN)
        pool.program.wait_until(lambda: len(pool.workers) == 2, "second worker")
        os.kill(pool.program.pid, signal.SIGTTOU)
        assert agree_to_close(wire) == GOING_AWAY
        wait_until_gone(old)
    with pool.session() as wire:
        assert is_alive(wire)


def test_a_full_worker_leaves_the_next_one_waiting(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    pool = start_gunicorn(programs, target, "--worker-connections", "2", cwd=tmp_path)
    with sessions(pool, 2) as wires, Wire.open(pool.port) as third:
        third.send(upgrade_request(pool.host))
        third.sock.settimeout(0.3)
        with pytest.raises(TimeoutError):
            third.read_answer()
        third.sock.settimeout(15)
        wires[0].sock.close()
        assert third.read_answer().status == 101
        assert is_alive(third)
        assert is_alive(wires[1])


@pytest.mark.parametrize("patched", [False, True])
def test_an_upgrade_of_the_binary_refuses_nobody(
    programs: Programs, target: str, tmp_path: Path, patched: bool
) -> None:
    pid_file = tmp_path / "pid"
    words = (target, "-w", "2", "--pid", str(pid_file))
    pool = start_gunicorn(programs, *words, cwd=tmp_path, patched=patched)
    with pool.session() as old, pool.session() as other, ExitStack() as held:
        load = [held.enter_context(Knocking(pool)) for _ in range(CLIENTS)]
        load[0].wait_for_more(2)
        os.kill(pool.program.pid, signal.SIGUSR2)
        pool.program.wait_until(Path(f"{pid_file}.2").exists, "second arbiter")
        newcomer = int(Path(f"{pid_file}.2").read_text())
        pool.program.wait_for_output(r"(?s)(Booting worker.*){4}")
        load[0].wait_for_more(3)
        # Both versions serve, and a session of the old one ends when it ends.
        assert is_alive(old)
        assert is_alive(other)
        other.send(masked_frame(struct.pack("!H", 1000), CLOSE))
        assert other.read_close()[0] == 1000
        os.kill(pool.program.pid, signal.SIGTERM)
        assert agree_to_close(old) == GOING_AWAY
        pool.program.wait_for_output("Shutting down: Master")
        load[0].wait_for_more(3)
    os.kill(newcomer, signal.SIGTERM)
    wait_until_gone(newcomer)
    # Those that the old ones carried were told to go; nobody met a closed port.
    failures = [failure for each in load for failure in each.failures]
    assert [each for each in failures if "Refused" in each] == []
    # Of each who knocks, two old workers can have had no more than one in hand.
    assert len(failures) <= CLIENTS
    assert sum(each.served for each in load) > 20


@both_workers
def test_logs_are_reopened(programs: Programs, target: str, tmp_path: Path, worker: str) -> None:
    log = tmp_path / "error.log"
    program = programs.start(
        *(GUNICORN, "-k", worker, "--no-control-socket"),
        *("-b", "unix:proxy.sock", "--error-logfile", str(log), APPLICATION),
        env=environment(TARGET=target),
        cwd=tmp_path,
    )
    program.wait_until(lambda: log.exists() and "Booting" in log.read_text(), "log")

    def logged() -> bool:
        with unix_session(tmp_path / "proxy.sock") as wire:
            assert is_alive(wire)
        return "session closed" in log.read_text()

    program.wait_until(logged, "session in the log")
    log.rename(tmp_path / "old.log")
    os.kill(program.pid, signal.SIGUSR1)
    program.wait_until(log.exists, "new log")
    program.wait_until(logged, "session in the new log")
