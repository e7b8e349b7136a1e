"""A new process beside the old one on the same port: nobody is refused, nobody cut."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .programs import Programs, free_port
from .proxy import start_proxy
from .targets import echo, tcp_target
from .wire import Wire, masked_frame

pytestmark = pytest.mark.e2e

both = pytest.mark.parametrize("patched", [False, True])

HANDOVERS = 3
CLIENTS = 4

# The old process would take a hundred before it sees that it shall stop.
WAITING = 400


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with tcp_target(echo) as port:
        yield f"127.0.0.1:{port}"


def talk(wire: Wire, said: bytes) -> None:
    wire.send(masked_frame(said))
    assert wire.read_payload(len(said)) == said


class Callers:
    """Clients that keep coming; whoever is not served is a failure."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._over = threading.Event()
        self.failures: list[str] = []
        self.served = 0

    def __enter__(self) -> Callers:
        self._threads = [threading.Thread(target=self._run) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(20)

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                with Wire.open(self._port) as wire:
                    wire.upgrade(f"127.0.0.1:{self._port}")
                    talk(wire, b"new here")
            except Exception as error:  # noqa: BLE001  each is a failed test
                self.failures.append(repr(error))
            self.served += 1


@both
def test_old_processes_are_replaced_and_nobody_notices(
    programs: Programs, target: str, tmp_path: Path, patched: bool
) -> None:
    port, options = free_port(), ("--reuse-port", "--grace", "60")
    old = start_proxy(programs, target, *options, cwd=tmp_path, port=port, patched=patched)
    with Callers(port) as callers:
        for _ in range(HANDOVERS):
            new = start_proxy(programs, target, *options, cwd=tmp_path, port=port, patched=patched)
            # Both listen; the line says that the new one does.
            new.program.wait_for_output(rf"127\.0\.0\.1:{port} -> ")
            os.kill(old.program.pid, signal.SIGTERM)
            assert old.program.exit_status() == 0
            old = new
    assert callers.failures == []
    assert callers.served > 100


@both
def test_sessions_of_the_old_process_end_when_they_end(
    programs: Programs, target: str, tmp_path: Path, patched: bool
) -> None:
    port, options = free_port(), ("--reuse-port", "--grace", "60")
    old = start_proxy(programs, target, *options, cwd=tmp_path, port=port, patched=patched)
    with Wire.open(port) as session:
        session.upgrade(old.host)
        new = start_proxy(programs, target, *options, cwd=tmp_path, port=port, patched=patched)
        new.program.wait_for_output(rf"127\.0\.0\.1:{port} -> ")
        os.kill(old.program.pid, signal.SIGTERM)
        old.program.wait_for_output("may go on until they end: 1")
        talk(session, b"as if nothing were")
        with Wire.open(port) as other:
            other.upgrade(new.host)
            talk(other, b"at the new one")
        assert old.program.running
        session.send(masked_frame(b"\x03\xe8", opcode=8))
        assert session.read_close()[0] == 1000
    assert old.program.exit_status() == 0


def test_without_the_option_the_port_is_taken(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    port = free_port()
    start_proxy(programs, target, "--reuse-port", cwd=tmp_path, port=port)
    second = start_proxy(programs, target, cwd=tmp_path, port=port)
    assert second.program.exit_status() == 1
    assert "the port is taken" in second.program.output


def test_who_waits_to_be_accepted_is_served_before_the_port_is_left(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    port, options = free_port(), ("--reuse-port", "--grace", "60")
    old = start_proxy(programs, target, *options, cwd=tmp_path, port=port)
    new = start_proxy(programs, target, *options, cwd=tmp_path, port=port)
    new.program.wait_for_output(rf"127\.0\.0\.1:{port} -> ")
    os.kill(old.program.pid, signal.SIGSTOP)
    with ExitStack() as held:
        # The kernel shares them out: some wait in the queue of the one that stands still.
        waiting = [held.enter_context(Wire.open(port)) for _ in range(WAITING)]
        os.kill(old.program.pid, signal.SIGTERM)
        os.kill(old.program.pid, signal.SIGCONT)
        for wire in waiting:
            wire.upgrade(new.host)
            talk(wire, b"in the end")
    assert old.program.exit_status() == 0
