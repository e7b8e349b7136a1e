"""A crowd is seen off: those who do nothing first, and all of them in time."""

from __future__ import annotations

import os
import selectors
import signal
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .programs import Programs
from .proxy import start_proxy
from .targets import echo, tcp_target
from .wire import CLOSE, Wire, masked_frame

pytestmark = pytest.mark.e2e

# So many that not all are told at once.
IDLE, BUSY = 205, 4
GRACE = 6


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with tcp_target(echo) as port:
        yield f"127.0.0.1:{port}"


def leave(wire: Wire) -> None:
    """Answer the Close and end."""
    wire.send(masked_frame(struct.pack("!H", 1001), CLOSE))
    wire.sock.close()


def chat(wire: Wire, told: list[float]) -> None:
    """Say something and hear it, over and over, until the Close."""
    while True:
        wire.send(masked_frame(b"busy"))
        opcode, payload = wire.read_frame()
        if opcode == CLOSE:
            break
        assert payload == b"busy"
    told.append(time.monotonic())
    assert payload[:2] == struct.pack("!H", 1001)
    leave(wire)


def closes_of(wires: list[Wire]) -> Iterator[float]:
    """When each of them, who hear nothing else, is told to go."""
    with selectors.DefaultSelector() as waiting:
        for wire in wires:
            waiting.register(wire.sock, selectors.EVENT_READ, wire)
        while waiting.get_map():
            for key, _ in waiting.select(GRACE):
                waiting.unregister(key.fileobj)
                assert key.data.read_close()[0] == 1001
                yield time.monotonic()
                leave(key.data)


def test_the_idle_go_first_and_everybody_goes_in_time(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    proxy = start_proxy(programs, target, "--grace", str(GRACE), cwd=tmp_path)
    with ExitStack() as held:
        wires = [held.enter_context(Wire.open(proxy.port)) for _ in range(IDLE + BUSY)]
        for wire in wires:
            wire.upgrade(proxy.host)
        busy, idle = wires[:BUSY], wires[BUSY:]
        told_busy: list[float] = []
        chats = [threading.Thread(target=chat, args=(wire, told_busy)) for wire in busy]
        for each in chats:
            each.start()
        os.kill(proxy.program.pid, signal.SIGTERM)
        told_idle = list(closes_of(idle))
        for each in chats:
            each.join(GRACE)
    assert (len(told_idle), len(told_busy)) == (IDLE, BUSY)
    assert max(told_idle) < min(told_busy)
    assert proxy.program.exit_status() == 0
    assert "sessions cut" not in proxy.program.output
