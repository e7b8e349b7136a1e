"""`--workers N`: the proxy in several processes, under gunicorn's arbiter.

The arbiter forks, watches and replaces the workers; it accepts nobody and
carries nothing.  What can be found wrong is found before it begins, by the
same `Parts` that a single process is made of: each worker gets them as they
stand at its fork.

A reload is tried here first.  If it succeeds the workers are told to do the
same, and later ones are born with it; if not, none of them hears of it.
"""

from __future__ import annotations

import logging
import math
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from socket import socket
from types import SimpleNamespace
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger

from .app import Proxy
from .assembly import Parts
from .config.settings import Settings
from .errors import StartError, UsageError
from .hosted import LAST_SECONDS
from .listening import Listening
from .logplaces import places_of
from .net.clock import Deadline
from .net.handover import has_queue, refuse_newcomers
from .reload import Reread, has_terminal, pinned, release_signals, report_unchangeable
from .sdnotify import News
from .server.listener import QUEUE_SECONDS, SECONDS_BETWEEN_LOOKS, SETTLE_SECONDS
from .telemetry.destinations import Logging, open_sinks, start_logging
from .telemetry.direct import DirectLogging
from .worker import ProxyWorker
from .wrap import Wrapping

logger = logging.getLogger(__name__)

# A worker whose hub does not turn for so long is replaced.
HUNG_SECONDS = 30


class Workers:
    """Raises `StartError` or `UsageError` for all that is wrong at start.

    `reread` is as for `Proxy`.
    """

    def __init__(self, settings: Settings, reread: Reread | None = None) -> None:
        self._reread = reread or (lambda: settings)
        self.news = News()
        self._parts = Parts(settings)
        if self._parts.listening.connection is not None:
            raise UsageError("--inetd serves a single connection: leave out --workers")

    @property
    def listening(self) -> Listening:
        return self._parts.listening

    @property
    def start_line(self) -> str:
        """From where to where, how, and in how many processes."""
        return f"{self._parts.start_line}, {self._parts.settings.workers} workers"

    def serve(self, ready: Callable[[], None]) -> int:
        """Serve until stopped; returns the exit status.

        `ready` is called once connections are queued for the workers.
        """
        self._logging_to = DirectLogging(
            open_sinks(**self._log_places), verbose=self._parts.settings.verbose
        )

        # Taken out of the environment, or gunicorn would say what it knows of us.
        self.news = News.from_environment(os.environ, os.getpid())

        def listening(_arbiter: object) -> None:
            ready()
            self.news.ready(self.start_line)
            logger.info("%s", self.start_line)

        try:
            return self._arbitrate(_Application(self._config(listening), self))
        finally:
            self._parts.listening.close()
            self._logging_to.stop()

    def _arbitrate(self, application: _Application) -> int:
        arbiter, status = os.getpid(), 0
        try:
            ReloadingArbiter(application, self).run()
        except RuntimeError as error:
            raise StartError(str(error)) from error
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else 0
        if os.getpid() != arbiter:
            # A worker ends here as well, and what there is to clean up is not its own.
            os._exit(status)
        return status

    def _config(self, when_ready: Callable[[object], None]) -> dict[str, object]:
        """gunicorn's settings, by its names for them."""
        settings = self._parts.settings
        # The arbiter takes the descriptors over.
        numbers = [sock.detach() for sock in self._parts.listening.all_sockets]
        return {
            "bind": [f"fd://{number}" for number in numbers],
            "workers": settings.workers,
            # Whom we have become: it took note of who we were when it was imported.
            "user": os.geteuid(),
            "group": os.getegid(),
            # By name: older versions cannot tell what a class is called.
            "worker_class": f"{ProxyWorker.__module__}.{ProxyWorker.__name__}",
            "worker_connections": self._parts.most_connections,
            "graceful_timeout": math.ceil(settings.grace + LAST_SECONDS),
            "timeout": HUNG_SECONDS,
            "max_requests": 0,
            "control_socket_disable": True,
            "logger_class": _Passing,
            "proc_name": "wsproxy-gevent",
            "when_ready": when_ready,
        }

    @property
    def longest_stop(self) -> float:
        """Seconds from the request to the end of the last worker."""
        return self._parts.settings.grace + LAST_SECONDS + QUEUE_SECONDS * bool(self.shared_ports)

    @property
    def shared_ports(self) -> int:
        """How many of the first sockets another process takes over when we leave."""
        return len(self._parts.listening.bound) if self._parts.settings.reuse_port else 0

    # -- In the arbiter ---------------------------------------------------------------------

    def reload(self) -> bool:
        """Read everything again; False if something is wrong, and all stays as it was."""
        self.reopen_logs()
        old = self._parts
        try:
            now = self._reread()
            report_unchangeable(old.settings, now)
            self._parts = Parts(pinned(old.settings, now), old.listening, earlier=old)
        except (StartError, UsageError) as error:
            logger.error("not reloaded, all stays as it was: %s", error)
            return False
        return True

    def reopen_logs(self) -> None:
        self._logging_to.reopen()

    # -- In a worker, behind the fork ----------------------------------------------------------

    def parts(self, sockets: list[socket], _cfg: object) -> Parts:
        """What the arbiter had when it forked, on the worker's own copies of the sockets."""
        self._parts.listening = self._parts.listening.adopt(sockets)
        return self._parts

    def reread(self, _cfg: object) -> Settings:
        return self._reread()

    def grace(self, _cfg: object) -> float:
        return self._parts.settings.grace

    def start_logging(self, _log: object, _cfg: object) -> Logging:
        """Starts a native thread."""
        self._logging_to.stop()
        return start_logging(verbose=self._parts.settings.verbose, **self._log_places)

    @property
    def _log_places(self) -> dict[str, Any]:
        settings = self._parts.settings
        return places_of(settings, stderr=settings.foreground)


def one_or_many(
    settings: Settings, reread: Reread, wrapping: Wrapping | None = None
) -> Proxy | Workers:
    """What serves in the asked number of processes; a command is wrapped by one alone."""
    if settings.workers > 1:
        return Workers(settings, reread)
    return Proxy(settings, reread, wrapping)


def leave_port(sockets: Sequence[socket]) -> None:
    """Have the workers take whoever waits, and let nobody else in.  Blocks the arbiter."""
    filtered = [refuse_newcomers(sock) for sock in sockets]
    if any(filtered):
        time.sleep(SETTLE_SECONDS)
    deadline = Deadline(QUEUE_SECONDS)
    while any(has_queue(sock) for sock in sockets) and not deadline.passed:
        time.sleep(SECONDS_BETWEEN_LOOKS)


class _Application(BaseApplication):  # type: ignore[misc]
    """What gunicorn asks for its settings and for what a worker shall serve."""

    def __init__(self, config: dict[str, object], serves: Workers) -> None:
        self._config = config
        self._serves = serves
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._config.items():
            if name in self.cfg.settings:  # the control socket is of later versions
                self.cfg.set(name, value)

    def load(self) -> Any:
        return SimpleNamespace(serves=self._serves)


class ReloadingArbiter(Arbiter):  # type: ignore[misc]
    """gunicorn's, but a SIGHUP reloads in place and a second SIGTERM hurries."""

    def __init__(self, app: _Application, serves: Workers) -> None:
        super().__init__(app)
        self._serves = serves
        self._ending = False
        self._had_terminal = has_terminal()

    def start(self) -> None:
        super().start()
        release_signals()
        # As it does for sockets of systemd: the file of a unix socket is not
        # removed by name alone.  We know which one is ours.
        self.systemd = True

    def signal(self, number: int, frame: Any) -> None:
        """Runs as a signal handler: it queues, and hurries where nobody reads the queue."""
        if number == signal.SIGTERM and self._ending:
            self.hurry()
        self._ending = self._ending or number == signal.SIGTERM
        super().signal(number, frame)

    def hurry(self) -> None:
        """Have the workers end at once."""
        for pid in list(self.WORKERS):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT)

    def stop(self, graceful: bool = True) -> None:
        # Before all else: no sign of life follows until the last worker has ended.
        self._serves.news.stopping(self._serves.longest_stop)
        shared = self.LISTENERS[: self._serves.shared_ports]
        if graceful and shared:
            leave_port([listener.sock for listener in shared])
        super().stop(graceful)

    def handle_hup(self) -> None:
        if self._had_terminal and not has_terminal():
            raise StopIteration  # it came because the terminal went away
        self._serves.news.reloading()
        if self._serves.reload():
            self.kill_workers(signal.SIGHUP)
        self._serves.news.ready(self._serves.start_line)

    def handle_usr1(self) -> None:
        self._serves.reopen_logs()
        super().handle_usr1()

    def handle_usr2(self) -> None:
        logger.warning("SIGUSR2: start the new version beside this one, both with --reuse-port")

    def murder_workers(self) -> None:
        """Once a round: also the time to tell systemd that we live."""
        super().murder_workers()
        self._serves.news.alive()


class _Passing(Logger):  # type: ignore[misc]
    """gunicorn's lines go where ours go."""

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        self.error_log.propagate = True
        self.error_log.setLevel(logging.INFO)

    def access(self, *_: object) -> None:
        """Pages and sessions are in the log already."""

    def reopen_files(self) -> None:
        """It has none of its own."""
