"""The standalone proxy: found right or wrong at start, then served until it is told to stop.

A `Proxy` that could be made is bound and checked, without a hub or a thread,
so that a daemon may fork between making and serving it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress

import gevent
from gevent.pool import Pool

from .assembly import Parts
from .config.settings import Mode, Settings
from .errors import Busy
from .listening import Listening
from .model import EchoTarget
from .net.probe import why_down
from .relay.heartbeat import Heartbeat
from .server.context import Context
from .server.listener import ProxyServer
from .stopping import Stopping, drain
from .telemetry.destinations import Logging, start_logging
from .telemetry.traffic import LEGEND

logger = logging.getLogger(__name__)

# What pages under way and records get once the last session has ended.
AFTER_THE_LAST_SESSION = 2.0

NAME_SECONDS = 5.0


class Proxy:
    """Raises `StartError` or `UsageError` for all that is wrong at start."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._parts = Parts(settings)

    @property
    def listening(self) -> Listening:
        return self._parts.listening

    @property
    def start_line(self) -> str:
        """From where to where, and how."""
        return self._parts.start_line

    def serve(self, ready: Callable[[], None]) -> int:
        """Serve until stopped; returns the exit status.  May switch.

        `ready` is called once connections are accepted.
        """
        logging_to = self._start_logging()
        try:
            self._serve(logging_to, ready)
        finally:
            logging_to.stop()
        return 0

    def _start_logging(self) -> Logging:
        settings = self._settings
        return start_logging(
            verbose=settings.verbose,
            log_file=settings.log_file,
            syslog=settings.syslog,
            stderr=settings.foreground,
        )

    def _serve(self, logging_to: Logging, ready: Callable[[], None]) -> None:
        context = self._parts.context(logging_to)
        if self._settings.traffic:
            logging_to.write_stdout(LEGEND)
        pool = Pool(self._parts.most_connections)
        listeners = self._parts.listening.sockets
        servers = [ProxyServer(sock, lambda: context, pool) for sock in listeners]
        stopping = Stopping()
        heartbeat = self._heartbeat(context)
        for server in servers:
            server.start()
        heartbeat.start()
        ready()
        self._announce(logging_to)
        asking = gevent.spawn(self._warn_of_target)
        stopping.wait()
        for server in servers:
            server.close()
        drain(context.registry, stopping, self._settings.grace)
        gevent.kill(asking)
        heartbeat.stop()
        pool.kill(timeout=AFTER_THE_LAST_SESSION)
        self._finish_records()
        stopping.restore()

    def _announce(self, logging_to: Logging) -> None:
        logger.info("%s", self.start_line)
        if self._settings.mode is not Mode.PROXY:
            logging_to.write_stdout(f"open {self._parts.page_url} in a browser; Ctrl-C stops\n")

    def _warn_of_target(self) -> None:
        """One line if the target is down: machines start later than their proxy."""
        target = self._parts.target
        if isinstance(target, EchoTarget):
            return
        with suppress(Busy):
            reason = self._parts.pool.call(why_down, target, timeout=NAME_SECONDS)
            if reason:
                logger.warning("the target %s is down for now: %s", target, reason)

    def _heartbeat(self, context: Context) -> Heartbeat:
        settings = self._settings
        return Heartbeat(
            settings.heartbeat, context.registry.sessions, dead_after=settings.dead_after
        )

    def _finish_records(self) -> None:
        recorder = self._parts.recorder
        if recorder is not None and not recorder.drain(AFTER_THE_LAST_SESSION):
            logger.warning("the disk did not take all of the records in time")
