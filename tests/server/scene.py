"""One client in front of a real connection, a service behind it, all on loopback."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import gevent
from gevent import socket as gsocket

from tests.fakes import RecordingLog
from wsproxy_gevent.auth.host import HostRule
from wsproxy_gevent.auth.origin import OriginRule
from wsproxy_gevent.errors import ProxyError
from wsproxy_gevent.limits import OpeningLimits
from wsproxy_gevent.live.registry import Registry
from wsproxy_gevent.model import Dialled, Peer, Target, TcpTarget
from wsproxy_gevent.net.stream import Stream
from wsproxy_gevent.net.streams import PlainStream
from wsproxy_gevent.relay.ending import Patience
from wsproxy_gevent.server.connection import serve
from wsproxy_gevent.server.context import Context
from wsproxy_gevent.targets.resolver import StaticResolver

PEER = Peer("127.0.0.1", 50000)
TARGET = TcpTarget("service.example", 5900)

# Long enough for a busy machine, short enough for a test that hangs.
SECONDS = 5.0
HASTY = Patience(close=0.2, flush=0.2, linger_read=0.05, linger=0.1)
PATIENT = OpeningLimits(linger_read=0.05, linger=0.1)
HASTY_LIMITS = replace(PATIENT, opening=0.1, keep_alive=0.1)

RFC_6455 = (
    b"GET /console?token=secret HTTP/1.1\r\nHost: proxy.example\r\n"
    b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)
PLAIN_GET = b"GET /page HTTP/1.1\r\nHost: proxy.example\r\n\r\n"


def upgrade(*lines: bytes) -> bytes:
    """An RFC 6455 handshake with these header lines besides."""
    return RFC_6455 + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


Serve = Callable[[Context, gsocket.socket, Peer], None]


class FakeDialer:
    """Dials one side of a socket pair, and keeps the other: `services`."""

    def __init__(self, error: ProxyError | None = None) -> None:
        self._error = error
        self.dialled: list[Target] = []
        self.ahead: list[bytes] = []
        self.services: list[gsocket.socket] = []

    def dial(self, target: Dialled, ahead: bytes = b"") -> Stream:
        self.dialled.append(target)
        self.ahead.append(ahead)
        if self._error is not None:
            raise self._error
        ours, theirs = gsocket.socketpair()
        theirs.settimeout(SECONDS)
        self.services.append(theirs)
        return PlainStream(ours)


def page(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """A page that says which one it is."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"page " + environ["PATH_INFO"].encode()]


@dataclass
class Scene:
    """`client` talks to the connection; `log` and `dialer` tell what it did."""

    client: gsocket.socket
    log: RecordingLog
    dialer: FakeDialer
    context: Context
    greenlet: gevent.Greenlet[..., None] = field(repr=False)

    @property
    def service(self) -> gsocket.socket:
        return self.dialer.services[0]

    def send(self, data: bytes) -> None:
        self.client.sendall(data)

    def receive_until(self, end: bytes) -> bytes:
        data = b""
        while not data.endswith(end):
            more = self.client.recv(1)
            assert more, f"the connection ended behind {data!r}"
            data += more
        return data

    def receive_all(self) -> bytes:
        """Whatever comes until the proxy ends the connection."""
        data = b""
        while more := self.client.recv(65536):
            data += more
        return data

    def refusal(self) -> tuple[str, str]:
        """The stage and slug of the one refusal that was logged."""
        self.ended()
        ((_, stage, error),) = self.log.refusals
        return stage, error.slug

    def ended(self) -> bool:
        self.greenlet.join(SECONDS)
        return self.greenlet.ready()


@contextmanager
def scene(
    *,
    peer: Peer = PEER,
    dial_error: ProxyError | None = None,
    serve: Serve = serve,
    **changes: Any,
) -> Iterator[Scene]:
    """A connection under test; `changes` are those of its context."""
    log, dialer = RecordingLog(), FakeDialer(dial_error)
    context = Context(
        log=log,
        registry=Registry(),
        resolver=StaticResolver(TARGET),
        dialer=dialer,
        web=page,
        host=HostRule(False),
        origin=OriginRule(),
        limits=PATIENT,
        patience=HASTY,
    )
    context = replace(context, **changes)
    ours, client = gsocket.socketpair(socket.AF_UNIX)
    client.settimeout(SECONDS)
    greenlet = gevent.spawn(serve, context, ours, peer)
    made = Scene(client, log, dialer, context, greenlet)
    try:
        yield made
    finally:
        client.close()
        for service in dialer.services:
            service.close()
        greenlet.kill()
