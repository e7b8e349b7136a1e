"""Settings become collaborators: the one place that knows both.

`Parts` makes, and finds wrong, all that needs neither a hub nor a thread,
so that a fork may follow; its `context` makes the rest of it in the process
that will serve.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from wsgiref.types import WSGIApplication

from . import __version__
from .administration import admin_context
from .auth.brake import Brake
from .auth.clients import Clients
from .auth.forwarded import TrustedProxies
from .auth.host import HostRule
from .auth.origin import OriginCheck, OriginRule
from .certs import find_certificate
from .config.settings import Settings
from .errors import StartError
from .limits import OpeningLimits, connections_allowed, raise_open_files
from .limits.addresses import AddressRule
from .limits.bites import Bites, LimitLog
from .limits.crowds import Counts, CrowdLimits, Crowds
from .listening import Listening
from .live.registry import Registry
from .logins import Logins
from .model import Deadlines, Target, TlsTarget, Trust
from .net.balancers import LOOPBACK, Balancers
from .net.certificates import ContextSource
from .net.dial import Dialer
from .net.pool import NativePool
from .net.tls_target import TlsTowards
from .net.turns import Turns
from .observer import PayloadObserver, SessionInfo
from .record.disk import CALLS_AT_ONCE
from .record.writer import Recorder
from .relay.heartbeat import Heartbeat
from .server.context import Context
from .server.single import Single
from .site import find_site
from .sources import find_gate, find_resolver, page_login, places_of
from .targets.policy import TargetPolicy
from .targets.spelling import over_tls, parse_target
from .telemetry.destinations import Logging
from .telemetry.log import TextSessionLog
from .telemetry.traffic import TrafficPrinter
from .web.health import Health
from .wire import extensions
from .wire.handshake import HandshakeRules
from .wire.proxysend import LINES

logger = logging.getLogger(__name__)


# Of tokens, at a time; more wait.
LOOKUPS, LOOKUPS_SLOW = 16, "what knows the tokens is slow, or hangs"


class Parts:
    """What a proxy is made of.

    Raises `StartError` for what cannot work on this machine, `UsageError`
    for what was never possible.
    """

    def __init__(
        self,
        settings: Settings,
        listening: Listening | None = None,
        *,
        earlier: Parts | None = None,
    ) -> None:
        """Binds the port, unless the `listening` sockets are there already.

        `earlier` are the parts that these replace in a process that serves:
        threads, live sessions and what has not changed are taken over.
        """
        self.settings = settings
        self.target: Target | None = _target(settings)
        self.pool: NativePool = earlier.pool if earlier else NativePool()
        self._tls = _tls_towards(settings, self.pool, self.target)
        self.registry: Registry = earlier.registry if earlier else Registry()
        self.health: Health = earlier.health if earlier else Health()
        self.single: Single | None = Single() if settings.run_once else None
        if earlier:
            self.single = earlier.single
        _check_compress(settings.compress)
        self.most_connections = _most_connections(
            settings.max_connections, recording=settings.record is not None
        )
        self.certificate: ContextSource | None = find_certificate(
            settings, self.pool, earlier.certificate if earlier else None
        )
        self.brake: Brake = earlier.brake if earlier else Brake()
        self._logins = Logins(settings, self.pool, self.brake)
        self.turns = _turns(settings, earlier)
        self.lookups: Turns = earlier.lookups if earlier else Turns(LOOKUPS, LOOKUPS_SLOW)
        self.resolver = find_resolver(settings, self.target, self.pool, self.lookups, self.turns)
        self._gate = find_gate(settings, self.turns)
        site = find_site(settings, self.pool, self.health)
        self.site: WSGIApplication = self._logins.guarded(
            site, page_login(self._logins.login, self._gate, self.target)
        )
        self.bites: Bites = earlier.bites if earlier else Bites()
        self.counts: Counts = earlier.counts if earlier else Counts()
        sessions = TextSessionLog(logging.getLogger("wsproxy_gevent.sessions"))
        self._log = LimitLog(sessions, self.bites)
        self.admin: Context = admin_context(
            settings, self.health, self.pool, self.certificate, self._log
        )
        self._trusted = TrustedProxies(settings.trusted_proxies)
        self._addresses = AddressRule(settings.allow_from, settings.deny_from)
        self._origin = self._origin_rule()
        self.recorder = _recorder(settings.record, earlier)
        self.listening = listening or Listening.open(settings)
        self._host = self._host_rule()
        self.policy = self._target_policy()

    def context(self, logging_to: Logging) -> Context:
        """What each connection works with."""
        settings = self.settings
        return Context(
            log=self._log,
            registry=self.registry,
            resolver=self.resolver,
            addresses=self._addresses,
            crowds=self._crowds(),
            introduce=LINES.get(settings.send_proxy),
            policy=self.policy,
            dialer=Dialer(
                self.pool,
                timeout=settings.dial_timeout,
                wait=settings.dial_wait,
                screen=self.policy.screen,
                tls=self._tls,
            ),
            web=self.site,
            host=self._host,
            origin=self._origin,
            balancers=self._balancers(),
            clients=Clients(self._trusted, settings.forwarded_header, logger.warning),
            login=self._logins.login,
            plugin=self._gate,
            path_shown=places_of(settings).path_shown,
            refuse_by_close=settings.refuse_by == "close",
            certificate=self.certificate,
            ssl_only=settings.ssl_only,
            dial_error_http=settings.dial_error == "http",
            single=self.single,
            handshake=HandshakeRules(
                legacy=not settings.no_legacy,
                subprotocols=settings.subprotocol,
                compress=settings.compress,
                text=settings.text,
            ),
            limits=OpeningLimits(opening=settings.opening_timeout),
            observers=self._observers(logging_to),
        )

    def heartbeat(self, context: Context) -> Heartbeat:
        """What looks after the sessions of the context."""
        settings = self.settings
        deadlines = Deadlines(
            heartbeat=settings.heartbeat,
            dead_after=settings.dead_after,
            idle=settings.session_idle,
            longest=settings.session_max,
            stall=settings.send_timeout,
        )
        return Heartbeat(deadlines, context.registry.sessions)

    def _observers(
        self, logging_to: Logging
    ) -> Callable[[SessionInfo], Sequence[PayloadObserver]]:
        recorder = self.recorder
        printer = TrafficPrinter(logging_to.write_stdout) if self.settings.traffic else None

        def observers(info: SessionInfo) -> Sequence[PayloadObserver]:
            found: list[PayloadObserver] = [] if printer is None else [printer]
            if recorder is not None and info.record is not False:
                found.append(recorder.observe(info))
            return found

        return observers

    def _origin_rule(self) -> OriginRule:
        return OriginRule(
            OriginCheck(self.settings.origin_check),
            self.settings.allow_origin,
            self._trusted,
            warn=self._warn,
        )

    def _target_policy(self) -> TargetPolicy:
        admin = self.listening.admin
        return TargetPolicy(
            self.settings.allow_target,
            fixed=[self.target] if self.target else [],
            own=[*self.listening.bound, *(admin.bound if admin else ())],
            tls_only=self.settings.ssl_target,
            pool=self.pool,
        )

    def _crowds(self) -> Crowds:
        settings = self.settings
        limits = CrowdLimits(
            pending=settings.max_pending_per_address,
            present=settings.max_per_address,
            per_target=settings.max_per_target,
            per_token=settings.max_per_token,
        )
        return Crowds(limits, self.counts, self._trusted.trusts)

    def _balancers(self) -> Balancers | None:
        """Those who speak for others are trusted in whichever way they do it."""
        if not self.settings.proxy_protocol:
            return None
        return Balancers([*LOOPBACK, *self.settings.trusted_proxies])

    def _host_rule(self) -> HostRule:
        return HostRule(
            self.listening.on_loopback,
            self.settings.allow_host,
            origins=self.settings.allow_origin,
            warn=self._warn,
        )

    @property
    def _warn(self) -> Callable[[str], None] | None:
        """In the websockify profile a rule that would refuse warns."""
        return logger.warning if self.settings.lenient else None

    @property
    def start_line(self) -> str:
        """From where to where, and how."""
        settings, secure = self.settings, self.certificate is not None
        schemes = "wss://" if settings.ssl_only else "ws:// and wss://" if secure else "ws://"
        notes = [f"{schemes}{self._why_plain()}"]
        if settings.web:
            notes.append(f"files of {settings.web}")
        if settings.command:
            notes.append(f"running {settings.command[0]}")
        if settings.record:
            notes.append(f"recording to {settings.record}")
        if self.listening.admin is not None:
            notes.append(f"admin at {' and '.join(self.listening.admin.addresses)}")
        where = " and ".join(self.listening.addresses)
        how = "; ".join(notes)
        return f"wsproxy-gevent {__version__}: {where} -> {self._whither} ({how})"

    @property
    def _whither(self) -> str:
        """The one target, or what knows the tokens, without what may be a secret."""
        if self.target is not None:
            return str(self.target)
        settings = self.settings
        tokens = settings.token_plugin or settings.target_config or settings.tokens or ""
        return f"tokens of {tokens.rpartition('@')[2]}"

    @property
    def page_url(self) -> str | None:
        """Where a browser on this machine finds our page, if one can."""
        scheme = "https" if self.settings.ssl_only else "http"
        page = self.listening.page
        return page and f"{scheme}://{page}/"

    def _why_plain(self) -> str:
        if self.certificate is not None or self.settings.cert == "none":
            return ""
        return f" only: there is no {os.path.basename(self.settings.cert)}"


def _target(settings: Settings) -> Target | None:
    if settings.finds_targets:
        return None
    target = parse_target(settings.target or "")
    return over_tls(target) if settings.ssl_target else target


def _tls_towards(settings: Settings, pool: NativePool, target: Target | None) -> TlsTowards:
    """What is known of targets over TLS; the files that are named are read now."""
    general = Trust(
        ca=settings.target_ca,
        pins=settings.target_pin,
        sni=settings.target_sni,
        cert=settings.target_cert,
        key=settings.target_key,
        verify=False if settings.target_insecure else None,
    )
    if general.key and not general.cert:
        raise StartError(f"--target-key {general.key} has no certificate: name it --target-cert")
    towards = TlsTowards(pool, general)
    if isinstance(target, TlsTarget):
        towards.check(target.trust)
    elif general.items:
        towards.check(general)
    return towards


def _turns(settings: Settings, earlier: Parts | None) -> Turns:
    """Those that people's plugins have had so far, for a call may be under way."""
    if earlier and earlier.turns.threads == settings.plugin_threads:
        return earlier.turns
    return Turns(
        settings.plugin_threads,
        "a plugin is slow, or hangs (--plugin-threads, --plugin-timeout)",
    )


def _recorder(path: str | None, earlier: Parts | None = None) -> Recorder | None:
    """Records have threads of their own: a disk that stalls holds no lookup up."""
    if path is None:
        return None
    if earlier and earlier.settings.record == path:
        return earlier.recorder
    recorder = Recorder(path, NativePool(2 * CALLS_AT_ONCE))
    recorder.check()
    return recorder


def _check_compress(asked: bool) -> None:
    if asked and not extensions.AVAILABLE:
        raise StartError(
            "--compress needs the package websockets: pip install 'wsproxy-gevent[compress]'"
        )


def _most_connections(asked: int | None, *, recording: bool) -> int:
    raise_open_files()
    allowed = connections_allowed(recording=recording)
    if asked is None:
        return allowed
    if asked > allowed:
        raise StartError(
            f"--max-connections {asked} is more than the limit of open files has room for "
            f"({allowed}); raise it with ulimit -n, or with LimitNOFILE= under systemd"
        )
    return asked
