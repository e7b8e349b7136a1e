"""A TCP hop that does to a connection what networks do: late, in slivers, or not at all.

It stands between a client and the proxy, or between the proxy and its
target.  Each direction has a reader and a writer of its own, so that what is
held back is held back here, and a rate or a silence is felt by whoever sends.
"""

from __future__ import annotations

import collections
import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

# What may be on its way through one direction before its sender feels it.
HELD_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Tamper:
    """What is done to one direction.

    `delay` and up to `jitter` more seconds pass before a piece goes on; pieces
    never overtake each other.  `slice` is the most that is sent at once, with
    a packet for each; `rate` is in bytes a second.  Behind `cut_at` bytes the
    whole connection is reset, behind `end_at` only this direction ends, and
    behind `silent_at` nothing more is passed on or read, nor is its end.
    `late_end` seconds pass before an end is passed on.
    """

    delay: float = 0.0
    jitter: float = 0.0
    slice: int = 0
    rate: float = 0.0
    cut_at: int | None = None
    end_at: int | None = None
    silent_at: int | None = None
    late_end: float = 0.0


AS_IT_IS = Tamper()


@dataclass(slots=True)
class Crossing:
    """One connection through the hop; `near` is who connected, `far` where it leads."""

    near: socket.socket
    far: socket.socket
    up_bytes: int = 0
    down_bytes: int = 0
    _let_go: threading.Event = field(default_factory=threading.Event)
    _silent: threading.Event = field(default_factory=threading.Event)

    def reset(self) -> None:
        """End both sides with a reset."""
        for sock in (self.near, self.far):
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._end(socket.SHUT_RD)  # which wakes the readers, and sends nothing

    def silence(self) -> None:
        """From now on pass on nothing, read nothing and end nothing."""
        self._silent.set()

    def speak(self) -> None:
        self._silent.clear()

    def close(self) -> None:
        self._end(socket.SHUT_RDWR)

    def _end(self, how: int) -> None:
        self._let_go.set()
        self._silent.clear()
        for sock in (self.near, self.far):
            with suppress(OSError):
                sock.shutdown(how)
            sock.close()

    @property
    def is_over(self) -> bool:
        return self._let_go.is_set()

    def wait_while_silent(self) -> None:
        while self._silent.is_set() and not self._let_go.is_set():
            self._let_go.wait(0.005)


class _Direction:
    """Carries bytes one way; `count` is told of each piece that has left."""

    def __init__(
        self,
        crossing: Crossing,
        source: socket.socket,
        sink: socket.socket,
        tamper: Tamper,
        up: bool,
    ) -> None:
        self._crossing = crossing
        self._source = source
        self._sink = sink
        self._tamper = tamper
        self._up = up
        self._random = random.Random(7)
        self._held: collections.deque[tuple[float, bytes]] = collections.deque()
        self._size = 0
        self._passed = 0
        self._changed = threading.Condition()
        self.threads = [
            threading.Thread(target=run, daemon=True) for run in (self._read, self._write)
        ]

    def _read(self) -> None:
        last = 0.0
        while True:
            self._crossing.wait_while_silent()
            try:
                data = self._source.recv(65536)
            except OSError:
                data = b""
            delay = self._tamper.delay + self._random.random() * self._tamper.jitter
            last = max(
                last, time.monotonic() + (delay if data else max(delay, self._tamper.late_end))
            )
            with self._changed:
                self._held.append((last, data))
                self._size += len(data)
                self._changed.notify_all()
                while self._size > HELD_BYTES and not self._crossing.is_over:
                    self._changed.wait(0.05)
            if not data or self._crossing.is_over:
                return

    def _write(self) -> None:
        with suppress(OSError):
            while True:
                due, data = self._next()
                self._sleep(due - time.monotonic())
                if not data:
                    self._crossing.wait_while_silent()
                    self._sink.shutdown(socket.SHUT_WR)
                    return
                if not self._pass_on(data):
                    return

    def _next(self) -> tuple[float, bytes]:
        with self._changed:
            while not self._held:
                if self._crossing.is_over:
                    return 0.0, b""
                self._changed.wait(0.05)
            due, data = self._held.popleft()
            self._size -= len(data)
            self._changed.notify_all()
            return due, data

    def _pass_on(self, data: bytes) -> bool:
        """Whether the direction goes on."""
        tamper = self._tamper
        size = tamper.slice or (int(tamper.rate / 20) + 1 if tamper.rate else len(data))
        for at in range(0, len(data), size):
            piece = data[at : at + size]
            limits = [
                one for one in (tamper.cut_at, tamper.end_at, tamper.silent_at) if one is not None
            ]
            piece = piece[: max(0, min(limits, default=1 << 62) - self._passed)]
            self._crossing.wait_while_silent()
            self._sink.sendall(piece)
            self._count(len(piece))
            if self._passed in (tamper.cut_at, tamper.end_at, tamper.silent_at):
                self._break_off()
                return False
            if tamper.rate:
                self._sleep(len(piece) / tamper.rate)
        return True

    def _break_off(self) -> None:
        if self._passed == self._tamper.cut_at:
            self._crossing.reset()
        elif self._passed == self._tamper.end_at:
            self._sink.shutdown(socket.SHUT_WR)
        else:
            self._crossing.silence()

    def _count(self, size: int) -> None:
        self._passed += size
        if self._up:
            self._crossing.up_bytes = self._passed
        else:
            self._crossing.down_bytes = self._passed

    def _sleep(self, seconds: float) -> None:
        if seconds > 0:
            self._crossing._let_go.wait(seconds)


class Hop:
    """Listens on `port` and leads to another; `crossings` are its connections so far."""

    def __init__(self, to: int, up: Tamper, down: Tamper) -> None:
        self._to = to
        self._up = up
        self._down = down
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port: int = self._listener.getsockname()[1]
        self.crossings: list[Crossing] = []
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._lead(near)

    def _lead(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(("127.0.0.1", self._to), timeout=10)
        except OSError:
            near.close()
            return
        far.settimeout(None)
        for sock in (near, far):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        crossing = Crossing(near, far)
        self.crossings.append(crossing)
        for direction in (
            _Direction(crossing, near, far, self._up, up=True),
            _Direction(crossing, far, near, self._down, up=False),
        ):
            for thread in direction.threads:
                self._threads.append(thread)
                thread.start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for crossing in self.crossings:
            crossing.close()
        for thread in (self._acceptor, *self._threads):
            thread.join(10)
            assert not thread.is_alive(), "a thread of the hop hangs"


@contextmanager
def hop(to: int, *, up: Tamper = AS_IT_IS, down: Tamper = AS_IT_IS) -> Iterator[Hop]:
    """A hop in front of the port `to`; `up` is towards it."""
    made = Hop(to, up, down)
    try:
        yield made
    finally:
        made.close()
