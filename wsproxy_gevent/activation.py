"""Sockets that whoever started us has passed on: systemd's protocol (sd_listen_fds(3)).

`LISTEN_PID` says for whom they are, `LISTEN_FDS` how many: descriptors 3, 4
and so on.  The variables are forgotten once they are read, so that no child
takes its own descriptors for sockets.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, MutableMapping
from typing import Final

from gevent import monkey

from .errors import StartError, UsageError

FIRST: Final = 3

VARIABLES: Final = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID")


def sockets_given(environ: Mapping[str, str], pid: int) -> int:
    """How many sockets are meant for process `pid`.  Raises `UsageError` for nonsense."""
    if environ.get("LISTEN_PID") != str(pid):
        return 0
    count = environ.get("LISTEN_FDS", "")
    if not (count.isascii() and count.isdigit()):
        raise UsageError(f"LISTEN_FDS: {count!r} is no number of sockets")
    return int(count)


def forget(environ: MutableMapping[str, str]) -> None:
    """Take the variables out."""
    for name in VARIABLES:
        environ.pop(name, None)


def take(count: int, first: int = FIRST) -> list[socket.socket]:
    """The sockets, which no child inherits from now on.  Raises `StartError`."""
    return [_taken(number) for number in range(first, first + count)]


def _taken(number: int) -> socket.socket:
    try:
        sock = adopt(number)
    except OSError as error:
        raise StartError(f"LISTEN_FDS: descriptor {number}: {error.strerror}") from error
    if not is_listening(sock):
        sock.close()
        raise StartError(
            f"LISTEN_FDS: descriptor {number} is no listening stream socket: say ListenStream= "
            "and Accept=no in the .socket unit (with Accept=yes and StandardInput=socket it is "
            "--inetd)"
        )
    sock.setblocking(False)
    return sock


def adopt(number: int) -> socket.socket:
    """The socket of a descriptor, of whatever family, not to be inherited.  Raises `OSError`."""
    standard_socket: type[socket.socket] = monkey.get_original("socket", "socket")
    sock = standard_socket(fileno=number)
    os.set_inheritable(number, False)
    return sock


def is_listening(sock: socket.socket) -> bool:
    """Whether connections can be accepted from it."""
    is_stream = sock.type == socket.SOCK_STREAM
    return is_stream and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
