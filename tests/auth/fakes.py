"""A login that says what it is told to, and remembers who asked."""

from __future__ import annotations

import gevent

from wsproxy_gevent.auth.login import Grant, Visitor
from wsproxy_gevent.errors import ProxyError
from wsproxy_gevent.model import Peer
from wsproxy_gevent.wire.message import Request

PEER = Peer("192.0.2.1", 50000)


class FakeLogin:
    """Lets everybody in with the `grant`, or raises the `error`; first it takes `seconds`."""

    def __init__(
        self, grant: Grant | None = None, error: ProxyError | None = None, seconds: float = 0.0
    ) -> None:
        self._grant = grant or Grant()
        self._error = error
        self._seconds = seconds
        self.requests: list[Request] = []
        self.visitors: list[Visitor] = []

    def check(self, request: Request, visitor: Visitor) -> Grant:
        self.requests.append(request)
        self.visitors.append(visitor)
        if self._seconds:
            gevent.sleep(self._seconds)
        if self._error is not None:
            raise self._error
        return self._grant
