"""What the doors under gunicorn have in common: the environment, and gunicorn's logs.

Settings come from `WSPROXY_*` variables and the file that `WSPROXY_CONFIG`
names.  Where to listen, how many processes there are, as whom they run and
how long they have to end is gunicorn's to say.
"""

from __future__ import annotations

import logging
import os
import ssl
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from socket import socket
from typing import Any, Final, Protocol

from gevent import monkey
from gunicorn.errors import AppImportError
from gunicorn.glogging import Logger

from .accesslog import VisitLog
from .administration import among
from .assembly import Parts
from .config.loading import Loaded, load
from .config.settings import Settings
from .errors import StartError, UsageError
from .logplaces import places_of
from .net.balancers import VERSIONS, Balancers
from .server.context import Context
from .telemetry.destinations import PACKAGE_LOGGER, Logging, start_logging
from .telemetry.sinks import Line, Sink, duplicate_or_none

logger = logging.getLogger(__name__)

# What the end of a process needs behind the end of its last session.
LAST_SECONDS = 2.0

Refusals = Mapping[str, tuple[tuple[object, ...], str]]

# TLS is ours, and these would be passed over: what they ask for must not be
# believed to be there.  The values are those that ask for nothing.
NOT_SERVED: Refusals = {
    "ciphers": ((None, ""), "name other ciphers than the safe ones by WSPROXY_SSL_CIPHERS"),
}


class NotConfigured(AppImportError, RuntimeError):  # type: ignore[misc]
    """What gunicorn prints in one line before it exits.

    It is the one class in a worker and the other in the master that preloads.
    """


class Serves(Protocol):
    """What a worker of ours is given to serve."""

    def parts(self, sockets: list[socket], cfg: Any) -> Parts:
        """All that is made of settings.  Raises `NotConfigured`."""

    def reread(self, cfg: Any) -> Settings:
        """The settings as they would be now, for a reload."""

    def grace(self, cfg: Any) -> float:
        """How long sessions may take to go, in seconds."""

    def start_logging(self, log: Logger, cfg: Any) -> Logging:
        """Starts a native thread: to be called after the fork."""


def check_config(cfg: Any, refusals: Refusals = NOT_SERVED) -> None:
    """Raises `NotConfigured` for what gunicorn was asked and we would pass over."""
    for name, (harmless, why) in refusals.items():
        if name in cfg.settings and getattr(cfg, name) not in harmless:
            raise NotConfigured(f"{name} = {getattr(cfg, name)!r}: {why}; leave it out")


NO_PROXY_LINE: Final = (None, False, "off")

# Before it had names for the versions, gunicorn said just yes or no.
_LINE_VERSIONS: Final = {"v1": (1,), "v2": (2,)}


def balancers_of(cfg: Any) -> Balancers | None:
    """Whom gunicorn's `proxy_protocol` and `proxy_allow_ips` name.  Raises `NotConfigured`."""
    if cfg.proxy_protocol in NO_PROXY_LINE:
        return None
    versions = _LINE_VERSIONS.get(cfg.proxy_protocol, tuple(VERSIONS))
    try:
        return Balancers(cfg.proxy_allow_ips, versions=versions)
    except ValueError as error:
        raise NotConfigured(f"proxy_allow_ips: {error}") from error


@dataclass(slots=True)
class Environment:
    """What the environment asks for."""

    environ: Mapping[str, str]

    def parts(self, sockets: list[socket], cfg: Any) -> Parts:
        """Raises `NotConfigured`."""
        check_config(cfg)
        try:
            settings = with_certificate(self.load(len(sockets)).settings, cfg)
            _check_lasts(settings)
            return Parts(settings, among(sockets, settings))
        except (StartError, UsageError) as error:
            raise NotConfigured(f"wsproxy-gevent: {error}") from error

    def load(self, sockets: int = 1) -> Loaded:
        """Raises `UsageError` and `StartError`."""
        environ = {name: text for name, text in self.environ.items() if name not in _GUNICORNS}
        return load(["wsproxy-gevent"], environ, os.getcwd(), sockets_given=sockets)

    def reread(self, cfg: Any) -> Settings:
        """Raises `UsageError` and `StartError`."""
        return with_certificate(self.load().settings, cfg)

    def grace(self, cfg: Any) -> float:
        return sessions_grace(cfg.graceful_timeout)

    def start_logging(self, log: Logger, cfg: Any) -> Logging:
        """Where the settings say, else into gunicorn's error log."""
        loaded = self.load()
        logging_to = _started(loaded.settings, log, cfg)
        for warning in loaded.warnings:
            logger.warning("%s", warning)
        return logging_to


def _check_lasts(settings: Settings) -> None:
    """gunicorn starts a worker again that has ended.  Raises `UsageError`."""
    if settings.run_once or settings.timeout or settings.idle_timeout:
        raise UsageError(
            "WSPROXY_RUN_ONCE, WSPROXY_TIMEOUT and WSPROXY_IDLE_TIMEOUT end a process, "
            "which gunicorn would start again: leave them out"
        )


# Somebody who runs both has them set for the command.
_GUNICORNS = (
    *("WSPROXY_SOURCE", "WSPROXY_UNIX_LISTEN", "WSPROXY_INETD", "WSPROXY_REUSE_PORT"),
    "WSPROXY_WORKERS",
)


def with_certificate(settings: Settings, cfg: Any) -> Settings:
    """What gunicorn was told of TLS, in place of ours.

    Those are `certfile` and `keyfile`, `ca_certs`, and `cert_reqs`, of which
    1 (a client may show a certificate) is of use only to `--client-cert`.
    """
    if cfg.certfile:
        cert, key = os.path.abspath(cfg.certfile), cfg.keyfile and os.path.abspath(cfg.keyfile)
        settings = replace(settings, cert=cert, key=key, cert_given=True)
    if cfg.ca_certs:
        settings = replace(settings, cafile=os.path.abspath(cfg.ca_certs))
    if cfg.cert_reqs:
        required = cfg.cert_reqs == ssl.CERT_REQUIRED
        settings = replace(settings, verify_client=settings.verify_client or required)
    return settings


class Logged:
    """A context that may change, with gunicorn's access log told of every page and session.

    `visited` is called as each of them begins; `balancers` are those in front.
    """

    def __init__(
        self,
        current: Callable[[], Context],
        log: Logger,
        visited: Callable[[], None],
        balancers: Balancers | None = None,
    ) -> None:
        self._current = current
        self._log = log
        self._visited = visited
        self._balancers = balancers
        self._plain = current()
        self._made = self._make()

    def context(self) -> Context:
        """The one to use now.  Never switches."""
        if self._plain is not self._current():
            self._plain = self._current()
            self._made = self._make()
        return self._made

    def _make(self) -> Context:
        plain = self._plain
        visits = VisitLog(plain.log, self._log.access, self._visited)
        web = visits.pages(plain.web)
        return replace(plain, log=visits, web=web, balancers=self._balancers or plain.balancers)


def sessions_grace(graceful_timeout: float) -> float:
    """How long sessions may take, so that the arbiter's SIGKILL never comes first."""
    return max(graceful_timeout - LAST_SECONDS, graceful_timeout / 2)


# -- gunicorn's error log --------------------------------------------------------------


def _started(settings: Settings, log: Logger, cfg: Any) -> Logging:
    if settings.log_file or settings.syslog:
        return start_logging(verbose=settings.verbose, **places_of(settings, stderr=False))
    stdout = duplicate_or_none(sys.__stdout__, 1) if settings.traffic else None
    verbose = settings.verbose or log.loglevel <= logging.DEBUG
    return Logging(_error_log(log, cfg), stdout, verbose=verbose, whole=False)


def _error_log(log: Logger, cfg: Any) -> list[Sink]:
    """Our lines among gunicorn's, written by a thread of ours.

    Under monkey-patching the locks of gunicorn's handlers are greenlets', of
    no use to a thread; there the lines are written as gunicorn writes its own.
    Where logging was configured by hand, our lines find their way themselves.
    """
    if any(getattr(cfg, name, None) for name in ("logconfig", "logconfig_dict", "logconfig_json")):
        return []
    if not monkey.is_module_patched("threading"):
        return [ErrorLogSink(log)]
    package = logging.getLogger(PACKAGE_LOGGER)
    if not any(isinstance(handler, ErrorLogHandler) for handler in package.handlers):
        package.addHandler(ErrorLogHandler(log))
    return []


class ErrorLogSink:
    """A sink that ends in gunicorn's error log."""

    def __init__(self, log: Logger) -> None:
        self._log = log

    def write(self, line: Line) -> None:
        self._log.error_log.log(line.level, "%s", line.safe_text().decode())

    def close(self) -> None:
        """It is gunicorn's."""


class ErrorLogHandler(logging.Handler):
    """The same for a process whose threads are greenlets.  Blocks as gunicorn's own do."""

    def __init__(self, log: Logger) -> None:
        super().__init__()
        self._sink = ErrorLogSink(log)

    def emit(self, record: logging.LogRecord) -> None:
        self._sink.write(Line(record.created, record.levelno, self.format(record)))
