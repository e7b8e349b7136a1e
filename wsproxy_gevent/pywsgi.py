"""The door under gevent-websocket's worker: a request that pywsgi has read becomes ours.

gunicorn's gevent worker has HTTP read by gevent.pywsgi, and gevent-websocket
sits in its handler.  Its own WebSocket engine is left out: it has a hook that
lets an application answer by itself, and so the handshake and all that
follows it are as everywhere else.  What pywsgi has read ahead is taken out
of its buffer, then the socket is ours alone.

First bytes that are no HTTP never get here: no Flash policy, and no TLS
beside plain on one port.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import Any, Final
from wsgiref.types import StartResponse

import gevent
from gevent import ssl as gssl
from gevent.event import Event
from gevent.pool import Pool

from .assembly import Parts
from .auth.login import Visitor
from .certs import asked_of_clients
from .config.settings import Settings
from .errors import ProxyError, TlsRequired
from .hosted import (
    NO_PROXY_LINE,
    Environment,
    Logged,
    NotConfigured,
    Refusals,
    check_config,
)
from .model import Peer
from .net.peercert import certificate_of
from .net.sslsocket import SslSocketStream
from .net.stream import Stream, tune
from .net.streams import PlainStream
from .server.connection import local_of, serve_upgrade
from .server.listener import peer_of
from .stopping import drain
from .web.guard import VISITOR
from .web.response import refused
from .wire.handshake import is_upgrade
from .wire.http1 import RequestReader
from .wire.message import Request

logger = logging.getLogger(__name__)

# What gunicorn takes for an application that cannot be loaded: it gives up.
APP_LOAD_ERROR: Final = 4

HANDLER: Final = "wsproxy.handler"

NOT_SERVED_HERE: Final[Refusals] = {
    "proxy_protocol": (
        NO_PROXY_LINE,
        "the PROXY protocol is served by wsproxy_gevent.worker.ProxyWorker only",
    ),
}

NOT_ASKED: Final = (
    "with this worker TLS is gunicorn's, and it asks no client for a certificate: "
    "give it --cert-reqs 2 (1 if some may come without) and --ca-certs FILE"
)

NO_KEY: Final = (
    "WSPROXY_LOGIN_PAGE in several workers of this class needs a WSPROXY_LOGIN_KEY: "
    "each would sign with a key of its own"
)

# What the log's last lines may take.
LOG_SECONDS: Final = 0.3

# How often the worker is asked whether it was told to stop; it tells nobody.
ASK_SECONDS: Final = 0.2


def hook_into(worker_class: Any, environment: Environment) -> list[Door]:
    """Have each worker of that class, when it begins to listen, serve what is asked for.

    The list that is returned has the door then.

    A worker calls its `server_class` for each listener.  Here that becomes a
    method, and so the one place that knows the worker and its servers.
    """
    make_server = worker_class.server_class
    doors: list[Door] = []

    def server_class(worker: Any, listener: Any, **arguments: Any) -> Any:
        if not doors:
            doors.append(Door(worker, environment))
        server = make_server(listener, **arguments)
        doors[0].attend(server)
        return server

    worker_class.server_class = server_class
    return doors


class Door:
    """One worker's.  Made when the worker begins to listen."""

    def __init__(self, worker: Any, environment: Environment) -> None:
        """Raises `NotConfigured`.  Starts greenlets, and a thread for some logs."""
        self._worker = worker
        self._parts = _parts(worker, environment)
        self._logging_to = environment.start_logging(worker.log, worker.cfg)
        context = self._parts.context(self._logging_to)
        self._context = Logged(lambda: context, worker.log, self._count).context()
        if self._parts.settings.cert_given and not worker.cfg.certfile:
            logger.warning("with this worker TLS is gunicorn's: name the certificate --certfile")
        self._grace = environment.grace(worker.cfg)
        self._sessions = Pool()
        self._servers: list[Any] = []
        self._heartbeat = self._parts.heartbeat(context)
        self._heartbeat.start()
        self.ending = gevent.spawn(self._see_off)

    def attend(self, server: Any) -> None:
        """Have the server's requests come to us, whole."""
        server.pre_start_hook = self._hold
        self._servers.append(server)

    def _hold(self, handler: Any) -> bool:
        handler.environ[HANDLER] = partial(self._answer, handler)
        return True  # the request goes to the application as if there were no WebSockets

    # -- One request -------------------------------------------------------------------

    def _answer(
        self, handler: Any, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        """May switch."""
        environ["RAW_URI"] = handler.path  # gunicorn's logger wants it, and this handler has none
        client = peer = peer_of(handler.client_address)
        try:
            request = _request(handler, self._context.head)
            client = self._context.clients.find(request.headers, peer)
            if is_upgrade(request):
                self._take_over(handler, peer, request)
                return []
            self._context.addresses.check(client)
            self._context.host.check(request, peer)
            self._require_tls(handler)
        except ProxyError as error:
            self._context.log.refused(client, "request", error)
            handler.close_connection = True
            return refused(error)(environ, start_response)
        environ[VISITOR] = _visitor(handler.socket, client, peer)
        return self._context.web(environ, _naming_upgrade(start_response))

    def _require_tls(self, handler: Any) -> None:
        if self._context.ssl_only and not isinstance(handler.socket, gssl.SSLSocket):
            raise TlsRequired("this port speaks TLS only: use https://")

    def _take_over(self, handler: Any, peer: Peer, request: Request) -> None:
        """Run the session in a greenlet of its own, which can be ended by itself."""
        handler.close_connection = True
        behind = _take_leftover(handler)
        tune(handler.socket)
        stream = _stream(handler.socket)
        local = local_of(handler.socket.getsockname())
        session = self._sessions.spawn(
            serve_upgrade, self._context, stream, peer, request, behind, local
        )
        try:
            session.join()
        finally:
            session.kill()

    def _count(self) -> None:
        """A page or a session begins: one of `max_requests`."""
        worker = self._worker
        worker.nr += 1
        if worker.nr == worker.max_requests:
            logger.info("max_requests is reached (%d)", worker.max_requests)
            worker.alive = False

    # -- The end -----------------------------------------------------------------------

    def _see_off(self) -> None:
        """Wait until the worker is told to stop, then end what goes on.  May switch."""
        while self._worker.alive:
            gevent.sleep(ASK_SECONDS)
        for server in self._servers:
            server.close()
        self._parts.health.ready = False
        drain(self._context.registry, Event(), self._grace - ASK_SECONDS)
        self._sessions.kill(timeout=1)
        if self._parts.recorder is not None:
            self._parts.recorder.drain(1)
        for server in self._servers:
            # Connections that only wait for another request would hold the worker.
            server.pool.kill(block=False)
        self._heartbeat.stop()
        self._logging_to.stop(LOG_SECONDS)


def _parts(worker: Any, environment: Environment) -> Parts:
    sockets = [getattr(each, "sock", each) for each in worker.sockets]
    try:
        check_config(worker.cfg, NOT_SERVED_HERE)
        parts = environment.parts(sockets, worker.cfg)
        if parts.settings.admin:
            raise NotConfigured(
                "WSPROXY_ADMIN is served by wsproxy_gevent.worker.ProxyWorker only; leave it out"
            )
        if parts.settings.proxy_protocol:
            raise NotConfigured(
                "WSPROXY_PROXY_PROTOCOL is served by wsproxy_gevent.worker.ProxyWorker only;"
                " leave it out"
            )
        if asked_of_clients(parts.settings) and not worker.cfg.cert_reqs:
            raise NotConfigured(NOT_ASKED)
        if _signs_alone(parts.settings, worker.cfg):
            raise NotConfigured(NO_KEY)
        return parts
    except NotConfigured as error:
        worker.log.error("%s", error)
        raise SystemExit(APP_LOAD_ERROR) from error


def _request(handler: Any, limits: Any) -> Request:
    """The request as pywsgi read it, held to the rules that we have for our own."""
    lines = [handler.requestline, *(f"{name}: {text}" for name, text in handler.headers.items())]
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    request = RequestReader(limits).feed(head)
    assert request is not None, "a head that is whole is read whole"  # noqa: S101
    return request


def _take_leftover(handler: Any) -> bytes:
    """What was read behind the request; from here on the socket has no other reader.

    The buffer would otherwise keep the socket open after we close it.
    """
    handler.socket.settimeout(0)
    left = b""
    with suppress(OSError):  # TLS says so when it has nothing
        left = handler.rfile.peek(1)
    handler.rfile.close()
    handler.socket.settimeout(None)
    return bytes(left)


def _stream(sock: Any) -> Stream:
    return SslSocketStream(sock) if isinstance(sock, gssl.SSLSocket) else PlainStream(sock)


def _signs_alone(settings: Settings, cfg: Any) -> bool:
    """Whether the other workers would not take our cookies."""
    shares = settings.login_key or cfg.preload_app or cfg.workers == 1
    return settings.login_page and not shares


def _visitor(sock: Any, client: Peer, peer: Peer) -> Visitor:
    via = None if peer == client else peer
    if not isinstance(sock, gssl.SSLSocket):
        return Visitor(client, via=via)
    return Visitor(client, True, certificate_of(SslSocketStream(sock)), via=via)


def _naming_upgrade(start_response: StartResponse) -> StartResponse:
    """A 426 names the protocol (RFC 9110, section 15.5.22), which is the server's part."""

    def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
        if status.startswith("426 "):
            headers = [*headers, ("Upgrade", "websocket"), ("Connection", "Upgrade")]
        return start_response(status, headers, *error)

    return start
