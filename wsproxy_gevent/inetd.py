"""Started by inetd: standard input is the socket.

inetd gives the same socket as standard output and error, where whatever is
printed would go to the client.  So these become the null device before
anything is said, unless they are something else.
"""

from __future__ import annotations

import os
import socket
import stat
import syslog
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from .activation import adopt
from .errors import StartError, UsageError

_STANDARD: Final = (0, 1, 2)


def take_stdin(numbers: Sequence[int] = _STANDARD) -> socket.socket:
    """The socket that the first of these descriptors is.  Raises `StartError`.

    It may listen (inetd's wait) or be a connection (nowait), of any family.
    """
    try:
        sock = adopt(os.dup(numbers[0]))
    except OSError as error:
        raise StartError(
            "--inetd: standard input is no socket; it is for inetd, xinetd and systemd's "
            "Accept=yes to start us with it"
        ) from error
    _silence(sock.fileno(), numbers)
    return sock


@contextmanager
def out_of_sight(numbers: Sequence[int] = _STANDARD) -> Iterator[None]:
    """Say nothing to the socket, which stays on the first descriptor until it is taken.

    What keeps us from serving is told to the system's log.
    """
    first, *others = numbers
    _silence(first, others)
    try:
        yield
    except (StartError, UsageError) as error:
        _tell_operator(error)
        raise


def _tell_operator(error: Exception) -> None:
    syslog.openlog("wsproxy-gevent", syslog.LOG_PID, syslog.LOG_DAEMON)
    syslog.syslog(syslog.LOG_ERR, " ".join(str(error).split()))


def _silence(socket_number: int, numbers: Sequence[int]) -> None:
    """Put the null device where the socket is as well."""
    null = os.open(os.devnull, os.O_RDWR)
    facts = os.fstat(socket_number)
    for number in numbers:
        if stat.S_ISSOCK(facts.st_mode) and os.path.samestat(os.fstat(number), facts):
            os.dup2(null, number)
    os.close(null)
