"""Reloading: what new connections get is replaced whole, or not at all.

Everything is read and built again, on a native thread, from the same command
line: the file, the environment, certificates, rules, the target.  If any of
it is wrong, the old state stays and one line of the log says why.  Live
sessions keep what they began with; sockets, threads and the registry of
sessions go on.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any

import gevent
from gevent.event import Event

from .assembly import Parts
from .config.settings import DECLARATIONS, Settings
from .errors import Busy, StartError, UsageError
from .net.pool import NativePool, PoolTimeout
from .revoking import Revoker
from .server.context import Context
from .targets.tokens import LOOKUP_SECONDS
from .telemetry.destinations import Logging

logger = logging.getLogger(__name__)

Reread = Callable[[], Settings]

# Disks of certificates and settings answer within this, or the reload is off.
RELOAD_SECONDS = 10.0

_REFUSED = "not reloaded, all stays as it was: %s"


class Current:
    """What new connections get: one context, made of `parts`."""

    def __init__(self, parts: Parts, logging_to: Logging, reread: Reread) -> None:
        self.parts = parts
        self._logging_to = logging_to
        self._reread = reread
        self._context = parts.context(logging_to)
        # Of its own: reloads shall work while lookups fill the others, and one
        # that hangs keeps the next from beginning.
        self._loader = NativePool(1)
        self._revoker = Revoker(parts.registry)

    @property
    def settings(self) -> Settings:
        return self.parts.settings

    def context(self) -> Context:
        """The one to use now.  Never switches."""
        return self._context

    def reload(self) -> bool:
        """Replace it, unless something is wrong; whether it was.  May switch, never raises."""
        try:
            parts = self._loader.call(self._build, timeout=RELOAD_SECONDS)
            context = parts.context(self._logging_to)
        except (StartError, UsageError) as error:
            logger.error(_REFUSED, error)
        except PoolTimeout:
            logger.error(_REFUSED, "a disk with certificates or settings does not answer")
        except Busy:
            logger.error(_REFUSED, "an earlier reload has not come back yet")
        except Exception:  # whatever a file may do to its reader
            logger.exception(_REFUSED, "the reload failed")
        else:
            # No switch in between: whoever is accepted next gets all of it.
            self.parts, self._context = parts, context
            self._logging_to.set_verbose(verbose=parts.settings.verbose)
            logger.info("reloaded: %s", parts.start_line)
            if parts.settings.revoke:
                self._revoker.look(parts.resolver, again=_longest_way_in(parts.settings))
            return True
        return False

    def _build(self) -> Parts:
        """On a native thread."""
        now = self._reread()
        report_unchangeable(self.settings, now)
        return Parts(pinned(self.settings, now), self.parts.listening, earlier=self.parts)


def _longest_way_in(settings: Settings) -> float:
    """Seconds from an accept to the session: the request, logins and tokens, the dial."""
    dial = settings.dial_timeout + settings.dial_wait
    return settings.opening_timeout + 3 * LOOKUP_SECONDS + settings.plugin_timeout + dial


def report_unchangeable(old: Settings, new: Settings) -> None:
    """One warning for each setting that a reload cannot change."""
    for name in unchangeable(old, new):
        logger.warning("%s has changed; that takes a restart", DECLARATIONS[name].flag)


def unchangeable(old: Settings, new: Settings) -> Iterator[str]:
    """The settings that differ and that a process keeps for its life."""
    for name, one in DECLARATIONS.items():
        if one.fixed and getattr(old, name) != getattr(new, name):
            yield name


def pinned(old: Settings, new: Settings) -> Settings:
    """The new settings with what cannot change as it was."""
    kept: dict[str, Any] = {
        field.name: getattr(old, field.name)
        for field in fields(Settings)
        if field.name not in DECLARATIONS or DECLARATIONS[field.name].fixed
    }
    return replace(new, **{**kept, "cert_given": new.cert_given})


# Their default is to kill, and a process is known, by its port or its pid file,
# before there is anybody to take them.
HELD = (signal.SIGHUP, signal.SIGUSR1)


@contextmanager
def signals_held() -> Iterator[None]:
    """Until `release_signals` these signals wait; behind the block all is as it was."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def release_signals() -> None:
    """Now there is a handler for each of them."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)


class Reloading:
    """Turns SIGHUP into reloads, one at a time, and SIGUSR1 into reopened logs.

    A SIGHUP that comes because our terminal went away is an end instead: it
    is `hung_up` that is called then.
    """

    def __init__(
        self,
        reload: Callable[[], object],
        reopen: Callable[[], object],
        hung_up: Callable[[], object],
    ) -> None:
        self._asked = Event()
        self._hung_up = hung_up
        ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # nohup(1)
        self._had_terminal = has_terminal() and not ignored
        self._handlers = [
            gevent.signal_handler(signal.SIGHUP, self._hangup),
            gevent.signal_handler(signal.SIGUSR1, reopen),
        ]
        release_signals()
        self._greenlet = gevent.spawn(self._run, reload)

    def ask(self) -> None:
        """As SIGHUP does.  Never switches."""
        self._asked.set()

    def stop(self) -> None:
        """No more reloads.  A SIGHUP is still taken: it must not kill us.  Never switches."""
        self._greenlet.kill(block=False)

    def restore(self) -> None:
        """Give the signals back to whom they belonged.  Never switches."""
        self.stop()
        for handler in self._handlers:
            handler.cancel()

    def _hangup(self) -> None:
        if self._had_terminal and not has_terminal():
            self._hung_up()
        else:
            self.ask()

    def _run(self, reload: Callable[[], object]) -> None:
        while True:
            self._asked.wait()
            # Before it begins: a signal that comes meanwhile asks for another.
            self._asked.clear()
            reload()


def has_terminal() -> bool:
    """Whether a standard descriptor is a terminal that is still there."""
    return any(os.isatty(number) for number in range(3))
