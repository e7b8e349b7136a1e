"""A relay over real sockets, with the test at both of its ends."""

from __future__ import annotations

import hashlib
import socket
import struct
from collections.abc import Iterable
from dataclasses import replace

import gevent
from gevent import Greenlet
from gevent import socket as gsocket

from tests.fakes import session_info
from wsproxy_gevent.model import Dialect
from wsproxy_gevent.net.streams import PlainStream
from wsproxy_gevent.observer import SessionSummary
from wsproxy_gevent.relay.echo import Echo
from wsproxy_gevent.relay.ends import ClientEnd, TargetEnd
from wsproxy_gevent.relay.pair import Patience, Relay
from wsproxy_gevent.wire.deflate import Deflate
from wsproxy_gevent.wire.dialects import open_session
from wsproxy_gevent.wire.payload import PayloadKind

# Longer than any step of a test takes, so that what ends does so for its
# own reasons.
PATIENT = Patience(close=15.0, flush=15.0, linger_read=15.0, linger=15.0)

# For those tests that wait for it to run out.
HASTY = Patience(close=0.02, flush=0.02, linger_read=0.02, linger=0.05)


def tcp_pair() -> tuple[gsocket.socket, gsocket.socket]:
    """Two ends of one loopback connection."""
    with gsocket.socket(socket.AF_INET) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        near = gsocket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    return near, far


def reset(sock: gsocket.socket) -> None:
    """Close with a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def read_exactly(sock: gsocket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        assert piece, f"the stream ended after {data!r}"
        data += piece
    return data


def read_to_end(sock: gsocket.socket) -> bytes:
    pieces = []
    while piece := sock.recv(1 << 16):
        pieces.append(piece)
    return b"".join(pieces)


def sha256_of(pieces: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


class Scene:
    """`browser` and `service` are the test's sockets; `relay` runs between them.

    `unix` has the target behind a unix socket.  `kind` is that of the payload
    if it is another than the dialect's own.
    """

    def __init__(
        self,
        dialect: Dialect = Dialect.RFC_6455,
        *,
        patience: Patience = PATIENT,
        leftover: bytes = b"",
        unix: bool = False,
        kind: PayloadKind | None = None,
        deflate: Deflate | None = None,
    ) -> None:
        self.browser, client = tcp_pair()
        self.service, target = gsocket.socketpair() if unix else tcp_pair()
        kind = kind or (PayloadKind.BASE64 if dialect.is_hixie else PayloadKind.BINARY)
        session = open_session(dialect, kind, deflate=deflate)
        self.client = ClientEnd(PlainStream(client), session, leftover=leftover)
        self.target = TargetEnd(PlainStream(target))
        info = replace(session_info(), dialect=dialect)
        self.relay = Relay(info, self.client, self.target, patience=patience)
        self.running: Greenlet[[], SessionSummary] = gevent.spawn(self.relay.run)

    def __enter__(self) -> Scene:
        return self

    def __exit__(self, *_: object) -> None:
        self.running.kill()
        self.browser.close()
        self.service.close()

    def summary(self) -> SessionSummary:
        """Wait for the session's end."""
        return self.running.get()


class EchoScene:
    """`browser` is the test's socket; the echo is at the other end."""

    def __init__(
        self,
        dialect: Dialect = Dialect.RFC_6455,
        *,
        patience: Patience = PATIENT,
        leftover: bytes = b"",
        deflate: Deflate | None = None,
    ) -> None:
        self.browser, client = tcp_pair()
        session = open_session(dialect, PayloadKind.VERBATIM, check_text=True, deflate=deflate)
        self.client = ClientEnd(PlainStream(client), session, leftover=leftover)
        self.echo = Echo(replace(session_info(), dialect=dialect), self.client, patience=patience)
        self.running: Greenlet[[], SessionSummary] = gevent.spawn(self.echo.run)

    def __enter__(self) -> EchoScene:
        return self

    def __exit__(self, *_: object) -> None:
        self.running.kill()
        self.browser.close()

    def summary(self) -> SessionSummary:
        return self.running.get()
