"""The admin listener in each door: one address, which tells of the whole service."""

from __future__ import annotations

import os
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from .pools import (
    APPLICATION,
    GUNICORN,
    PROXY_WORKER,
    WEBSOCKET_WORKER,
    Pool,
    environment,
    is_alive,
    sessions,
    start_gunicorn,
)
from .programs import Programs, free_port, wait_until_gone
from .proxy import start_proxy
from .targets import echo, tcp_target
from .test_workers import start_workers, wait_until_ready
from .wire import SECONDS, Wire

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with tcp_target(echo) as port:
        yield f"127.0.0.1:{port}"


def status(address: str, path: str, *lines: str) -> int:
    """What the admin listener at `unix:PATH` or `HOST:PORT` answers."""
    with connect(address) as wire:
        head = [f"GET {path} HTTP/1.1", "Host: operator", "Connection: close", *lines]
        wire.send("\r\n".join([*head, "", ""]).encode())
        return wire.read_answer().status


def connect(address: str) -> Wire:
    path = address.removeprefix("unix:")
    if path == address:
        return Wire.open(int(address.rpartition(":")[2]))
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(SECONDS)
    try:
        sock.connect(path)
    except OSError:
        sock.close()
        raise
    return Wire(sock)


# -- One process -----------------------------------------------------------------------------


def test_readiness_ends_when_the_process_begins_to_stop(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    """Where the public port is closed by then and could not tell."""
    path = tmp_path / "admin.sock"
    address = f"unix:{path}"
    proxy = start_proxy(programs, target, "--admin", address, "--grace", "20", cwd=tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (status(address, "/healthz"), status(address, "/readyz")) == (200, 200)
    assert status(address, "/") == 404
    with Wire.open(proxy.port) as wire:
        wire.upgrade(proxy.host)
        os.kill(proxy.program.pid, signal.SIGTERM)
        assert wire.read_close()[0] == 1001
        with pytest.raises(ConnectionRefusedError):
            Wire.open(proxy.port)
        assert (status(address, "/healthz"), status(address, "/readyz")) == (200, 503)
    assert proxy.program.exit_status() == 0
    assert not path.exists()


def test_an_address_takes_the_token_which_a_reload_reads_again(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    address, token = f"127.0.0.1:{free_port()}", tmp_path / "token"
    token.write_text("sesame\n")
    proxy = start_proxy(
        *(programs, target, "--admin", address, "--admin-token", f"file:{token}"), cwd=tmp_path
    )
    proxy.program.wait_for_output("admin at ")
    assert status(address, "/readyz") == 401
    assert status(address, "/readyz", "Authorization: Bearer open") == 401
    assert status(address, "/readyz", "Authorization: Bearer sesame") == 200
    token.write_text("")
    os.kill(proxy.program.pid, signal.SIGHUP)
    proxy.program.wait_for_output("not reloaded, .* there is no token in")
    assert status(address, "/readyz", "Authorization: Bearer sesame") == 200
    token.write_text("open")
    os.kill(proxy.program.pid, signal.SIGHUP)
    proxy.program.wait_for_output("INFO reloaded")
    assert status(address, "/readyz", "Authorization: Bearer sesame") == 401
    assert status(address, "/readyz", "Authorization: Bearer open") == 200
    assert "sesame" not in proxy.program.output


# -- Several ---------------------------------------------------------------------------------


# Each of two workers has been told.
BOTH_STOP = r"(?s)(sessions told to go.*){2}"


@pytest.fixture
def pool(programs: Programs, target: str, tmp_path: Path) -> Pool:
    """Two workers, and an admin listener at the address that `admin` names."""
    arguments = ("--admin", admin(tmp_path), "--grace", "20")
    return start_workers(programs, 2, target, *arguments, cwd=tmp_path)


def admin(tmp_path: Path) -> str:
    return f"unix:{tmp_path}/admin.sock"


def test_while_one_worker_drains_the_service_is_ready(pool: Pool) -> None:
    leaving, staying = pool.workers
    with sessions(pool, 12) as wires:
        os.kill(leaving, signal.SIGTERM)
        pool.program.wait_for_output("sessions told to go")
        answers = [status(admin(pool.cwd), "/readyz") for _ in range(100)]
        assert answers == [200] * 100
        assert leaving in pool.workers, "it waits for its sessions still"
        assert staying in pool.workers
        assert len(wires) == 12


def test_when_all_drain_it_is_not_ready(pool: Pool) -> None:
    with sessions(pool, 12) as wires:
        os.kill(pool.program.pid, signal.SIGTERM)
        assert {wire.read_close()[0] for wire in wires} == {1001}
        pool.program.wait_for_output(BOTH_STOP)
        answers = [status(admin(pool.cwd), path) for path in ("/readyz", "/healthz") * 5]
        assert answers == [503, 200] * 5
        with pytest.raises(ConnectionRefusedError):
            Wire.open(pool.port)
    assert pool.program.exit_status() == 0
    assert not (pool.cwd / "admin.sock").exists()


def test_a_worker_that_is_killed_is_not_missed(pool: Pool) -> None:
    for victim in pool.workers:
        before = set(pool.workers)
        os.kill(victim, signal.SIGKILL)
        wait_until_gone(victim)
        assert [status(admin(pool.cwd), "/readyz") for _ in range(10)] == [200] * 10
        wait_until_ready(pool, newcomer(pool, before))


def newcomer(pool: Pool, before: set[int]) -> int:
    pool.program.wait_until(lambda: bool(set(pool.workers) - before), "new worker")
    (fresh,) = set(pool.workers) - before
    return fresh


# -- Under gunicorn --------------------------------------------------------------------------


def test_one_of_gunicorns_sockets_is_for_operators(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    address = f"127.0.0.1:{free_port()}"
    pool = start_gunicorn(
        *(programs, target, "-w", "2", "-b", address),
        cwd=tmp_path,
        ADMIN=address,
        ADMIN_TOKEN="env:WSPROXY_TARGET",
    )
    bearer = f"Authorization: Bearer {target}"
    assert [status(address, "/readyz"), status(address, "/readyz", bearer)] == [401, 200]
    with pool.session() as wire:
        os.kill(pool.program.pid, signal.SIGTERM)
        assert wire.read_close()[0] == 1001
        pool.program.wait_for_output(BOTH_STOP)
        assert status(address, "/readyz", bearer) == 503
    assert pool.program.exit_status() == 0


def test_it_may_be_a_unix_socket_that_is_ours_alone(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    pool = start_gunicorn(
        *(programs, target, "--umask", "077", "-b", admin(tmp_path)),
        cwd=tmp_path,
        ADMIN=admin(tmp_path),
    )
    assert status(admin(tmp_path), "/readyz") == 200
    with pool.session() as wire:
        assert is_alive(wire)


@pytest.mark.parametrize(
    ("arguments", "variables", "said"),
    [
        (("-b", "unix:admin.sock"), {}, "others may connect there"),
        ((), {}, "add it to what it binds"),
        (("-b", "unix:admin.sock", "-k", WEBSOCKET_WORKER), {"ADMIN_TOKEN": "env:HOME"}, "only"),
    ],
)
def test_what_gunicorn_must_be_told_is_one_line(
    programs: Programs,
    tmp_path: Path,
    arguments: tuple[str, ...],
    variables: dict[str, str],
    said: str,
) -> None:
    program = programs.start(
        *(GUNICORN, "-k", PROXY_WORKER, "--no-control-socket", "--umask", "0"),
        *("-b", "unix:proxy.sock", *arguments, APPLICATION),
        env=environment(TARGET="echo:", ADMIN=admin(tmp_path), **variables),
        cwd=tmp_path,
    )
    assert program.exit_status() != 0
    assert said in program.output
    assert "Traceback" not in program.output
