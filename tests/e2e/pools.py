"""gunicorn as a real process, its workers, and many sessions at once."""

from __future__ import annotations

import hashlib
import os
import socket
import struct
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .programs import Program, Programs, free_port
from .proxy import clean_environment, environment_of
from .wire import CLOSE, SECONDS, Wire, masked_frame

PROXY_WORKER = "wsproxy_gevent.worker.ProxyWorker"
WEBSOCKET_WORKER = "geventwebsocket.gunicorn.workers.GeventWebSocketWorker"
# Not `python -m gunicorn`, which on SIGUSR2 starts itself by its path and then
# takes gunicorn.http for the standard library's.
GUNICORN = Path(sys.executable).with_name("gunicorn")
APPLICATION = "wsproxy_gevent.wsgi"

GOING_AWAY = (1001, "the proxy is stopping")


@dataclass(frozen=True, slots=True)
class Pool:
    """A proxy, or an arbiter, and where it listens: at a port, or at `path`."""

    program: Program
    port: int
    cwd: Path
    path: Path | None = None

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def workers(self) -> list[int]:
        return children(self.program.pid)

    def connect(self) -> Wire:
        return Wire.open(self.port) if self.path is None else unix_connection(self.path)

    def session(self) -> Wire:
        wire = self.connect()
        try:
            wire.upgrade(self.host if self.path is None else "localhost")
        except BaseException:
            wire.sock.close()
            raise
        return wire


def start_gunicorn(
    programs: Programs,
    target: str,
    *arguments: str,
    cwd: Path,
    worker: str = PROXY_WORKER,
    application: str = APPLICATION,
    port: int | None = None,
    patched: bool = False,
    **variables: str,
) -> Pool:
    """gunicorn on a port of 127.0.0.1, unless `port` is 0, once it listens.

    `variables` are settings of the proxy, without their prefix.
    """
    port = free_port() if port is None else port
    bind = ("-b", f"127.0.0.1:{port}") if port else ()
    program = programs.start(
        *(GUNICORN, "-k", worker, "--no-control-socket", *bind),
        *(*arguments, application),
        name="gunicorn",
        env={
            **environment_of(cwd, patched=patched),
            **environment(TARGET=target, **variables),
        },
        cwd=cwd,
    )
    program.wait_for_output("Listening at")
    return Pool(program, port, cwd)


def environment(**variables: str) -> Mapping[str, str]:
    own = {f"WSPROXY_{name}": text for name, text in variables.items()}
    return {**clean_environment(), **own}


def children(pid: int) -> list[int]:
    """The processes that this one has started and that live, oldest first."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except FileNotFoundError:
        return []
    return [int(word) for word in text.split()]


def sessions_of(pid: int, target: str) -> int:
    """How many connections to the TCP target, one for each session, the process has."""
    links = open_files(pid)
    return len(established_to(target) & {link[8:-1] for link in links if link[:8] == "socket:["})


def open_files(pid: int) -> list[str]:
    """What the process's descriptors are open on; nothing once it has ended."""
    links: list[str] = []
    with suppress(FileNotFoundError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed since it was listed
                links.append(os.readlink(link))
    return links


ESTABLISHED = "01"


def established_to(target: str) -> set[str]:
    """The inodes of this machine's connections to a port of IPv4."""
    wanted = f":{int(target.rpartition(':')[2]):04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {row[9] for row in rows if row[2].endswith(wanted) and row[3] == ESTABLISHED}


def unix_connection(path: Path) -> Wire:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(SECONDS)
    try:
        sock.connect(str(path))
    except BaseException:
        sock.close()
        raise
    return Wire(sock)


def unix_session(path: Path) -> Wire:
    wire = unix_connection(path)
    try:
        wire.upgrade("localhost")
    except BaseException:
        wire.sock.close()
        raise
    return wire


def is_alive(wire: Wire, payload: bytes = b"still there") -> bool:
    """Whether an echo still comes back; a session that has ended raises."""
    wire.send(masked_frame(payload))
    return wire.read_payload(len(payload)) == payload


def agree_to_close(wire: Wire) -> tuple[int, str]:
    """The Close that comes next, answered; then the connection must end."""
    code, reason = wire.read_close()
    wire.send(masked_frame(struct.pack("!H", code), CLOSE))
    wire.read_to_end()
    wire.sock.close()
    return code, reason


@contextmanager
def sessions(pool: Pool, count: int) -> Iterator[list[Wire]]:
    with ExitStack() as stack:
        yield [stack.enter_context(pool.session()) for _ in range(count)]


class Digests:
    """A service that reads each connection to its end and keeps its SHA-256."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._changed = threading.Condition()

    def __call__(self, sock: socket.socket) -> None:
        digest = hashlib.sha256()
        while data := sock.recv(65536):
            digest.update(data)
        with self._changed:
            self.found.append(digest.hexdigest())
            self._changed.notify_all()

    def wait_for(self, count: int, seconds: float = 10) -> list[str]:
        with self._changed:
            self._changed.wait_for(lambda: len(self.found) >= count, seconds)
            return sorted(self.found)


class Knocking:
    """Opens sessions one after another until it is told to stop; each must be whole."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self._stop = threading.Event()
        self.served = 0
        self.failures: list[str] = []
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Knocking:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(SECONDS)

    def wait_for_more(self, count: int, seconds: float = 10) -> None:
        """Until that many more have been served."""
        with self._changed:
            wanted = self.served + count
            assert self._changed.wait_for(lambda: self.served >= wanted, seconds), self.failures

    def session(self) -> Wire:
        return self.pool.session()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with self.session() as wire:
                    assert is_alive(wire)
            except (AssertionError, EOFError, OSError) as error:
                self.failures.append(f"{type(error).__name__}: {error}")
            with self._changed:
                self.served += 1
                self._changed.notify_all()
