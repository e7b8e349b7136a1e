"""Questions to one HTTP service, over connections that are kept.

On the hub itself and without threads: a service that is slow holds up those
who ask it, and nobody else.
"""

from __future__ import annotations

import ssl
from collections import deque
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from gevent.lock import Semaphore

from ..errors import Busy
from ..model import TcpTarget, UnixTarget, join_host_port
from ..wire.http1client import BadAnswer, Exchange
from ..wire.message import Request, Response
from .clock import SYSTEM, Clock, Deadline
from .stream import Stream, StreamBroken
from .streams import TlsStream

# Connections that wait for the next question, and how long; services close
# theirs after a few seconds, and then one has to be made anew.
MOST_IDLE, IDLE_SECONDS = 16, 30.0

MOST_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Service:
    """Where an `http` or `https` URL leads; `target` is its path and query."""

    secure: bool
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """As a Host header has it (RFC 9110, section 7.2)."""
        usual = self.port == (443 if self.secure else 80)
        text = join_host_port(self.host, self.port)
        return text.rpartition(":")[0] if usual else text


def parse_service(url: str) -> Service:
    """Raises `ValueError` with the end of a sentence about the text."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as exc:
        raise ValueError(f"is no URL: {exc}") from exc
    if parts.scheme not in ("http", "https") or not host or not url.isascii():
        raise ValueError("is no URL such as http://127.0.0.1:8000/auth")
    if parts.username is not None or parts.fragment or any(c <= " " for c in url):
        raise ValueError("may have no user, no fragment and no blank")
    secure = parts.scheme == "https"
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    return Service(secure, host, (443 if secure else 80) if port is None else port, target)


class Dials(Protocol):
    def dial(self, target: TcpTarget | UnixTarget) -> Stream: ...


class HttpClient:
    """Asks `service`; over TLS what it is called must be in its certificate."""

    def __init__(self, service: Service, dialer: Dials, *, clock: Clock = SYSTEM) -> None:
        """Reads the system's authorities where TLS is wanted."""
        self._service = service
        self._dialer = dialer
        self._clock = clock
        self._tls = ssl.create_default_context() if service.secure else None
        self._turn = Semaphore(MOST_AT_ONCE)
        self._idle: deque[tuple[Stream, float]] = deque()

    def ask(self, request: Request, deadline: Deadline) -> Response:
        """The response, whatever its status.  May switch; the caller enforces the deadline.

        Raises `BadAnswer`, `StreamBroken`, `Busy`, or what dialling raises.
        """
        if not self._turn.acquire(timeout=deadline.left):
            raise Busy("too many logins are under way; try again later")
        try:
            exchange = Exchange(request)
            return self._ask_kept(request) or self._ask_over(self._open(), exchange)
        finally:
            self._turn.release()

    def _ask_kept(self, request: Request) -> Response | None:
        """By a connection that is still there; None if there is none, or it was not.

        A service may close one in the very moment in which it is asked.
        """
        while stream := self._take_idle():
            exchange = Exchange(request)
            try:
                return self._ask_over(stream, exchange)
            except (StreamBroken, BadAnswer):
                if exchange.begun:
                    raise
        return None

    def _take_idle(self) -> Stream | None:
        """The one that was used last, which is the likeliest to be there.  Never switches."""
        while self._idle:
            stream, until = self._idle.pop()
            if until > self._clock.monotonic() and not stream.hung_up():
                return stream
            stream.abort()
        return None

    def _ask_over(self, stream: Stream, exchange: Exchange) -> Response:
        """May switch.  A connection that is not good for another question is closed."""
        kept = False
        try:
            stream.write_all(exchange.sent)
            while (response := exchange.feed(stream.read_some())) is None:
                pass
            kept = exchange.may_go_on
        finally:  # also when the deadline strikes
            if not kept:
                stream.abort()
        self._keep(stream)
        return response

    def _keep(self, stream: Stream) -> None:
        self._idle.append((stream, self._clock.monotonic() + IDLE_SECONDS))
        if len(self._idle) > MOST_IDLE:
            self._idle.popleft()[0].abort()

    def _open(self) -> Stream:
        """May switch."""
        plain = self._dialer.dial(TcpTarget(self._service.host, self._service.port))
        if self._tls is None:
            return plain
        try:
            return TlsStream.connect(plain, self._tls, server_hostname=self._service.host)
        except BaseException:
            plain.abort()
            raise
