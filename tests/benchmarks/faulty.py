"""A relay with a fault: to see that the load generator finds it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

Fault = Callable[[bytes], bytes]


class FaultyRelay:
    """Takes one connection and passes it on; `fault` is done to one piece each way."""

    def __init__(self, target_port: int, fault: Fault) -> None:
        self._target_port = target_port
        self._fault = fault
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> FaultyRelay:
        return self

    def __exit__(self, *_: object) -> None:
        """The client has gone, and so the relay ends."""
        self._thread.join()

    def _serve(self) -> None:
        with self._listener:
            client, _ = self._listener.accept()
        target = socket.create_connection(("127.0.0.1", self._target_port))
        with client, target:
            upstream = threading.Thread(target=self._relay, args=(client, target), daemon=True)
            upstream.start()
            self._relay(target, client)
            upstream.join()

    def _relay(self, source: socket.socket, sink: socket.socket) -> None:
        """Beginning with the first piece that is bulk, so that the orders arrive."""
        done = False
        with suppress(OSError):
            while piece := source.recv(65536):
                if len(piece) > 1000 and not done:
                    piece, done = self._fault(piece), True
                sink.sendall(piece)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
