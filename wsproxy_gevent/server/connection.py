"""One client, from accept to close: the order of things.

    PROXY line, from a balancer -> first byte
    first byte -> policy | TLS, then its first byte | HTTP
    HTTP -> who sent it -> host -> (page | origin -> handshake -> target -> dial -> 101 -> relay)

Everything up to the end of the request head happens under one absolute
deadline.  What refuses is an exception that knows its answer; it is caught
in one place, `serve`, and answered in the words that the client can still
understand at that point.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any, NoReturn

import gevent

from ..errors import (
    InternalError,
    LegacyRefused,
    NotHttp,
    OpeningTimeout,
    PeerLeft,
    ProxyError,
    TlsRequired,
    TlsUnavailable,
    TooManyPending,
)
from ..limits.crowds import Place
from ..model import Peer
from ..net.clock import Deadline, http_date, wall
from ..net.stream import Stream, StreamBroken, linger, tune
from ..net.streams import PlainStream, Socket, TlsStream
from ..web.guard import VISITOR
from ..wire import policy, proxyline
from ..wire.handshake import is_upgrade
from ..wire.http1 import RequestReader, ResponseWriter, refusal, whole
from ..wire.message import Request, Response
from ..wire.opening import Opening, opening_of
from . import hosting
from .context import Context
from .finding import visitor_of
from .tunnel import tunnel

logger = logging.getLogger(__name__)

# For one of too many to take its answer.
AWAY_SECONDS = 0.5


def serve(context: Context, sock: Socket, peer: Peer, *, tuned: bool = False) -> None:
    """Serve one accepted socket to its end.  May switch, never raises.

    `tuned` says that the socket has its TCP options already.  It is closed
    when this returns, also when the greenlet is killed.
    """
    plain = PlainStream(sock)
    connection = Connection(context, plain, peer, partial(_local_address, sock))

    def run() -> None:
        if not tuned:
            tune(sock)
        connection.run(plain)

    _answering(connection, run)


def serve_upgrade(
    context: Context,
    stream: Stream,
    peer: Peer,
    request: Request,
    behind: bytes,
    local: tuple[str, int] = ("", 0),
) -> None:
    """Serve a WebSocket request that another server has read.  May switch, never raises.

    `behind` are the bytes that followed the request head, `local` is what the
    client connected to.  The stream is
    closed when this returns, also when the greenlet is killed.
    """
    connection = Connection(context, stream, peer, lambda: local)
    _answering(connection, partial(connection.take_over, request, behind))


def _answering(connection: Connection, run: Callable[[], None]) -> None:
    """The greenlet's outermost: whatever happens is answered, and the socket closed."""
    try:
        run()
    except ProxyError as error:
        connection.refuse(error)
    except StreamBroken as error:
        connection.refuse(PeerLeft("the connection broke", detail=str(error)))
    except Exception:  # the greenlet begins here
        logger.exception("a connection from %s failed", connection.peer)
        connection.refuse(InternalError("the proxy failed; its log tells more"))
    finally:
        connection.leave()


class Connection:
    """What is known of a client until its session begins.

    `peer` is who connected, or whom a balancer named; `client` who sent the
    request: the peer, or whom a trusted proxy names.
    `stage` names the step under way, for the log.  `request` is the last
    request that was read whole; `speaks_http` says whether an HTTP answer
    would be understood.
    """

    def __init__(
        self,
        context: Context,
        stream: Stream,
        peer: Peer,
        local: Callable[[], tuple[str, int]],
    ) -> None:
        self._context = context
        self._local = local
        self.peer = self.client = peer
        self.stream = stream
        self.stage = "opening"
        self.speaks_http = False
        self._spoken_for = False
        self._request: Request | None = None
        self._place: Place | None = None

    def run(self, plain: PlainStream) -> None:
        """Read what the client wants, from its first byte, and give it.  May switch."""
        deadline = Deadline(self._context.limits.opening)
        with deadline.enforce(_too_slow):
            received = self._hear_balancer(plain)
            with self._context.crowds.pending(self.peer):
                opening, received = self._open(plain, received)
                if opening is Opening.POLICY:
                    self._answer_policy(received)
                    return
                request, behind = self._read_request(received)
        while not self._is_done(request, behind, deadline):
            gevent.sleep(0)  # a client that asks on and on would never make us wait
            received = behind or self._next_request()
            if not received:
                return
            deadline = Deadline(self._context.limits.opening)
            with deadline.enforce(_too_slow), self._context.crowds.pending(self.peer):
                request, behind = self._read_request(received)

    def take_over(self, request: Request, behind: bytes) -> None:
        """Go on where another server has read a request for a WebSocket.  May switch."""
        self.speaks_http = True
        self._note(request)
        self._admit()
        self.stage = "host"
        self._context.host.check(request, self.peer)
        self._upgrade(request, behind, Deadline(self._context.limits.opening))

    def leave(self) -> None:
        """Close the connection.  Never switches."""
        self.stream.abort()
        if self._place is not None:
            self._place.leave()

    def refuse(self, error: ProxyError) -> None:
        """Answer with the error's HTTP status, if HTTP is spoken, and log it.  May switch."""
        self._context.log.refused(self.client, self.stage, error)
        if isinstance(error, PeerLeft):
            return
        try:
            if isinstance(error, TooManyPending):
                self._turn_away(error)
            elif self.speaks_http:
                self._last_words(refusal(error))
            else:
                self._part()
        except (ProxyError, StreamBroken):
            logger.debug("%s did not wait for its answer", self.peer)

    # -- The balancer and the first byte -----------------------------------------

    def _hear_balancer(self, plain: PlainStream) -> bytes:
        """From here on, the ends of the connection are those that the balancer names.

        Returns what came behind its line; nothing where there is no balancer.
        """
        balancers = self._context.balancers
        if balancers is None or not balancers.trusts(self.peer):
            return b""
        line, behind = balancers.read_line(plain)
        if line.source is not None and line.destination is not None:
            self.peer = self.client = line.source
            self._spoken_for = True
            local = line.destination.host, line.destination.port
            self._local = lambda: local
        return behind

    def _open(self, plain: PlainStream, received: bytes) -> tuple[Opening, bytes]:
        """Decide by the first byte, inside TLS if that is what it says.

        Returns what has been read, which is more than that byte as a rule.
        """
        received = received or plain.read_some()
        if proxyline.begins(received):
            self._refuse_balancer(received)
        opening = _decide(received)
        if opening is Opening.TLS:
            self.stage = "tls"
            self._start_tls(plain, received)
            self.stage = "opening"
            received = self.stream.read_some()
            opening = _decide(received)
        if opening in (Opening.UNKNOWN, Opening.TLS):
            raise NotHttp("these bytes begin neither HTTP nor anything else spoken here")
        return opening, received

    def _refuse_balancer(self, received: bytes) -> NoReturn:
        """Without the help of its line, everybody behind it would pass for it."""
        self.stage, self.speaks_http = "request", received.startswith(b"P")
        fault = "a PROXY line came from a peer that is not asked for one"
        cure = f"--proxy-protocol, and --trusted-proxies {self.peer.host}"
        raise NotHttp(fault, detail=f"{fault}; if it is a balancer of yours: {cure}")

    def _start_tls(self, plain: PlainStream, hello: bytes) -> None:
        certificate = self._context.certificate
        if certificate is None:
            raise TlsUnavailable(
                "TLS is not configured",
                detail="a TLS hello came and there is no certificate: name one with --cert FILE, "
                "or let one be made with --cert auto",
            )
        self.stream = TlsStream.accept(plain, certificate.context(), hello)

    def _answer_policy(self, received: bytes) -> None:
        self.stage = "policy"
        self._context.addresses.check(self.peer)
        if not self._context.handshake.legacy:
            raise LegacyRefused("a Flash policy request, and --no-legacy is set")
        reader = policy.PolicyReader()
        while not reader.feed(received):
            received = self._read()
        _, port = self._local()
        self.stream.write_all(policy.answer(port, self._context.policy_domains))
        self._part()

    # -- HTTP --------------------------------------------------------------------

    def _is_done(self, request: Request, behind: bytes, deadline: Deadline) -> bool:
        """Give what the request wants; whether that ended the connection.  May switch."""
        self._admit()
        self.stage = "host"
        if not self._spoken_for:  # no page can send a PROXY line
            self._context.host.check(request, self.peer)
        if is_upgrade(request):
            self._upgrade(request, behind, deadline)
            return True
        return not self._serve_page(request)

    def _read_request(self, received: bytes) -> tuple[Request, bytes]:
        """Read on to the end of a request head; also returns the bytes that came behind it."""
        self.speaks_http = True
        self.stage, self._request, self.client = "request", None, self.peer
        reader = RequestReader(self._context.head)
        while (request := reader.feed(received)) is None:
            received = self._read()
        self._note(request)
        return request, reader.leftover

    def _note(self, request: Request) -> None:
        """From here on, who sent it is whom a trusted proxy names."""
        self._request = request
        self.client = self._context.clients.find(request.headers, self.peer)

    def _admit(self) -> None:
        """See whether the client may come, and whether there are too many of it."""
        self.stage = "address"
        self._context.addresses.check(self.client)
        self._place = self._context.crowds.enter(self.client, self._place)

    def _read(self) -> bytes:
        data = self.stream.read_some()
        if not data:
            raise PeerLeft("the connection ended inside a request")
        return data

    def _next_request(self) -> bytes:
        """The first bytes of another request, or none if the client has no more."""
        try:
            with Deadline(self._context.limits.keep_alive).enforce(_idle):
                return self.stream.read_some()
        except (PeerLeft, StreamBroken):
            return b""

    def _serve_page(self, request: Request) -> bool:
        """Answer with a file or page; returns whether the connection goes on."""
        self.stage = "page"
        if self._context.ssl_only and not self.secure:
            self._last_words(_to_https(request))
            return False
        environ = hosting.environ_of(request, self.client, self._local(), secure=self.secure)
        environ[VISITOR] = visitor_of(self)
        writer = ResponseWriter(request, date=http_date(wall()))
        logger.debug("%s asks %s %s", self.client, request.method, request.path)
        goes_on = hosting.respond(self._context.web, environ, self.stream, writer)
        if not goes_on:
            self._part()
        return goes_on

    def _upgrade(self, request: Request, behind: bytes, deadline: Deadline) -> None:
        self._require_tls(request)
        single = self._context.single
        with single.admit(self) if single else nullcontext():
            tunnel(self._context, self, request, behind, deadline)

    def _require_tls(self, request: Request) -> None:
        if self._context.ssl_only and not self.secure:
            self.stage = "tls"
            raise TlsRequired(
                "this port speaks TLS only: use wss:// instead of ws://",
                detail=self._context.path_shown(request),
            )

    @property
    def local(self) -> tuple[str, int]:
        """What the client, or the balancer that speaks for it, connected to."""
        return self._local()

    @property
    def secure(self) -> bool:
        return self.stream.tls_version is not None

    # -- Parting -----------------------------------------------------------------

    def _last_words(self, response: Response) -> None:
        """Send a response and end the connection so that it arrives.  May switch."""
        data = whole(response, self._request, date=http_date(wall()))
        with Deadline(self._context.limits.linger).enforce(_idle):
            self.stream.write_all(data)
        self._part()

    def _turn_away(self, error: ProxyError) -> None:
        """Say so in HTTP to whoever it is, without waiting for a request: that is the limit."""
        with Deadline(AWAY_SECONDS).enforce(_idle):
            self.stream.write_all(whole(refusal(error), None, date=http_date(wall())))
            self.stream.finish()
        linger(self.stream, per_read=AWAY_SECONDS, total=AWAY_SECONDS)

    def _part(self) -> None:
        """FIN, then read on a little, lest a reset overtakes what was sent.  May switch."""
        limits = self._context.limits
        with Deadline(limits.linger).enforce(_idle):
            self.stream.finish()
        linger(self.stream, per_read=limits.linger_read, total=limits.linger)


def _decide(first: bytes) -> Opening:
    if not first:
        raise PeerLeft("connected and left without a byte")
    return opening_of(first[0])


def _too_slow() -> ProxyError:
    return OpeningTimeout("the request did not come in time")


def _idle() -> ProxyError:
    return PeerLeft("nothing came any more")


def _to_https(request: Request) -> Response:
    """The same page over TLS.  The Host was checked when the request was read."""
    host = request.headers.get("host")
    if host is None:
        return refusal(TlsRequired("this port speaks TLS only: use https://"))
    answer = refusal(TlsRequired("this port speaks TLS only: use https://"))
    location = ("Location", f"https://{host}{request.target}")
    return replace(answer, status=308, headers=(*answer.headers, location))


def _local_address(sock: Socket) -> tuple[str, int]:
    return local_of(sock.getsockname())


def local_of(address: Any) -> tuple[str, int]:
    """The host and port of a socket's own address; no host for a unix socket."""
    if not isinstance(address, tuple):
        return "", 0
    host, port = address[:2]
    return (host.removeprefix("::ffff:") if "." in host else host), port
