"""gunicorn's own settings, as far as they are ours to keep."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .certificates import make_certificate, replace_file, served_serial
from .pools import (
    APPLICATION,
    GUNICORN,
    PROXY_WORKER,
    WEBSOCKET_WORKER,
    Pool,
    environment,
    is_alive,
    start_gunicorn,
    unix_session,
)
from .programs import Programs, free_port, wait_until_gone
from .targets import echo, tcp_target
from .test_many import wait_until_all_serve, wait_until_another_serves

pytestmark = pytest.mark.e2e

both_workers = pytest.mark.parametrize("worker", [PROXY_WORKER, WEBSOCKET_WORKER])

TIMEOUT = 3


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with tcp_target(echo) as port:
        yield f"127.0.0.1:{port}"


@both_workers
def test_it_listens_at_several_places(
    programs: Programs, target: str, tmp_path: Path, worker: str
) -> None:
    port, path = free_port(), tmp_path / "proxy.sock"
    pool = start_gunicorn(
        *(programs, target, "-b", f"127.0.0.1:{port}", "-b", f"unix:{path}"),
        worker=worker,
        cwd=tmp_path,
    )
    second = Pool(pool.program, port, tmp_path)
    with pool.session() as one, second.session() as two, unix_session(path) as three:
        assert all(is_alive(wire) for wire in (one, two, three))


@both_workers
def test_it_takes_a_socket_that_it_was_given(
    programs: Programs, target: str, tmp_path: Path, worker: str
) -> None:
    """gunicorn then binds no other."""
    with socket.create_server(("127.0.0.1", 0)) as passed:
        program = programs.start(
            *(GUNICORN, "-k", worker, "--no-control-socket"),
            *("-b", f"fd://{passed.fileno()}", APPLICATION),
            env=environment(TARGET=target),
            cwd=tmp_path,
            pass_fds=[passed.fileno()],
        )
        with Pool(program, passed.getsockname()[1], tmp_path).session() as wire:
            assert is_alive(wire)


@both_workers
def test_a_process_that_stands_still_is_replaced_and_an_idle_session_is_no_reason(
    programs: Programs, target: str, tmp_path: Path, worker: str
) -> None:
    words = (target, "-w", "2", "--timeout", str(TIMEOUT))
    pool = start_gunicorn(programs, *words, worker=worker, cwd=tmp_path)
    wait_until_all_serve(pool, target)
    with pool.session() as wire:
        time.sleep(TIMEOUT + 1)
        assert is_alive(wire)
    stuck, other = pool.workers
    os.kill(stuck, signal.SIGSTOP)
    wait_until_gone(stuck)
    wait_until_another_serves(pool, {stuck, other}, target)
    assert other in pool.workers


def test_a_certificate_is_looked_at_while_it_is_used(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    """Without a signal: a HUP of gunicorn's would end the sessions."""
    certificate = tmp_path / "cert.pem"
    certificate.write_bytes(make_certificate(1))
    pool = start_gunicorn(programs, target, "-w", "2", cwd=tmp_path, CERT=str(certificate))
    with pool.session() as wire:
        for number in (1, 2, 3):
            replace_file(certificate, make_certificate(number))
            wait_until_served(pool, number)
        replace_file(certificate, b"broken")
        pool.program.wait_until(lambda: is_named(pool, certificate, while_serving=3), "complaint")
        assert is_alive(wire)


def is_named(pool: Pool, certificate: Path, *, while_serving: int) -> bool:
    """Whether the log says what is wrong with it; it is looked at in a handshake."""
    assert served_serial(pool.port) == while_serving
    return str(certificate) in pool.program.output


def wait_until_served(pool: Pool, number: int) -> None:
    """In so many handshakes in a row that each worker must have had some."""
    pool.program.wait_until(
        lambda: all(served_serial(pool.port) == number for _ in range(8)), f"certificate {number}"
    )
