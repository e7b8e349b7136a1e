"""Whether a target is up, told without connecting to it.

A connection made to find out would be a client to the target: one that takes
a single client would be used up by it.  So only what the system knows is
asked: names, paths, and which ports of this machine are listened on.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable
from threading import Thread

from ..model import Dialled, EchoTarget, Target, UnixTarget

# Linux's tables of sockets, and how a listening one is marked there.
TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
LISTENING = "0A"


# Of a name that is looked up to know this; who starts us waits no longer.
NAME_SECONDS = 5.0


def warning_of(target: Target) -> str | None:
    """One line if the target is down: it may start later than its proxy.  Blocks."""
    reason = None if isinstance(target, EchoTarget) else why_down(target)
    return reason and f"the target {target} is down for now: {reason}"


def warning_in_time(
    target: Target,
    seconds: float = NAME_SECONDS,
    ask: Callable[[Target], str | None] = warning_of,
) -> str | None:
    """The same for a process without a hub; None, too, if it takes too long.  Blocks.

    A resolver cannot be told to stop.  Its thread ends with the process.
    """
    found: list[str | None] = []
    asking = Thread(target=lambda: found.append(ask(target)), daemon=True)
    asking.start()
    asking.join(seconds)
    return found[0] if found else None


def why_down(target: Dialled, tables: tuple[str, ...] = TABLES) -> str | None:
    """Why nobody would answer there now; None if nothing is known against it.

    Blocks on the resolver and the disk.
    """
    if isinstance(target, UnixTarget):
        return None if os.path.exists(target.path) else "there is no such socket"
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except OSError as error:
        return f"its name cannot be resolved ({error.strerror or error})"
    hosts = {str(sockaddr[0]) for *_, sockaddr in found}
    if all(map(_is_here, hosts)) and target.port not in listening_ports(tables):
        return "nothing listens there"
    return None


def listening_ports(tables: tuple[str, ...] = TABLES) -> _Ports:
    """The TCP ports of this machine that are listened on."""
    ports: set[int] = set()
    known = False
    for table in tables:
        try:
            with open(table, encoding="ascii") as file:
                rows = [line.split() for line in file][1:]
        except OSError:
            continue
        known = True
        ports.update(int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == LISTENING)
    return _Ports(ports, known=known)


class _Ports:
    """A set that holds everything where the system tells nothing."""

    def __init__(self, ports: set[int], *, known: bool) -> None:
        self._ports = ports
        self._known = known

    def __contains__(self, port: int) -> bool:
        return not self._known or port in self._ports


def _is_here(host: str) -> bool:
    # A scope, as in fe80::1%eth0, is not part of the address.
    return ipaddress.ip_address(host.partition("%")[0]).is_loopback
