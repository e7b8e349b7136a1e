"""How a process ends: signals become events, sessions are told to go."""

from __future__ import annotations

import logging
import signal

import gevent
from gevent.event import Event
from gevent.pool import Pool

from .live.registry import Registry
from .model import SessionId
from .net.clock import Deadline

logger = logging.getLogger(__name__)

# So many are told at once.  More are spread over this part of the grace, lest
# they all come back, wherever they go, in the same moment.
SESSIONS_AT_ONCE = 200
SPREAD = 2 / 3

# Who moves nothing for so long is idle, and goes first; a short grace has less.
LOOK_SECONDS = 1.0
LOOK_PART = 1 / 10

# A handshake that was under way makes a session after the others were told.
SECONDS_BETWEEN_LATECOMERS = 0.25

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
            gevent.signal_handler(signal.SIGTERM, self.terminate),
            gevent.signal_handler(signal.SIGINT, self._interrupt),
        ]

    def restore(self) -> None:
        """Give the signals back to whom they belonged."""
        for handler in self._handlers:
            handler.cancel()

    def wait(self) -> None:
        """Until somebody asks.  May switch."""
        self._asked.wait()

    def terminate(self) -> None:
        """As SIGTERM does."""
        if self._asked.is_set():
            self.hurry.set()
        self._asked.set()

    def end(self) -> None:
        """Ask for a gentle end, however often: of a process that ends by itself."""
        self._asked.set()

    def _interrupt(self) -> None:
        self.hurry.set()
        self._asked.set()


def drain(registry: Registry, hurry: Event, grace: float) -> None:
    """Tell all sessions to go, and wait for them up to `grace` seconds.  May switch.

    `hurry` ends the wait at once; it is set, too, when nobody is left.
    """
    logger.info("stopping; sessions told to go: %d", len(registry))
    telling = gevent.spawn(_tell, registry, grace)
    ending = gevent.spawn(_wait_and_hurry, registry, hurry)
    hurry.wait(grace)
    gevent.killall([telling, ending])
    if len(registry):
        logger.warning("sessions cut: %d", len(registry))


def leave_alone(pool: Pool, hurry: Event, grace: float) -> float:
    """Let those in the pool end when they end, for the spread part of the grace.  May switch.

    Returns how many seconds of it are left.
    """
    deadline = Deadline(grace)
    logger.info("stopping; connections that may go on until they end: %d", len(pool))
    ending, over = gevent.spawn(pool.join), Event()
    for one in (ending, hurry):
        one.rawlink(lambda _: over.set())
    over.wait(deadline.left * SPREAD)
    ending.kill()
    return deadline.left


def _wait_and_hurry(registry: Registry, hurry: Event) -> None:
    """Once nobody is left there is nothing to be gentle with."""
    registry.wait_empty(None)
    hurry.set()


def _tell(registry: Registry, grace: float) -> None:
    """Tell each session once, also those that are still to come.  Ends by being killed."""
    deadline = Deadline(grace * SPREAD)
    ids = registry.ids()
    if len(ids) > SESSIONS_AT_ONCE:
        ids = idle_first(registry, min(LOOK_SECONDS, grace * LOOK_PART))
    at_once, later = ids[:SESSIONS_AT_ONCE], ids[SESSIONS_AT_ONCE:]
    for session_id in at_once:
        registry.stop(session_id, GOING_AWAY, REASON)
    for number, session_id in enumerate(later):
        gevent.sleep(deadline.left / (len(later) - number))
        registry.stop(session_id, GOING_AWAY, REASON)
    told = set(ids)
    while True:
        gevent.sleep(SECONDS_BETWEEN_LATECOMERS)
        for session_id in set(registry.ids()) - told:
            registry.stop(session_id, GOING_AWAY, REASON)
            told.add(session_id)


def idle_first(registry: Registry, seconds: float) -> list[SessionId]:
    """The ids of those that live, those first that moved nothing meanwhile.  May switch."""
    before = {session.info.id: session.moves for session in registry.sessions()}
    gevent.sleep(seconds)
    after = {session.info.id: session.moves for session in registry.sessions()}
    # The sort is stable: among equals the oldest stays first.
    return sorted(after, key=lambda one: after[one] - before.get(one, 0))
