"""What systemd is told of us (sd_notify(3)), where it asks.

One datagram a piece of news, sent without waiting for long: a supervisor
that does not read shall hold up nobody's bytes.  The libraries for this
(sdnotify, systemd-python) wait on the socket or want C and libsystemd; what
they do is the one call below.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, MutableMapping
from typing import Self

import gevent
from gevent import Greenlet
from gevent import socket as gsocket

from .net.clock import monotonic

logger = logging.getLogger(__name__)

SEND_SECONDS = 1.0

# Twice in the time after which it would take us for dead, as sd_watchdog_enabled(3) says.
PINGS_PER_TIMEOUT = 2


class News:
    """`address` is that of NOTIFY_SOCKET, empty if nobody wants to know.

    `watchdog` is how often a sign of life is wanted at least, in seconds; 0 never.
    For a process without a hub: what may switch elsewhere blocks.
    """

    _socket: Callable[..., socket.socket | gsocket.socket] = staticmethod(socket.socket)

    def __init__(self, address: str = "", watchdog: float = 0.0) -> None:
        self._address = address
        self._watchdog = watchdog

    @classmethod
    def from_environment(cls, environ: MutableMapping[str, str], pid: int) -> Self:
        """Takes the variables out, so that no child speaks in our name."""
        address = environ.pop("NOTIFY_SOCKET", "")
        micros, whose = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
        meant = micros.isascii() and micros.isdigit() and whose in ("", str(pid))
        return cls(address, int(micros) / 1e6 if meant and address else 0.0)

    def ready(self, status: str) -> None:
        """Connections are accepted.  May switch."""
        self._send(f"READY=1\nSTATUS={' '.join(status.split())}")

    def alive(self) -> None:
        """A sign of life, if one is wanted.  May switch."""
        if self._watchdog:
            self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """A reload begins; `ready` ends it.  May switch."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={int(monotonic() * 1e6)}\nSTATUS=reloading")

    def stopping(self, seconds: float) -> None:
        """The end begins, and may take so long.  May switch."""
        self._send(f"STOPPING=1\nEXTEND_TIMEOUT_USEC={int(seconds * 1e6)}\nSTATUS=stopping")

    def _send(self, news: str) -> None:
        if not self._address:
            return
        # A leading @ stands for the NUL of an abstract name.
        address = "\0" + self._address[1:] if self._address[:1] == "@" else self._address
        try:
            with self._socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
                out.settimeout(SEND_SECONDS)
                out.sendto(news.encode(), address)
        except OSError as error:
            logger.debug("NOTIFY_SOCKET %s: %s", self._address, error)


class Notifier(News):
    """Sends from a hub, and feeds the watchdog from there."""

    _socket = staticmethod(gsocket.socket)

    def __init__(self, address: str = "", watchdog: float = 0.0) -> None:
        super().__init__(address, watchdog)
        self._greenlet: Greenlet[..., None] | None = None

    def ready(self, status: str) -> None:
        """Connections are accepted; from here on the watchdog is fed.  May switch."""
        super().ready(status)
        if self._watchdog and self._greenlet is None:
            self._greenlet = gevent.spawn(self._feed)

    def close(self) -> None:
        """No more signs of life.  Never switches."""
        if self._greenlet is not None:
            self._greenlet.kill(block=False)

    def _feed(self) -> None:
        # On the hub, whose being stuck is what the watchdog is there to find.
        while True:
            gevent.sleep(self._watchdog / PINGS_PER_TIMEOUT)
            self.alive()
