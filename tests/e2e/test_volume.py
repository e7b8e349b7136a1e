"""Much data at once: nothing lost, nothing hoarded, nobody stuck.

The readers first do not read at all, until each writer finds its socket full:
then the proxy holds all that it will ever hold of this session.
"""

from __future__ import annotations

import hashlib
import random
import re
import select
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .programs import Program, Programs
from .proxy import Proxy, start_proxy
from .targets import Handler, echo, tcp_target
from .wire import Wire, masked_frame

pytestmark = pytest.mark.e2e

MIB = 1 << 20
EACH_WAY = 64 * MIB
ONE_MESSAGE = 16 * MIB

# What a session may add to the process, whatever its peers do; far below what
# is sent, and above two reads of the largest size with their copies.
ALLOWED_GROWTH = 4 * MIB

# A socket that takes nothing for so long is full; seconds.
FULL_AFTER = 0.5


def blocks(seed: int) -> Iterator[bytes]:
    """The stream of that seed, a MiB at a time."""
    source = random.Random(seed)
    return (source.randbytes(MIB) for _ in range(EACH_WAY // MIB))


def digest(pieces: Iterator[bytes]) -> str:
    total = hashlib.sha256()
    for piece in pieces:
        total.update(piece)
    return total.hexdigest()


def most_memory(program: Program) -> int:
    """The most bytes that the process ever had resident."""
    with open(f"/proc/{program.pid}/status", encoding="ascii") as status:
        [kib] = re.findall(r"^VmHWM:\s+(\d+) kB$", status.read(), re.MULTILINE)
    return int(kib) * 1024


class Flood:
    """Writes a stream on a thread of its own and tells when nobody takes it."""

    def __init__(self, sock: socket.socket, pieces: Iterator[bytes]) -> None:
        self._sock, self._pieces = sock, pieces
        self.stalled = threading.Event()
        self.finished = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        for piece in self._pieces:
            left = memoryview(piece)
            while left:
                if not select.select([], [self._sock], [], FULL_AFTER)[1]:
                    self.stalled.set()
                    select.select([], [self._sock], [], 60)
                left = left[self._sock.send(left, socket.MSG_DONTWAIT) :]
        self.finished.set()

    def join(self) -> None:
        self._thread.join(60)
        assert self.finished.is_set(), "the writer is stuck"


class FloodingTarget:
    """Sends one stream and, once allowed to, reads another; both at once."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.connected = threading.Event()
        self.may_read = threading.Event()
        self.done = threading.Event()
        self.flood: Flood | None = None
        self.heard = ""

    def __call__(self, sock: socket.socket) -> None:
        self.flood = Flood(sock, blocks(self._seed))
        self.connected.set()
        self.may_read.wait(60)
        self.heard = digest(read_slowly(lambda: sock.recv(16384)))
        self.flood.join()
        self.done.set()


def read_slowly(read: Callable[[], bytes]) -> Iterator[bytes]:
    """A stream's worth of small reads."""
    left = EACH_WAY
    while left:
        piece = read()
        assert piece, f"the stream ended {left} bytes early"
        left -= len(piece)
        yield piece


def warm_up(proxy: Proxy) -> None:
    """A first session brings in what every later one uses as well, buffers included."""
    with Wire.open(proxy.port) as wire:
        wire.upgrade(proxy.host)
        for _ in range(8):
            wire.send(masked_frame(bytes(MIB)))
            assert wire.read_payload(MIB) == bytes(MIB)
    proxy.program.wait_for_output("session closed")


@pytest.mark.deadline(150)
def test_64_mib_each_way_at_once_with_slow_readers(programs: Programs, tmp_path: Path) -> None:
    target = FloodingTarget(seed=1)
    # The first connection is that of `warm_up`.
    handlers: Iterator[Handler] = iter([echo, target])
    with tcp_target(lambda sock: next(handlers)(sock), receive_buffer=65536) as port:
        proxy = start_proxy(programs, f"127.0.0.1:{port}", cwd=tmp_path)
        warm_up(proxy)
        before = most_memory(proxy.program)
        with Wire.open(proxy.port, receive_buffer=65536) as wire:
            wire.upgrade(proxy.host)
            assert target.connected.wait(15)
            assert target.flood is not None
            upstream = Flood(wire.sock, (masked_frame(block) for block in blocks(2)))

            assert upstream.stalled.wait(60), "the proxy takes bytes that its target does not"
            assert target.flood.stalled.wait(60), "the proxy takes bytes that its client does not"
            assert not upstream.finished.is_set()
            assert not target.flood.finished.is_set()

            target.may_read.set()
            heard = digest(read_slowly(lambda: wire.read_frame()[1]))
            upstream.join()
            assert target.done.wait(60)
    assert heard == digest(blocks(1))
    assert target.heard == digest(blocks(2))
    assert most_memory(proxy.program) - before < ALLOWED_GROWTH


@pytest.mark.deadline(90)
def test_one_16_mib_message_to_a_target_that_answers_while_it_reads(
    programs: Programs, tmp_path: Path
) -> None:
    message = random.Random(16).randbytes(ONE_MESSAGE)
    with tcp_target(echo) as port:
        proxy = start_proxy(programs, f"127.0.0.1:{port}", cwd=tmp_path)
        warm_up(proxy)
        before = most_memory(proxy.program)
        with Wire.open(proxy.port) as wire:
            wire.upgrade(proxy.host)
            sending = Flood(wire.sock, iter([masked_frame(message)]))
            answered = wire.read_payload(ONE_MESSAGE)
            sending.join()
        grown = most_memory(proxy.program) - before
    assert hashlib.sha256(answered).digest() == hashlib.sha256(message).digest()
    assert grown < ALLOWED_GROWTH
