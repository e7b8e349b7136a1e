"""The listening socket: accepts, and backs off when it cannot.

All listeners of a process share one pool.  When it is full none of them
accepts: the kernel queues who comes, and nobody is dropped.
"""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Callable, Sequence
from typing import Any

import gevent
from gevent import socket as gsocket
from gevent.pool import Pool
from gevent.server import StreamServer

from ..model import Peer
from ..net.clock import Deadline, monotonic
from ..net.handover import has_queue, refuse_newcomers
from ..net.stream import INHERITED, tune
from ..net.streams import Socket, accept
from .connection import serve
from .context import Context

logger = logging.getLogger(__name__)

# Of the machine, not of the connection: waiting helps, retrying at once does not.
OUT_OF_SOMETHING = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

BACK_OFF_SECONDS = 0.5
SECONDS_BETWEEN_COMPLAINTS = 1.0

# Handshakes that have begun end within this, but before their SYNs are repeated;
# a full pool may take longer to take those who wait.
SETTLE_SECONDS = 0.3
QUEUE_SECONDS = 10.0
SECONDS_BETWEEN_LOOKS = 0.01


class ProxyServer(StreamServer):
    """Serves one listening socket, each connection in a greenlet of `pool`.

    `context` is called once for each connection, so that what it returns may
    change between them.  `listener` is a plain socket, which this takes over.
    """

    full_because = "all connections are taken; see --max-connections and ulimit -n"

    def __init__(
        self, listener: socket.socket, context: Callable[[], Context], pool: Pool
    ) -> None:
        family, kind, proto = listener.family, listener.type, listener.proto
        adopted = gsocket.socket(family, kind, proto, fileno=listener.detach())
        tune(adopted)  # for those that it accepts
        self._connections = pool
        super().__init__(adopted, spawn=pool)
        self._context = context
        self._last_complaint = float("-inf")

    def handle(self, sock: Socket, address: Any) -> None:
        """One connection, from accept to close.  May switch, never raises."""
        serve(self._context(), sock, peer_of(address), tuned=INHERITED)

    def do_read(self) -> tuple[Socket, Any] | None:  # type: ignore[override]
        """Accept one connection; None when there is none to accept now."""
        try:
            return accept(self.socket)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno in OUT_OF_SOMETHING:
                self._back_off(error)
            else:
                # The client left between its SYN and our accept, or a filter said no.
                logger.debug("accept: %s", error)
            return None

    @property
    def has_queue(self) -> bool:
        """Whether somebody waits to be accepted."""
        return has_queue(self.socket)

    def set_spawn(self, spawn: Any) -> None:
        """The base class puts the pool's own `full` in place of ours."""
        super().set_spawn(spawn)
        self.full = self._full  # type: ignore[method-assign]

    def _full(self) -> bool:
        """Whether the pool is; who comes then waits in the kernel."""
        full = bool(self._connections.full())
        if full:
            self._complain(self.full_because)
        return full

    def _back_off(self, error: OSError) -> None:
        self.stop_accepting()
        gevent.spawn_later(BACK_OFF_SECONDS, self._resume)
        self._complain(str(error.strerror))

    def _complain(self, why: str) -> None:
        now = monotonic()
        if now - self._last_complaint >= SECONDS_BETWEEN_COMPLAINTS:
            self._last_complaint = now
            logger.warning("cannot accept for the moment: %s", why)

    def _resume(self) -> None:
        if self.started:
            self.start_accepting()


def hand_over(servers: Sequence[ProxyServer]) -> None:
    """Leave a port that others share, as `net.handover` says.  May switch."""
    filtered = [refuse_newcomers(server.socket) for server in servers]
    if any(filtered):
        gevent.sleep(SETTLE_SECONDS)
    deadline = Deadline(QUEUE_SECONDS)
    while any(server.has_queue for server in servers) and not deadline.passed:
        gevent.sleep(SECONDS_BETWEEN_LOOKS)


def peer_of(address: Any) -> Peer:
    """The peer of an accepted socket: `(host, port, …)`, or a unix socket's path."""
    if not isinstance(address, tuple):
        return Peer("")
    host, port = address[0], address[1]
    return Peer(host.removeprefix("::ffff:") if "." in host else host, port)
