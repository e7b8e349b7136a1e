"""Several attempts to connect at once, of which the first success wins.

Happy eyeballs (RFC 8305): an attempt that has not answered within a quarter
of a second gets company, one that failed a successor at once.  Whoever holds
the race owns every socket of it until one is chosen, and closes all the
others on every way out; so it may be killed at any moment, and nothing
stays open.
"""

from __future__ import annotations

import errno
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import gevent
from gevent import socket as gsocket

from ..errors import (
    Busy,
    ProxyError,
    TargetError,
    TargetRefused,
    TargetTimeout,
    TargetUnreachable,
)
from .address import Address
from .streams import Socket, new_socket

# The recommended connection attempt delay (RFC 8305, section 5).
STAGGER_SECONDS = 0.25

_UNDER_WAY = frozenset({errno.EINPROGRESS, errno.EALREADY})

# Between the attempts at a unix socket whose queue is full.
QUEUE_PAUSE = 0.02

# What has run out is ours, not the target's.
_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

_FAULTS: dict[int | None, tuple[type[TargetError], str]] = {
    errno.ECONNREFUSED: (TargetRefused, "the target refused the connection: is its server up?"),
    errno.ENOENT: (TargetUnreachable, "the target's socket does not exist: is its server up?"),
    errno.ETIMEDOUT: (TargetTimeout, "the target did not answer in time"),
    errno.EACCES: (TargetUnreachable, "the proxy has no permission to connect to the target"),
    errno.EPERM: (TargetUnreachable, "the proxy has no permission to connect to the target"),
}
_OTHERWISE = (TargetUnreachable, "the target cannot be reached from the proxy")

# Of several failures the one that is told: a port that answered "no" says more
# than an address that is not routed.
_TELLING = (TargetRefused, TargetTimeout, TargetUnreachable)

Failure = tuple[Address, OSError]


class _Attempt:
    """One socket and the greenlet that connects it; closing the first ends the second."""

    def __init__(self, address: Address) -> None:
        self.address = address
        # One of gevent's, whose waiting ends when it is closed.
        self.sock = gsocket.socket(address.family, socket.SOCK_STREAM)
        self.sock.setblocking(False)
        self._greenlet = gevent.spawn(_connect, self.sock, address)

    @property
    def done(self) -> bool:
        return self._greenlet.ready()

    @property
    def error(self) -> OSError | None:
        return self._greenlet.get(block=False)

    # The protocol of `gevent.wait`.

    def rawlink(self, callback: Callable[[Any], object]) -> None:
        self._greenlet.rawlink(callback)

    def unlink(self, callback: Callable[[Any], object]) -> None:
        self._greenlet.unlink(callback)


def first_to_connect(addresses: Sequence[Address], stagger: float = STAGGER_SECONDS) -> Socket:
    """Race for a connection, starting in the given order.  May switch.

    Raises a `TargetError` or `Busy` when every attempt has failed.
    """
    # Most targets are one literal, whose race needs no greenlets of its own.
    return _alone(addresses[0]) if len(addresses) == 1 else _race(addresses, stagger)


def _alone(address: Address) -> Socket:
    """May switch."""
    try:
        sock = new_socket(address.family)
    except OSError as exc:
        raise verdict([(address, exc)]) from exc
    try:
        error = _connect(sock, address)
        if error is not None:
            raise verdict([(address, error)]) from error
    except BaseException:
        sock.close()
        raise
    return sock


def _race(addresses: Sequence[Address], stagger: float) -> gsocket.socket:
    """May switch."""
    waiting = deque(addresses)
    running: list[_Attempt] = []
    failures: list[Failure] = []
    try:
        while waiting or running:
            if waiting:
                _start(waiting.popleft(), running, failures)
            gevent.wait(running, timeout=stagger if waiting else None, count=1)
            for attempt in [attempt for attempt in running if attempt.done]:
                running.remove(attempt)
                if attempt.error is None:
                    return attempt.sock
                attempt.sock.close()
                failures.append((attempt.address, attempt.error))
    finally:
        for attempt in running:
            attempt.sock.close()
    raise verdict(failures)


def _start(address: Address, running: list[_Attempt], failures: list[Failure]) -> None:
    try:
        running.append(_Attempt(address))
    except OSError as exc:
        failures.append((address, exc))


def _connect(sock: Socket, address: Address) -> OSError | None:
    """Return what went wrong, so that a greenlet may have it as its value.  May switch."""
    try:
        if address.family == socket.AF_UNIX:
            _connect_unix(sock, address)
        else:
            _connect_tcp(sock, address)
        if isinstance(sock, gsocket.socket):
            sock.setblocking(True)  # who uses it wants to wait, the gevent way
    except OSError as exc:
        return exc
    except (OverflowError, ValueError) as exc:  # a port or a path that can be none
        return OSError(errno.EINVAL, str(exc))
    return None


def _connect_tcp(sock: Socket, address: Address) -> None:
    """May switch."""
    error = sock.connect_ex(address.sockaddr)
    if error == errno.EINPROGRESS:
        # A peer on this machine has answered by now; asked again, the kernel knows.
        error = sock.connect_ex(address.sockaddr)
    if error in _UNDER_WAY:
        error = _await_answer(sock, address)
    if error:
        raise OSError(error, os.strerror(error))
    # Where nobody listens on a port of the ephemeral range, the kernel may
    # give out that very port for our end and connect the socket to itself.
    ours = sock.getsockname()
    if ours[1] == address.sockaddr[1] and ours == sock.getpeername():
        raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))


def _await_answer(sock: Any, address: Address) -> int:
    """The error, or 0 once connected.  May switch."""
    if isinstance(sock, gsocket.socket):
        sock.setblocking(True)
        return int(sock.connect_ex(address.sockaddr))
    gsocket.wait_write(sock.fileno())
    return int(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))


def _connect_unix(sock: Socket, address: Address) -> None:
    """May switch."""
    # A full queue reads as EAGAIN, and polls as ready: to wait for it as for
    # a TCP connection would spin until the deadline.
    while True:
        try:
            sock.connect(address.sockaddr)
        except BlockingIOError:
            gevent.sleep(QUEUE_PAUSE)
        else:
            return


def verdict(failures: Sequence[Failure]) -> ProxyError:
    """The error that says what mattered of all that went wrong."""
    detail = "; ".join(f"{address}: {exc.strerror or exc}" for address, exc in failures)
    if any(exc.errno in _OURS for _, exc in failures):
        return Busy("the proxy has run out of sockets; try again later", detail=detail)
    kinds = [_FAULTS.get(exc.errno, _OTHERWISE) for _, exc in failures] or [_OTHERWISE]
    kind, reason = min(kinds, key=lambda fault: _TELLING.index(fault[0]))
    return kind(reason, detail=detail)
