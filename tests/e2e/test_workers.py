"""`wsproxy-gevent --workers N`: shared load, losses, ends and reloads."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .certificates import make_certificate, replace_file, served_serial
from .pools import (
    GOING_AWAY,
    Knocking,
    Pool,
    agree_to_close,
    children,
    is_alive,
    open_files,
    sessions,
    unix_session,
)
from .programs import Programs, free_port, wait_until_gone
from .proxy import COMMAND, clean_environment, start_proxy
from .targets import echo, tcp_target
from .test_started_by_others import listen, start_with
from .wire import Wire, any_certificate

pytestmark = pytest.mark.e2e

# A client's socket and the target's.
SOCKETS_EACH = 2


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with tcp_target(echo) as port:
        yield f"127.0.0.1:{port}"


def start_workers(
    programs: Programs,
    count: int,
    target: str,
    *arguments: str,
    cwd: Path,
    patched: bool = False,
) -> Pool:
    """The proxy in that many processes, once each of them serves."""
    words = [target, "--workers", str(count), *arguments]
    proxy = start_proxy(programs, *words, cwd=cwd, patched=patched)
    pool = Pool(proxy.program, proxy.port, cwd)
    pool.program.wait_until(lambda: len(pool.workers) == count, f"{count} workers")
    for pid in pool.workers:
        wait_until_ready(pool, pid)
    return pool


def wait_until_ready(pool: Pool, pid: int) -> None:
    """A worker that serves has taken over SIGUSR1, which it inherits as a queue's."""
    wanted = 1 << (signal.SIGHUP - 1)

    def caught() -> bool:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            name, _, mask = line.partition(":")
            if name == "SigCgt":
                return bool(int(mask, 16) & wanted) and hub_of(pid)
        return False

    pool.program.wait_until(caught, f"worker {pid}")


def hub_of(pid: int) -> bool:
    """Whether the process has an event loop yet."""
    return "anon_inode:[eventpoll]" in open_files(pid)


# -- Ends ------------------------------------------------------------------------------------


def test_who_does_not_go_is_cut_when_the_grace_is_over(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    pool = start_workers(programs, 2, target, "--grace", "1", cwd=tmp_path)
    with sessions(pool, 3) as wires:
        os.kill(pool.program.pid, signal.SIGTERM)
        assert {wire.read_close() for wire in wires} == {GOING_AWAY}
        assert pool.program.exit_status(seconds=4) == 0
    assert "sessions cut: " in pool.program.output


@pytest.mark.fault(27)
@pytest.mark.parametrize("signals", [[signal.SIGTERM, signal.SIGTERM], [signal.SIGINT]])
def test_a_second_signal_or_ctrl_c_ends_it_at_once(
    programs: Programs, target: str, tmp_path: Path, signals: list[signal.Signals]
) -> None:
    pool = start_workers(programs, 2, target, cwd=tmp_path)
    with sessions(pool, 2) as wires:
        for number in signals:
            os.kill(pool.program.pid, number)
            if number == signal.SIGTERM and len(signals) > 1:
                pool.program.wait_for_output("sessions told to go")
        assert pool.program.exit_status(seconds=5) == 0
        for wire in wires:
            wire.read_to_end()


def test_a_daemon_with_workers_has_its_pid_file_and_its_log(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    pid_file, log, port = tmp_path / "pid", tmp_path / "log", free_port()
    starting = programs.start(
        *(*COMMAND, "-D", "--workers", "2", "--pid-file", str(pid_file)),
        *("--log-file", str(log), f"127.0.0.1:{port}", target),
        env=clean_environment(),
        cwd=tmp_path,
    )
    assert starting.exit_status() == 0
    pid = int(pid_file.read_text())
    try:
        with Wire.open(port) as wire:
            wire.upgrade(f"127.0.0.1:{port}")
            assert is_alive(wire)
            for worker in children(pid):
                os.kill(worker, signal.SIGTERM)
            assert agree_to_close(wire) == GOING_AWAY
        with Wire.open(port) as wire:  # a worker that takes their place
            wire.upgrade(f"127.0.0.1:{port}")
            assert pid_file.read_text() == f"{pid}\n"
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_until_gone(pid)
    assert "session closed" in log.read_text()
    assert "Shutting down" in log.read_text()


def test_a_unix_socket_is_served_by_all_and_removed_by_one(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    path = tmp_path / "proxy.sock"
    program = programs.start(
        *(*COMMAND, "-f", "--workers", "2", "--unix-listen", str(path), target),
        env=clean_environment(),
        cwd=tmp_path,
    )
    program.wait_for_output(r"(?s)(Booting worker.*){2}")
    with unix_session(path) as wire:
        assert is_alive(wire)
    assert program.stop() == 0
    assert not path.exists()


def test_sockets_of_systemd_are_shared_among_the_workers(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    with listen() as sock:
        program = start_with(programs, tmp_path, [sock], "-f", "--workers", "2", target)
        pool = Pool(program, sock.getsockname()[1], tmp_path)
        program.wait_for_output(r"(?s)(Booting worker.*){2}")
        with sessions(pool, 8) as wires:
            assert all(is_alive(wire) for wire in wires)
        assert program.stop() == 0


def test_a_new_version_takes_the_port_over_and_sessions_end_when_they_end(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    old = start_workers(programs, 2, target, "--reuse-port", cwd=tmp_path)
    with old.session() as wire, Knocking(old) as knocking:
        start_proxy(
            *(programs, target, "--workers", "2", "--reuse-port"), cwd=tmp_path, port=old.port
        ).program.wait_for_output(r"(?s)(Booting worker.*){2}")
        os.kill(old.program.pid, signal.SIGTERM)
        old.program.wait_for_output("may go on until they end: 1")
        knocking.wait_for_more(5)
        assert is_alive(wire)
        wire.sock.close()
        assert old.program.exit_status() == 0
        knocking.wait_for_more(2)
    assert knocking.failures == []


# -- Reloads ---------------------------------------------------------------------------------


HUPS = 200


@pytest.mark.fault(28)
@pytest.mark.deadline(150)
@pytest.mark.parametrize("patched", [False, True])
def test_two_hundred_hups_under_load_drop_nobody(
    programs: Programs, target: str, tmp_path: Path, patched: bool
) -> None:
    """Every other one is bad; after each good one its certificate is served."""
    certificate, token = tmp_path / "cert.pem", tmp_path / "token"
    certificate.write_bytes(make_certificate(1))
    token.write_text("sesame")
    files = ["--cert", str(certificate), "--admin-token", f"file:{token}"]
    pool = start_workers(programs, 2, target, *files, cwd=tmp_path, patched=patched)
    bad = itertools.cycle([(certificate, b"broken"), (token, b"")])
    with sessions(pool, 6) as wires, Knocking(pool) as knocking, Shaking(pool) as shaking:
        for number in range(2, 2 + HUPS // 2):
            replace_file(certificate, make_certificate(number))
            replace_file(token, b"sesame")
            os.kill(pool.program.pid, signal.SIGHUP)
            # That it worked each worker says; that it did not, the arbiter alone.
            wait_for_count(pool, " reloaded: ", 2 * (number - 1))
            assert served_serial(pool.port) == number
            replace_file(*next(bad))
            os.kill(pool.program.pid, signal.SIGHUP)
            wait_for_count(pool, " not reloaded", number - 1)
            assert served_serial(pool.port) == number
        knocking.wait_for_more(1)
        assert all(is_alive(wire) for wire in wires)
    assert (knocking.failures, shaking.failures) == ([], [])
    assert shaking.served > HUPS / 10


class Shaking(Knocking):
    """Comes over TLS."""

    def session(self) -> Wire:
        wire = Wire.open(self.pool.port, tls=any_certificate())
        wire.upgrade(self.pool.host)
        return wire


def wait_for_count(pool: Pool, said: str, count: int) -> None:
    pool.program.wait_until(
        lambda: pool.program.output.count(said) >= count, f"{said!r} for the {count}th time"
    )


BIRTHS = 8


def test_a_worker_that_is_born_during_a_reload_knows_of_it(
    programs: Programs, tmp_path: Path
) -> None:
    """Whatever it was doing when the signal came; the delays are spread over its birth."""
    settings = tmp_path / "settings.toml"
    settings.write_text("")
    pool = start_workers(
        *(programs, 2, "echo:", "--config", str(settings), "--web", str(tmp_path)), cwd=tmp_path
    )
    for number in range(BIRTHS):
        settings.write_text(f'header = ["X-Number: {number}"]\n')
        before = set(pool.workers)
        os.kill(min(before), signal.SIGKILL)
        wait_for_newcomer(pool, before)
        time.sleep(0.004 * number)
        os.kill(pool.program.pid, signal.SIGHUP)
        wait_until_all_know(pool, str(number))


def wait_for_newcomer(pool: Pool, before: set[int]) -> None:
    pool.program.wait_until(lambda: bool(set(pool.workers) - before), "new worker")


def wait_until_all_know(pool: Pool, number: str) -> None:
    pool.program.wait_until(
        lambda: all(number_of(pool) == number for _ in range(12)), f"workers that know {number}"
    )


def number_of(pool: Pool) -> str:
    with Wire.open(pool.port) as wire:
        wire.send(f"GET /settings.toml HTTP/1.1\r\nHost: {pool.host}\r\n\r\n".encode())
        return wire.read_answer().headers.get("x-number", "")


def test_a_worker_that_is_born_after_a_reload_knows_of_it(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text("")
    pool = start_workers(programs, 2, target, "--config", str(settings), cwd=tmp_path)
    settings.write_text("no_legacy = true\n")
    os.kill(pool.program.pid, signal.SIGHUP)
    pool.program.wait_for_output(r"(?s)(INFO reloaded: .*){2}")
    for pid in pool.workers:
        os.kill(pid, signal.SIGKILL)
        wait_until_gone(pid)
    with Wire.open(pool.port) as wire:
        wire.send(b"<policy-file-request/>\0")
        assert wire.read_to_end() == b""
