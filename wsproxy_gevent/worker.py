"""gunicorn's worker for the whole port: `gunicorn -k wsproxy_gevent.worker.ProxyWorker`.

gunicorn binds, forks, watches and replaces; what happens on a connection is
ours from its first byte, as in the standalone proxy.  Nothing is patched.

The arbiter kills a worker that is `graceful_timeout` late, so sessions get a
little less: they are told to go at once, and those that do not are cut in
time for an orderly exit.
"""

from __future__ import annotations

import logging
import math
import os
import signal
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import gevent
from gevent.event import Event
from gevent.pool import Pool
from gunicorn.workers.base import Worker

from .assembly import Parts
from .hosted import Logged, NotConfigured, Serves, balancers_of, check_config
from .preload import preload
from .record.writer import Recorder
from .reload import HELD, Current, Reloading
from .server.admin import AdminServer
from .server.listener import ProxyServer
from .service import warn_of_target
from .stopping import drain, leave_alone

logger = logging.getLogger(__name__)

# How often the arbiter is told that we live; it may want it oftener.
NOTIFY_SECONDS: Final = 1.0

# After the last session: pages under way, records, and the log's last lines.
PAGES_SECONDS, RECORDS_SECONDS, LOG_SECONDS = 0.3, 0.9, 0.3


class ProxyWorker(Worker):  # type: ignore[misc]
    """One process of several that serve the same sockets."""

    _is_stale = False

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Called by the arbiter before it forks.  Raises `NotConfigured`.

        The workers may be another user, so it is also the last moment to load.
        """
        check_config(cfg)
        preload()

    # -- Its beginning, in the order in which gunicorn asks ------------------------------

    def init_process(self) -> None:
        """May switch; returns when the worker has ended."""
        self._told, self._hurry = Event(), Event()
        # Only an application that was preloaded can have left a hub.
        gevent.reinit()
        super().init_process()

    def init_signals(self) -> None:
        """Signals become events of the hub, as soon as it runs."""
        before = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
        signal.pthread_sigmask(signal.SIG_BLOCK, HELD)  # until `run` has handlers for them
        super().init_signals()
        # gunicorn would have each signal written to a pipe that nobody reads.
        signal.set_wakeup_fd(-1)
        handlers: dict[signal.Signals, Callable[[], None]] = {
            signal.SIGTERM: self._told.set,
            signal.SIGINT: self._leave_at_once,
            signal.SIGQUIT: self._leave_at_once,
        }
        for number, handler in handlers.items():
            gevent.signal_handler(number, handler)
        left = _left_in(before)
        if signal.SIGUSR1 in left:
            self.log.reopen_files()
        if signal.SIGTERM in left:
            self._told.set()
        # Made by the arbiter from what it had at the fork.
        self._is_stale = signal.SIGHUP in left

    def load_wsgi(self) -> None:
        """Find out what is to be served.  Raises `NotConfigured`."""
        super().load_wsgi()
        serves = getattr(self.wsgi, "serves", None)
        if serves is None:
            raise NotConfigured("ProxyWorker serves wsproxy_gevent.wsgi and nothing else")
        self._serves: Serves = serves
        self._parts: Parts = serves.parts([each.sock for each in self.sockets], self.cfg)

    # -- Its life --------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until told to stop, then see everybody off.  May switch."""
        self._logging_to = self._serves.start_logging(self.log, self.cfg)
        reread = partial(self._serves.reread, self.cfg)
        self._current = Current(self._parts, self._logging_to, reread)
        self._logged = Logged(self._current.context, self.log, self._count, balancers_of(self.cfg))
        reloading = Reloading(self._reload, self._reopen_logs, self._told.set)
        if self._is_stale:
            reloading.ask()
        beating = gevent.spawn(self._notify_always)
        try:
            self._serve()
        finally:
            gevent.kill(beating)
            reloading.stop()
            self._logging_to.stop(LOG_SECONDS)

    def _serve(self) -> None:
        pool = Pool(min(self.cfg.worker_connections, self._parts.most_connections))
        servers = [self._server(sock, pool) for sock in self._parts.listening.sockets]
        self._admins = [
            AdminServer(sock, lambda: self._current.parts.admin)
            for sock in self._parts.listening.admin_sockets
        ]
        for server in (*servers, *self._admins):
            server.start()
        self._recorders: list[Recorder] = []
        self._look_after_sessions()
        if self.age == 1:
            asking = gevent.spawn(warn_of_target, self._parts)
            self._told.rawlink(lambda _: asking.kill(block=False))
        self._told.wait()
        self._see_off(servers, pool)

    def _server(self, sock: Any, pool: Pool) -> ProxyServer:
        server = ProxyServer(sock, self._logged.context, pool)
        if self.cfg.workers > 1:
            # Who takes a hundred at a time leaves none to the others.
            server.max_accept = 1
        return server

    def _look_after_sessions(self) -> None:
        """By what holds now."""
        parts = self._current.parts
        self._heartbeat = parts.heartbeat(self._current.context())
        self._heartbeat.start()
        if parts.recorder is not None and parts.recorder not in self._recorders:
            self._recorders.append(parts.recorder)

    def _see_off(self, servers: list[ProxyServer], pool: Pool) -> None:
        """May switch."""
        self.alive = False
        parts = self._current.parts
        parts.health.ready = False
        for server in servers:
            server.close()
        for admin in self._admins:
            admin.give_way()
        grace = self._serves.grace(self.cfg)
        if parts.settings.reuse_port:
            grace = leave_alone(pool, self._hurry, grace)
        drain(parts.registry, self._hurry, grace)
        self._heartbeat.stop()
        pool.kill(timeout=PAGES_SECONDS)
        for recorder in self._recorders:
            if not recorder.drain(RECORDS_SECONDS):
                logger.warning("the disk did not take all of the records in time")
        for admin in self._admins:
            admin.close()

    # -- What it is told -------------------------------------------------------------------

    def _notify_always(self) -> None:
        """Tell the arbiter that we live; ask whether it does.  May switch."""
        wanted = self.timeout / 2 if self.timeout else math.inf
        while True:
            self.notify()
            if self.ppid != os.getppid():
                logger.warning("the arbiter is gone")
                self._told.set()
            if not self.alive:  # gunicorn's reloader says so
                self._told.set()
            gevent.sleep(min(NOTIFY_SECONDS, wanted))

    def _count(self) -> None:
        """A page or a session begins: one of `max_requests`."""
        self.nr += 1
        if self.nr == self.max_requests:
            logger.info("max_requests is reached (%d)", self.max_requests)
            self._told.set()

    def _leave_at_once(self) -> None:
        self.cfg.worker_int(self)
        self._hurry.set()
        self._told.set()

    def _reload(self) -> None:
        """May switch."""
        if self._current.reload():
            self._heartbeat.stop()
            self._look_after_sessions()

    def _reopen_logs(self) -> None:
        self.log.reopen_files()
        self._logging_to.reopen()


def _left_in(arbiter: Any) -> list[int]:
    """Signals that came after the fork, before this process was ready to take them.

    They went to the arbiter's handler, of which a fork is a copy.  What had
    come before the fork concerns the arbiter, which then ends us anyway.
    """
    queue = getattr(arbiter, "SIG_QUEUE", [])
    found: list[int] = []
    while queue if isinstance(queue, list) else not queue.empty():
        found.append(queue.pop() if isinstance(queue, list) else queue.get_nowait())
    return found
