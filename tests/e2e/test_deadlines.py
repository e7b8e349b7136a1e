"""Sessions that are idle, old or stuck, with the real program."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from .programs import Programs
from .proxy import Proxy, start_proxy
from .targets import echo, tcp_target
from .wire import SECONDS, Wire, masked_frame

pytestmark = pytest.mark.e2e

# The beginning of a masked frame that does not end in a test's time.
ENDLESS = b"\x82\xff" + (1 << 40).to_bytes(8) + bytes(4)


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with tcp_target(echo) as port:
        yield f"127.0.0.1:{port}"


def reason_of(proxy: Proxy) -> str:
    closed = r"session closed .* ended_by=(\w+) close_code=(\d+) reason=([\w-]+)"
    return " ".join(proxy.program.wait_for_output(closed).groups())


@pytest.mark.parametrize(
    ("option", "code", "told"),
    [
        ("--session-idle", 1001, "proxy 1001 session-idle"),
        ("--session-max", 1008, "proxy 1008 session-max"),
    ],
)
def test_a_session_ends_in_its_time(
    programs: Programs, target: str, tmp_path: Path, option: str, code: int, told: str
) -> None:
    proxy = start_proxy(programs, target, option, "0.2", cwd=tmp_path)
    with Wire.open(proxy.port) as wire:
        wire.upgrade(proxy.host)
        wire.send(masked_frame(b"hi"))
        assert wire.read_payload(2) == b"hi"
        assert wire.read_close()[0] == code
        wire.send(masked_frame(code.to_bytes(2), opcode=8))
    assert reason_of(proxy) == told
    assert re.search(r"upstream_bytes=2 upstream_frames=1 ", proxy.program.output)


def test_a_client_that_takes_nothing_is_given_up(programs: Programs, tmp_path: Path) -> None:
    def flood(sock: socket.socket) -> None:
        while True:
            sock.sendall(bytes(1 << 16))

    with tcp_target(flood) as port:
        options = ("--send-timeout", "0.4")
        proxy = start_proxy(programs, f"127.0.0.1:{port}", *options, cwd=tmp_path)
        with Wire.open(proxy.port) as wire:
            wire.upgrade(proxy.host)
            assert reason_of(proxy) == "client 1006 client-stalled"


def test_a_target_that_takes_nothing_is_given_up(programs: Programs, tmp_path: Path) -> None:
    over = threading.Event()

    def read_nothing(_: socket.socket) -> None:
        over.wait()

    with tcp_target(read_nothing) as port:
        options = ("--send-timeout", "0.4")
        proxy = start_proxy(programs, f"127.0.0.1:{port}", *options, cwd=tmp_path)
        with Wire.open(proxy.port) as wire:
            wire.upgrade(proxy.host)
            wire.send(ENDLESS)
            fill(wire.sock)
            assert wire.read_close()[0] == 1011
        assert reason_of(proxy) == "target 1011 target-stalled"
        over.set()


def fill(sock: socket.socket) -> None:
    """Send until nothing has been taken for a while."""
    sock.settimeout(0.1)
    with suppress(TimeoutError):
        while True:
            sock.send(bytes(1 << 16))
    sock.settimeout(SECONDS)
