"""TCP services for the proxy to reach: plain threads and sockets, nothing of ours."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

Handler = Callable[[socket.socket], None]


@contextmanager
def tcp_target(handle: Handler, *, receive_buffer: int = 0) -> Iterator[int]:
    """The port of a service that runs `handle` on a thread for each connection.

    The connection is closed when `handle` returns, whatever it raised as
    OSError.  At the end every connection is cut and every thread joined.
    """
    with socket.socket() as listener:
        if receive_buffer:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        listener.bind(("127.0.0.1", 0))
        with _serving(listener, handle):
            yield listener.getsockname()[1]


@contextmanager
def unix_target(path: Path, handle: Handler) -> Iterator[None]:
    """The same on a unix socket."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        with _serving(listener, handle):
            yield


@contextmanager
def _serving(listener: socket.socket, handle: Handler) -> Iterator[None]:
    threads: list[threading.Thread] = []
    open_sockets: set[socket.socket] = set()

    def serve(sock: socket.socket) -> None:
        with sock, suppress(OSError):
            handle(sock)
        open_sockets.discard(sock)

    def accept() -> None:
        with suppress(OSError):
            while True:
                sock, _ = listener.accept()
                open_sockets.add(sock)
                threads.append(threading.Thread(target=serve, args=(sock,), daemon=True))
                threads[-1].start()

    listener.listen(256)
    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield
    finally:
        # Closing alone would not wake the accept; shutting down does.
        cut(listener)
        acceptor.join(10)
        for sock in tuple(open_sockets):
            cut(sock)
        for thread in threads:
            thread.join(10)


def cut(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def echo(sock: socket.socket) -> None:
    """Answer each byte with itself, and the end with the end."""
    while data := sock.recv(65536):
        sock.sendall(data)


def greet_and_close(sock: socket.socket) -> None:
    """Say something and end, without waiting for anything."""
    sock.sendall(b"good bye")
