"""The listener for operators, on an address of its own.

Where several processes share the address, each answers whom it accepts: for
itself, and as far as its readiness goes for all.  So one that is stopping
gives way, and answers only when no other is left to.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

import gevent
from gevent.pool import Pool

from .context import Context
from .listener import ProxyServer

# Of operators, probes and scrapers.
MOST_CONNECTIONS = 32

# A sibling that lives has accepted by then, busy as it may be, and is seen to
# have: who waits at one look may be somebody else than at the next.  Probes
# have a patience of a second, often.
LOOKS, SECONDS_BETWEEN_LOOKS = 40, 0.01


class AdminServer(ProxyServer):
    """Takes its clients one at a time, in a pool of their own."""

    full_because = "all connections to the admin listener are taken"
    max_accept = 1

    def __init__(self, listener: socket.socket, context: Callable[[], Context]) -> None:
        self._late: gevent.Greenlet[[], None] | None = None
        super().__init__(listener, context, Pool(MOST_CONNECTIONS))

    def give_way(self) -> None:
        """From here on take only whom no other process takes.  Never switches."""
        self.stop_accepting()
        self._late = gevent.spawn(self._take_late)

    def start_accepting(self) -> None:
        """The base class does so as well whenever the pool has room again."""
        if self._late is None:
            super().start_accepting()

    def close(self) -> None:
        if self._late is not None:
            self._late.kill(block=False)
        super().close()
        self._connections.kill(block=False)

    def _take_late(self) -> None:
        """Ends by being killed.  May switch."""
        while True:
            if self._is_left_to_us() and not self.full() and (accepted := self.do_read()):
                self.do_handle(*accepted)

    def _is_left_to_us(self) -> bool:
        """Whether somebody has waited at each of many looks.  May switch."""
        for _ in range(LOOKS):
            gevent.sleep(SECONDS_BETWEEN_LOOKS)
            if not self.has_queue:
                return False
        return True
