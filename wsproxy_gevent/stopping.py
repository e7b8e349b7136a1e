"""How a process ends: signals become events, sessions are told to go."""

from __future__ import annotations

import logging
import signal

import gevent
from gevent.event import Event

from .live.registry import Registry
from .net.clock import Deadline

logger = logging.getLogger(__name__)

# So many are told at once.  More are spread over this part of the grace, lest
# they all come back, wherever they go, in the same moment.
SESSIONS_AT_ONCE = 200
SPREAD = 2 / 3

GOING_AWAY = 1001
REASON = "the proxy is stopping"


class Stopping:
    """Turns signals into events; a handler does nothing else.

    The first SIGTERM asks for a gentle end; a second signal, or Ctrl-C, for
    one at once.
    """

    def __init__(self) -> None:
        self._asked = Event()
        self.hurry = Event()
        self._handlers = [
            gevent.signal_handler(signal.SIGTERM, self._terminate),
            gevent.signal_handler(signal.SIGINT, self._interrupt),
        ]

    def restore(self) -> None:
        """Give the signals back to whom they belonged."""
        for handler in self._handlers:
            handler.cancel()

    def wait(self) -> None:
        """Until somebody asks.  May switch."""
        self._asked.wait()

    def _terminate(self) -> None:
        if self._asked.is_set():
            self.hurry.set()
        self._asked.set()

    def _interrupt(self) -> None:
        self.hurry.set()
        self._asked.set()


def drain(registry: Registry, stopping: Stopping, grace: float) -> None:
    """Tell all sessions to go, and wait for them up to `grace` seconds.  May switch."""
    logger.info("stopping; sessions told to go: %d", len(registry))
    telling = gevent.spawn(_tell, registry, grace)
    ending = gevent.spawn(_wait_and_hurry, registry, stopping.hurry)
    stopping.hurry.wait(grace)
    gevent.killall([telling, ending])
    if len(registry):
        logger.warning("sessions cut: %d", len(registry))


def _wait_and_hurry(registry: Registry, hurry: Event) -> None:
    """Once nobody is left there is nothing to be gentle with."""
    registry.wait_empty(None)
    hurry.set()


def _tell(registry: Registry, grace: float) -> None:
    deadline = Deadline(grace * SPREAD)
    ids = registry.ids()
    at_once, later = ids[:SESSIONS_AT_ONCE], ids[SESSIONS_AT_ONCE:]
    for session_id in at_once:
        registry.stop(session_id, GOING_AWAY, REASON)
    for number, session_id in enumerate(later):
        gevent.sleep(deadline.left / (len(later) - number))
        registry.stop(session_id, GOING_AWAY, REASON)
