"""A serving life: from the first accepted connection to the last closed one.

Signals only leave word; what they ask for is done here.  SIGHUP reloads,
SIGUSR1 reopens the log, SIGTERM ends it, and with `--reuse-port` leaves the
sessions alone for most of the grace: another process serves the port by then.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress

import gevent
from gevent import Greenlet
from gevent import socket as gsocket
from gevent.pool import Pool

from .assembly import Parts
from .command import LAST_WORDS_SECONDS, STOP_SECONDS, Command
from .errors import Busy
from .lifetime import Lifetime, wait_for_end
from .net.clock import monotonic
from .net.probe import NAME_SECONDS, warning_of
from .record.writer import Recorder
from .reload import Current, Reloading, Reread
from .sdnotify import Notifier
from .server.admin import AdminServer
from .server.connection import serve
from .server.context import Context
from .server.listener import ProxyServer, hand_over, peer_of
from .stopping import Stopping, drain, leave_alone
from .telemetry.destinations import Logging
from .wrap import Wrapping

logger = logging.getLogger(__name__)

# What pages under way and records get once the last session has ended.
AFTER_THE_LAST_SESSION = 2.0


class Service:
    """Serves what the parts listen on, once."""

    def __init__(
        self,
        parts: Parts,
        logging_to: Logging,
        reread: Reread,
        notifier: Notifier,
        wrapping: Wrapping | None = None,
    ) -> None:
        self._listening = parts.listening
        self._logging_to = logging_to
        self._notifier = notifier
        self._current = Current(parts, logging_to, reread)
        self._pool = Pool(parts.most_connections)
        settings = parts.settings
        self._wrapping = wrapping
        self._lifetime = Lifetime(settings.timeout, settings.idle_timeout, monotonic())
        self._servers = [
            ProxyServer(sock, self._visited, self._pool) for sock in parts.listening.sockets
        ]
        self._admins = [
            AdminServer(sock, lambda: self._current.parts.admin)
            for sock in parts.listening.admin_sockets
        ]
        self._recorders: list[Recorder] = []
        self._note_recorder()

    def run(self, ready: Callable[[], None]) -> int:
        """Serve until told to stop, and see everybody off.  May switch.

        `ready` is called once connections are accepted.  Returns the exit
        status: that of a command which ended us by its own end.
        """
        with ExitStack() as held:
            stopping = Stopping()
            held.callback(stopping.restore)
            reloading = Reloading(self._reload, self._logging_to.reopen, stopping.terminate)
            held.callback(reloading.restore)
            held.callback(self._notifier.close)
            command = self._start_command(stopping, held)
            self._start(stopping)
            ending = self._end_by_itself(stopping)
            ready()
            self._notifier.ready(self._status)
            if command is None:
                ending.append(gevent.spawn(warn_of_target, self._current.parts))
            for greenlet in ending:
                held.callback(greenlet.kill)
            stopping.wait()
            reloading.stop()
            self._see_off(stopping)
        return command.status if command else 0

    # -- Beginning and reloading ---------------------------------------------------------

    def _start(self, stopping: Stopping) -> None:
        for server in (*self._servers, *self._admins):
            server.start()
        self._heartbeat = self._current.parts.heartbeat(self._current.context())
        self._heartbeat.start()
        if self._listening.connection is not None:
            self._serve_the_one(self._listening.connection, stopping)

    def _start_command(self, stopping: Stopping, held: ExitStack) -> Command | None:
        """What is wrapped lives longer than its last session.  May switch."""
        if self._wrapping is None:
            return None
        mode = self._current.settings.wrap_mode
        command = Command(self._wrapping, mode, stopping.end)
        held.callback(command.stop)
        command.start()
        return command

    def _visited(self) -> Context:
        """The context for somebody who has just come.  Never switches."""
        self._lifetime.visited(monotonic())
        return self._current.context()

    def _end_by_itself(self, stopping: Stopping) -> list[Greenlet[..., None]]:
        """What waits for a reason to stop."""

        def wait() -> None:
            logger.info("%s", wait_for_end(self._lifetime, lambda: len(self._pool)))
            stopping.end()

        single = self._current.parts.single
        if single is not None:
            single.over.rawlink(lambda _: stopping.end())
        return [gevent.spawn(wait)] if self._lifetime.is_limited else []

    def _serve_the_one(self, sock: socket.socket, stopping: Stopping) -> None:
        """The connection that inetd accepted: with it we end."""
        family, kind, proto = sock.family, sock.type, sock.proto
        adopted = gsocket.socket(family, kind, proto, fileno=sock.detach())
        peer = peer_of(adopted.getpeername())
        serving = self._pool.spawn(serve, self._current.context(), adopted, peer)
        serving.rawlink(lambda _: stopping.terminate())

    def _reload(self) -> None:
        self._notifier.reloading()
        self._logging_to.reopen()
        if self._current.reload():
            self._note_recorder()
            self._heartbeat.stop()
            self._heartbeat = self._current.parts.heartbeat(self._current.context())
            self._heartbeat.start()
        self._notifier.ready(self._status)

    def _note_recorder(self) -> None:
        recorder = self._current.parts.recorder
        if recorder is not None and recorder not in self._recorders:
            self._recorders.append(recorder)

    @property
    def _status(self) -> str:
        return self._current.parts.start_line

    # -- The end -----------------------------------------------------------------------

    def _see_off(self, stopping: Stopping) -> None:
        """Nobody new, then the sessions, pages and records.  May switch."""
        parts = self._current.parts
        parts.health.ready = False
        self._notifier.stopping(self._longest_stop)
        grace = self._leave_port(stopping)
        drain(parts.registry, stopping.hurry, grace)
        self._heartbeat.stop()
        self._pool.kill(timeout=AFTER_THE_LAST_SESSION)
        for recorder in self._recorders:
            if not recorder.drain(AFTER_THE_LAST_SESSION):
                logger.warning("the disk did not take all of the records in time")
        for server in self._admins:
            server.close()
        self._listening.close()

    @property
    def _longest_stop(self) -> float:
        """Seconds from here to our last moment."""
        command = STOP_SECONDS + LAST_WORDS_SECONDS if self._wrapping else 0.0
        return self._current.settings.grace + 2 * AFTER_THE_LAST_SESSION + command

    def _leave_port(self, stopping: Stopping) -> float:
        """Listen no more; how much of the grace the sessions may still be given.  May switch."""
        settings = self._current.settings
        shared = settings.reuse_port and not stopping.hurry.is_set()
        if shared:
            hand_over(self._servers)
        for server in self._servers:
            server.close()
        self._listening.close_public()
        return (
            leave_alone(self._pool, stopping.hurry, settings.grace) if shared else settings.grace
        )


def warn_of_target(parts: Parts) -> None:
    """One line if the target is down: machines start later than their proxy.  May switch."""
    if parts.target is None:
        return  # tokens name those that will be
    with suppress(Busy):
        warning = parts.pool.call(warning_of, parts.target, timeout=NAME_SECONDS)
        if warning:
            logger.warning("%s", warning)
