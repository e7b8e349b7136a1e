"""The streams of the engine that is in use, and the sockets that are made for them.

The compiled stream waits for its descriptor by itself and never asks the
socket, so a bare one will do.  One of gevent's brings two watchers and its
own waiting along, which its twin in Python needs and a connection would
otherwise pay for twice.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from .. import engine

if TYPE_CHECKING or not engine.COMPILED:
    from gevent import socket as gsocket

    from .stream import PlainStream
    from .tls import TlsStream

    Socket = gsocket.socket
else:
    import _socket

    from ._plain import PlainStream
    from ._tls import TlsStream

    class Socket(_socket.socket):
        """The interpreter's own, without what the standard library adds in Python."""

        __slots__ = ()

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.close()


__all__ = ["PlainStream", "Socket", "TlsStream", "accept", "new_socket"]


def new_socket(family: int) -> Socket:
    """A stream socket whose calls return at once.  Raises `OSError`."""
    sock = Socket(family, socket.SOCK_STREAM)
    sock.setblocking(False)
    return sock


def accept(listener: Any) -> tuple[Socket, Any]:
    """Take one connection from the queue of a bare socket.

    Never switches: raises `BlockingIOError` where nobody waits.
    """
    descriptor, address = listener._accept()  # noqa: SLF001  as gevent's own server does
    return Socket(listener.family, listener.type, listener.proto, descriptor), address
