"""Sessions through a real proxy whose legs are tampered with, and what must hold of them.

Whatever happens on the way, what arrives is a prefix of what was sent; of a
session that ended orderly it is the whole.  Both are compared by SHA-256.
"""

from __future__ import annotations

import hashlib
import os
import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ..programs import Program, Programs
from ..proxy import Proxy, start_proxy
from ..targets import tcp_target
from ..wire import BINARY, CLOSE, PING, PONG, Wire, masked_frame
from .hop import AS_IT_IS, Hop, Tamper, hop

KIB, MIB = 1 << 10, 1 << 20
FRAME = 16 * KIB

NORMAL, GOING_AWAY, PROTOCOL_ERROR, TRY_LATER = 1000, 1001, 1002, 1011


def stream(seed: int, size: int) -> bytes:
    """The bytes of that seed: no piece of them is like another."""
    return random.Random(seed).randbytes(size)


def digest(data: bytes | bytearray | memoryview) -> str:
    return hashlib.sha256(data).hexdigest()


def is_prefix(got: bytes, sent: bytes) -> bool:
    return len(got) <= len(sent) and digest(got) == digest(memoryview(sent)[: len(got)])


def is_whole(got: bytes, sent: bytes) -> bool:
    return digest(got) == digest(sent)


@dataclass
class Service:
    """The target: says `says`, hears everything, and ends as `then` says.

    `heard` is what came, one entry a connection; `ended` how each ended:
    `end` in order, `reset` otherwise.
    """

    says: bytes = b""
    then: str = "answers"
    rate: float = 0.0
    heard: list[bytearray] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)
    over: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def handle(self, sock: socket.socket) -> None:
        heard = bytearray()
        self.heard.append(heard)
        try:
            speaking = threading.Thread(target=self._speak, args=(sock,), daemon=True)
            speaking.start()
            self._hear(sock, heard)
            self.ended.append("end")
            speaking.join(30)
        except OSError:
            self.ended.append("reset")
        finally:
            self.over.release()

    def _speak(self, sock: socket.socket) -> None:
        with suppress(OSError):
            sock.sendall(self.says)
            if self.then == "ends":
                sock.shutdown(socket.SHUT_WR)
            elif self.then == "resets":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                os.close(sock.detach())

    def _hear(self, sock: socket.socket, heard: bytearray) -> None:
        if self.then == "is deaf":
            self.let_go.wait(60)
        while data := sock.recv(65536):
            heard += data
            if self.rate:
                self.let_go.wait(len(data) / self.rate)

    def wait(self, seconds: float = 30) -> None:
        """Until a connection has ended."""
        assert self.over.acquire(timeout=seconds), "the target's connection does not end"


@dataclass
class Ended:
    """What a client got: the payload, and the Close that came behind it, if one did."""

    payload: bytes
    code: int | None = None
    reason: str = ""
    was_reset: bool = False


class Client:
    """One session; writes from the caller, reads on a thread of its own.

    It answers Pings, and a Close with a Close.
    """

    def __init__(self, port: int, *, answers: bool = True) -> None:
        self.wire = Wire.open(port)
        self.wire.sock.settimeout(60)
        self.wire.upgrade(f"127.0.0.1:{port}")
        self._answers = answers
        self._writing = threading.Lock()
        self._payload = bytearray()
        self.pings = self.pongs = 0
        self._ended: Ended | None = None
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self.wire.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(30)
        self.wire.sock.close()

    def send(self, data: bytes, frame: int = FRAME) -> None:
        for at in range(0, len(data), frame):
            self._write(masked_frame(data[at : at + frame]))

    def close(self, code: int = NORMAL) -> None:
        self._write(masked_frame(struct.pack("!H", code), CLOSE))

    def ping(self) -> None:
        self._write(masked_frame(b"", PING))

    def reset(self) -> None:
        """Leave with a reset."""
        sock = self.wire.sock
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RD)  # the reader lets go of it
        self._thread.join(30)
        sock.close()

    def wait(self, seconds: float = 60) -> Ended:
        """How it ended."""
        self._thread.join(seconds)
        assert self._ended is not None, "the session does not end"
        return self._ended

    @property
    def received(self) -> int:
        return len(self._payload)

    @property
    def payload(self) -> bytes:
        return bytes(self._payload)

    def _write(self, data: bytes) -> None:
        with self._writing:
            self.wire.send(data)

    def _read(self) -> None:
        code, reason, was_reset = None, "", False
        try:
            while True:
                opcode, payload = self.wire.read_frame()
                if opcode == CLOSE:
                    code = struct.unpack("!H", payload[:2])[0] if payload else None
                    reason = payload[2:].decode()
                self._take(opcode, payload)
        except EOFError:
            pass
        except OSError:
            was_reset = True
        self._ended = Ended(bytes(self._payload), code, reason, was_reset)

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == BINARY:
            self._payload += payload
        elif opcode == PING:
            self.pings += 1
            if self._answers:
                self._write(masked_frame(payload, PONG))
        elif opcode == PONG:
            self.pongs += 1
        elif opcode == CLOSE:
            with suppress(OSError):
                self._write(masked_frame(payload, CLOSE))


@dataclass(frozen=True, slots=True)
class Bench:
    """A proxy between a client and a service, with a hop on each leg."""

    proxy: Proxy
    service: Service
    near: Hop
    far: Hop

    @property
    def port(self) -> int:
        return self.near.port

    @property
    def program(self) -> Program:
        return self.proxy.program

    def client(self) -> Client:
        return Client(self.port)

    def settled(self) -> int:
        """The proxy's descriptors once it has had a session, and all that this brings."""
        with Client(self.proxy.port) as first:
            first.close()
            first.wait()
        self.program.wait_for_output("session closed")
        self.service.wait()
        return descriptors(self.program)


@contextmanager
def bench(
    programs: Programs,
    cwd: Path,
    service: Service,
    *options: str,
    from_client: Tamper = AS_IT_IS,
    to_client: Tamper = AS_IT_IS,
    to_target: Tamper = AS_IT_IS,
    from_target: Tamper = AS_IT_IS,
) -> Iterator[Bench]:
    """The whole way, each direction of each leg tampered with as is said."""
    with (
        tcp_target(service.handle) as target,
        hop(target, up=to_target, down=from_target) as far,
    ):
        proxy = start_proxy(programs, *options, f"127.0.0.1:{far.port}", cwd=cwd)
        with hop(proxy.port, up=from_client, down=to_client) as near:
            try:
                yield Bench(proxy, service, near, far)
            finally:
                service.let_go.set()


def descriptors(program: Program) -> int:
    return len(os.listdir(f"/proc/{program.pid}/fd"))


def cpu_seconds(program: Program) -> float:
    with open(f"/proc/{program.pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(program: Program) -> int:
    """Bytes that are the process's own now (PSS without the pages of files)."""
    with open(f"/proc/{program.pid}/smaps_rollup", encoding="ascii") as rollup:
        lines = dict(line.split(":", 1) for line in rollup.read().splitlines()[1:])
    return int(lines["Pss_Anon"].split()[0]) * 1024


Measured = Callable[[str], None]
