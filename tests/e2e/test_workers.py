"""`wsproxy-gevent --workers N`: shared load, losses, ends and reloads."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .certificates import make_certificate, replace_file, served_serial
from .pools import (
    GOING_AWAY,
    Digests,
    Knocking,
    Pool,
    agree_to_close,
    children,
    is_alive,
    sessions,
    sockets_of,
    unix_session,
)
from .programs import Programs, free_port, wait_until_gone
from .proxy import COMMAND, clean_environment, start_proxy
from .targets import echo, tcp_target
from .test_started_by_others import listen, start_with
from .wire import Wire, masked_frame

pytestmark = pytest.mark.e2e

# A client's socket and the target's.
SOCKETS_EACH = 2


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with tcp_target(echo) as port:
        yield f"127.0.0.1:{port}"


def start_workers(programs: Programs, count: int, target: str, *arguments: str, cwd: Path) -> Pool:
    """The proxy in that many processes, once each of them serves."""
    proxy = start_proxy(programs, target, "--workers", str(count), *arguments, cwd=cwd)
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
    links = (os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir())
    return any(link == "anon_inode:[eventpoll]" for link in links)


# -- Sharing and losing --------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 4])
def test_workers_share_the_load(
    programs: Programs, target: str, tmp_path: Path, count: int
) -> None:
    pool = start_workers(programs, count, target, cwd=tmp_path)
    before = {pid: sockets_of(pid) for pid in pool.workers}
    with sessions(pool, 20 * count) as wires:
        assert all(is_alive(wire) for wire in wires)
        carried = [(sockets_of(pid) - before[pid]) // SOCKETS_EACH for pid in pool.workers]
    assert sum(carried) == len(wires)
    assert min(carried) > 0


def test_a_worker_that_is_killed_takes_only_its_own_along(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    pool = start_workers(programs, 2, target, cwd=tmp_path)
    victim, survivor = pool.workers
    idle = sockets_of(survivor)
    with sessions(pool, 20) as wires, Knocking(pool) as knocking:
        spared = (sockets_of(survivor) - idle) // SOCKETS_EACH
        knocking.wait_for_more(2)
        os.kill(victim, signal.SIGKILL)
        killed_at = time.monotonic()
        wait_until_gone(victim)
        before = {victim, survivor}  # the dead one is a child until it is reaped
        pool.program.wait_until(lambda: bool(set(pool.workers) - before), "new worker")
        (fresh,) = set(pool.workers) - before
        wait_until_ready(pool, fresh)
        assert time.monotonic() - killed_at < 2
        knocking.wait_for_more(5)
        assert sum(lives(wire) for wire in wires) >= spared - 1
    # At most the session that the victim had in its hands.
    assert len(knocking.failures) <= 1
    assert [each for each in knocking.failures if "Refused" in each] == []


def lives(wire: Wire) -> bool:
    try:
        return is_alive(wire)
    except (EOFError, OSError):
        return False


# -- Ends ------------------------------------------------------------------------------------


@pytest.mark.parametrize("patched", [False, True])
def test_five_hundred_are_seen_off_and_what_they_sent_arrives(
    programs: Programs, tmp_path: Path, patched: bool
) -> None:
    digests, count = Digests(), 500
    with tcp_target(digests) as port:
        pool = start_workers_patched_or_not(programs, f"127.0.0.1:{port}", tmp_path, patched)
        with sessions(pool, count) as wires:
            sent = [os.urandom(3000) for _ in wires]
            for wire, payload in zip(wires, sent, strict=True):
                wire.send(masked_frame(payload))
            os.kill(pool.program.pid, signal.SIGTERM)
            started = time.monotonic()
            assert {agree_to_close(wire) for wire in wires} == {GOING_AWAY}
        assert pool.program.exit_status() == 0
        assert time.monotonic() - started < 6
        assert digests.wait_for(count) == sorted(hashlib.sha256(each).hexdigest() for each in sent)
    assert "sessions cut" not in pool.program.output


PATCHED = "from gevent import monkey; monkey.patch_all(); from wsproxy_gevent.cli import main; "


def start_workers_patched_or_not(
    programs: Programs, target: str, cwd: Path, patched: bool
) -> Pool:
    """Two workers with a short grace."""
    arguments = ("--workers", "2", "--grace", "4", "-f")
    if not patched:
        return start_workers(programs, 2, target, *arguments, cwd=cwd)
    port = free_port()
    words = ["wsproxy-gevent", *arguments, f"127.0.0.1:{port}", target]
    program = programs.start(
        *(COMMAND[0], "-c", f"{PATCHED} raise SystemExit(main({words!r}))"),
        env=clean_environment(),
        cwd=cwd,
    )
    program.wait_until_listening(port)
    return Pool(program, port, cwd)


def test_who_does_not_go_is_cut_when_the_grace_is_over(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    pool = start_workers(programs, 2, target, "--grace", "1", cwd=tmp_path)
    with sessions(pool, 3) as wires:
        os.kill(pool.program.pid, signal.SIGTERM)
        assert {wire.read_close() for wire in wires} == {GOING_AWAY}
        assert pool.program.exit_status(seconds=4) == 0
    assert "sessions cut: " in pool.program.output


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


@pytest.mark.deadline(120)
def test_reloads_under_load_drop_nobody_and_a_bad_one_changes_nothing(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    """Every other certificate is broken; after each good one its serial is served."""
    certificate = tmp_path / "cert.pem"
    certificate.write_bytes(make_certificate(1))
    pool = start_workers(programs, 2, target, "--cert", str(certificate), cwd=tmp_path)
    with sessions(pool, 6) as wires, Knocking(pool) as knocking:
        for number in range(2, 202):
            bad = number % 2
            replace_file(certificate, b"broken" if bad else make_certificate(number))
            os.kill(pool.program.pid, signal.SIGHUP)
            # The arbiter alone says no; that it worked each worker says.
            said, times = (" not reloaded", 1) if bad else (" reloaded: ", 2)
            wait_for_count(pool, said, number // 2 * times)
            if not bad:
                assert served_serial(pool.port) == number
        knocking.wait_for_more(1)
        assert all(is_alive(wire) for wire in wires)
    assert knocking.failures == []


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
