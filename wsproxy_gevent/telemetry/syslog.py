"""Syslog: the local socket in the form that C libraries write, UDP as RFC 5424.

The local form is the one every syslog daemon and journald parse on
`/dev/log`; RFC 5424's is for servers elsewhere, that of RFC 3164 for those
that are too old for it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol

from gevent import monkey

from ..errors import UsageError
from .sinks import Line

FACILITY_DAEMON = 3

# RFC 5424, section 6.1: receivers should take 2048 octets; most take this.
MESSAGE_BYTES = 8192

# RFC 5424, section 6.2.1, from the loudest down.
_SEVERITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_SEVERITY_DEBUG = 7

# Not strftime's %b, which speaks the locale's language.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

Render = Callable[[Line, str], bytes]


class Address(Protocol):
    """Where a syslog listens, and which form it reads."""

    @property
    def render(self) -> Render: ...

    def connect(self) -> socket.socket:
        """A connected datagram socket.  Blocks; raises `OSError`."""


class SyslogSink:
    """One connected datagram socket, made anew when the daemon was restarted."""

    def __init__(self, address: Address, ident: str) -> None:
        """Raises `OSError` if nobody listens there."""
        self._address = address
        self._ident = ident
        self._socket = address.connect()

    def write(self, line: Line) -> None:
        message = self._address.render(line, self._ident)[:MESSAGE_BYTES]
        try:
            self._socket.send(message)
        except OSError:
            self.close()
            self._socket = self._address.connect()
            self._socket.send(message)

    def close(self) -> None:
        self._socket.close()


class LocalSyslog:
    """A unix socket such as `/dev/log`."""

    def __init__(self, path: str) -> None:
        self._path = path

    @property
    def render(self) -> Render:
        return render_local

    def connect(self) -> socket.socket:
        return _connected(socket.AF_UNIX, self._path)


class RemoteSyslog:
    """A UDP server."""

    def __init__(self, host: str, port: int, *, legacy: bool = False) -> None:
        self._host = host
        self._port = port
        self._legacy = legacy

    @property
    def render(self) -> Render:
        return render_rfc_3164 if self._legacy else render_rfc_5424

    def connect(self) -> socket.socket:
        find = monkey.get_original("socket", "getaddrinfo")
        found = find(self._host, self._port, 0, socket.SOCK_DGRAM)
        family, _, _, _, address = found[0]
        return _connected(family, address)


def parse_address(text: str, *, legacy: bool = False) -> Address:
    """`/dev/log`, `host:port` or `[v6]:port`.  Raises `UsageError`.

    A `legacy` server elsewhere reads RFC 3164.
    """
    if text.startswith("/"):
        return LocalSyslog(text)
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if bracketed:
        host = host[1:-1]
    digits = port.isascii() and port.isdecimal() and len(port) <= 5
    if colon and host and digits and 0 < int(port) < 65536 and (bracketed or ":" not in host):
        return RemoteSyslog(host, int(port), legacy=legacy)
    raise UsageError(
        f"--syslog {text!r} is no address; "
        "name a socket such as /dev/log, or host:port such as localhost:514"
    )


def render_local(line: Line, ident: str) -> bytes:
    """`<30>Nov 23 07:53:42 ident[pid]: text`, in local time."""
    head = f"<{priority(line.level)}>{_old_stamp(line)} {ident}[{os.getpid()}]: "
    return head.encode() + line.safe_text()


def render_rfc_3164(line: Line, ident: str) -> bytes:
    """`<30>Nov 23 07:53:42 host ident[pid]: text` (section 4.1), the host without its domain."""
    host = os.uname().nodename.partition(".")[0]
    head = f"<{priority(line.level)}>{_old_stamp(line)} {host} {ident}[{os.getpid()}]: "
    return head.encode() + line.safe_text()


def _old_stamp(line: Line) -> str:
    clock = time.localtime(line.created)
    return f"{_MONTHS[clock.tm_mon - 1]} {clock.tm_mday:2d} {time.strftime('%H:%M:%S', clock)}"


def render_rfc_5424(line: Line, ident: str) -> bytes:
    """`<30>1 2026-11-23T07:53:42.000Z host ident pid - - text` (section 6)."""
    moment = datetime.fromtimestamp(line.created, UTC)
    stamp = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    head = f"<{priority(line.level)}>1 {stamp} {os.uname().nodename} {ident} {os.getpid()} - - "
    return head.encode() + line.safe_text()


def priority(level: int) -> int:
    """PRI: facility daemon, and the severity of a logging level."""
    severities = (number for least, number in _SEVERITIES if level >= least)
    return FACILITY_DAEMON << 3 | next(severities, _SEVERITY_DEBUG)


def _connected(family: int, address: str | tuple[Any, ...]) -> socket.socket:
    # The interpreter's own socket: a patched one would bring a hub to the log's thread.
    made: socket.socket = monkey.get_original("socket", "socket")(family, socket.SOCK_DGRAM)
    with contextlib.ExitStack() as undo:
        undo.callback(made.close)
        made.connect(address)
        undo.pop_all()
    return made
