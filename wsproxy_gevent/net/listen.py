"""The listening sockets, made before there is a hub.

They are standard non-blocking sockets even in a patched process: binding
comes before the fork that makes a daemon, and a socket of gevent's would
bring the hub into being on the wrong side of it.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from gevent import monkey

from ..errors import StartError, UsageError
from .address import Address, from_addrinfo

BACKLOG = 1024

# Hosts that stand for one address of each family, whatever a resolver says
# (localhost: RFC 6761, section 6.3).
_BOTH_FAMILIES = {"": ("0.0.0.0", "::"), "localhost": ("127.0.0.1", "::1")}  # noqa: S104

# How a socket says that its family is switched off on this machine.
_NO_SUCH_FAMILY = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT})

# The kernel picks a port for the first socket without asking whether the
# others may have it too.
_TRIES_FOR_A_FREE_PORT = 10

_CURES = {
    errno.EADDRINUSE: "the port is taken: stop what listens there (`ss -ltnp` shows it), "
    "or choose another port",
    errno.EACCES: "not permitted: choose a port of 1024 or above, or start as root "
    "with --user to drop the privilege",
    errno.EADDRNOTAVAIL: "this machine has no such address: name one of its own, "
    "or the port alone to listen on all",
}


def parse_source(text: str) -> tuple[str, int]:
    """`[addr:]port` as (host, port); no address is the empty host: all of them.

    Port 0 is any free one.  Raises `UsageError`.
    """
    host, _, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if bracketed:
        host = host[1:-1]
    if not bracketed and ":" in host:
        raise UsageError(f"{text!r}: an IPv6 address stands in brackets, as in [::1]:6080")
    if (bracketed and not host) or "[" in host or "]" in host or host != host.strip():
        raise UsageError(f"{text!r} is no address to listen at: write {_EXAMPLES}")
    return host, _port(port, text)


_EXAMPLES = "6080, 127.0.0.1:6080 or [::1]:6080"


def _port(port: str, text: str) -> int:
    if not (port.isascii() and port.isdigit()):
        raise UsageError(f"{text!r} names no port: write {_EXAMPLES}")
    number = int(port)
    if number > 65535:
        raise UsageError(f"{text!r}: a port is a number from 0 (any free one) to 65535")
    return number


def bind(
    host: str,
    port: int,
    *,
    prefer_ipv6: bool = False,
    backlog: int = BACKLOG,
    reuse_port: bool = False,
) -> list[socket.socket]:
    """Listen on every address that the host stands for.

    The sockets are non-blocking, close on exec and all have the same port;
    IPv4 comes first, or IPv6 with `prefer_ipv6`.  A family that is switched
    off on this machine is left out where another remains.  With `reuse_port`
    others that say so may have the same port.  A `backlog` of 0 binds and
    does not listen.  Raises `StartError`.
    """
    addresses = _addresses(host, port)
    addresses.sort(key=lambda a: (a.family == socket.AF_INET6) is not prefer_ipv6)
    for _ in range(_TRIES_FOR_A_FREE_PORT):
        try:
            return _listen_at_all(addresses, backlog, reuse_port=reuse_port)
        except _PortTaken as taken:
            refusal = taken
    raise refusal


class _PortTaken(StartError):
    """Somebody has, on another address, the free port that the kernel chose."""


def _addresses(host: str, port: int) -> list[Address]:
    getaddrinfo: Callable[..., list[tuple[Any, ...]]]
    getaddrinfo = monkey.get_original("socket", "getaddrinfo")
    found: list[tuple[Any, ...]] = []
    try:
        for name in _BOTH_FAMILIES.get(host, (host,)):
            found += getaddrinfo(name, port, 0, socket.SOCK_STREAM, 0, socket.AI_PASSIVE)
    except (OSError, ValueError) as exc:
        raise StartError(
            f"cannot listen on {host!r}: no address and no name that this machine knows ({exc})"
        ) from exc
    return from_addrinfo(found)


def _listen_at_all(
    addresses: Sequence[Address], backlog: int, *, reuse_port: bool
) -> list[socket.socket]:
    listeners: list[socket.socket] = []
    absent: StartError | None = None
    with ExitStack() as on_error:
        for address in addresses:
            chosen = listeners[0].getsockname()[1] if listeners else None
            try:
                named = _with_port(address, chosen)
                listener = _listen(named, backlog, reuse_port=reuse_port)
            except OSError as exc:
                fault = _fault(address, chosen, exc)
                if len(addresses) == 1 or exc.errno not in _NO_SUCH_FAMILY:
                    raise fault from exc
                absent = fault
            else:
                on_error.callback(listener.close)
                listeners.append(listener)
        if not listeners and absent:
            raise absent
        on_error.pop_all()
    return listeners


def _with_port(address: Address, port: int | None) -> Address:
    if port is None or isinstance(address.sockaddr, str):
        return address
    if len(address.sockaddr) == 2:
        return Address(address.family, (address.sockaddr[0], port))
    host, _, flow, scope = address.sockaddr
    return Address(address.family, (host, port, flow, scope))


def _listen(address: Address, backlog: int, *, reuse_port: bool) -> socket.socket:
    standard_socket: type[socket.socket] = monkey.get_original("socket", "socket")
    listener = standard_socket(address.family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if address.family == socket.AF_INET6:
            # The other family has a socket of its own.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address.sockaddr)
        if backlog:
            listener.listen(backlog)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def _fault(address: Address, chosen: int | None, exc: OSError) -> StartError:
    cure = _CURES.get(exc.errno or 0, os.strerror(exc.errno) if exc.errno else str(exc))
    named = _with_port(address, chosen)
    kind = StartError
    if exc.errno == errno.EADDRINUSE and named != address:
        kind = _PortTaken
    return kind(f"cannot listen on {named}: {cure}")
