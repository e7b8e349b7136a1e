"""One handshake, read by three implementations and told in the same words."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass

from websockets.http11 import Request as TheirRequest
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol
from wsproto.connection import ConnectionType
from wsproto.events import AcceptConnection
from wsproto.events import Request as WsprotoRequest
from wsproto.handshake import H11Handshake
from wsproto.utilities import RemoteProtocolError

from wsproxy_gevent.errors import ProxyError
from wsproxy_gevent.wire.handshake import HandshakeRules, propose
from wsproxy_gevent.wire.http1 import HeadLimits, RequestReader
from wsproxy_gevent.wire.subprotocol import choose

_PREFERRED = ("binary", "base64")
_RULES = HandshakeRules(legacy=False)
_LIMITS = HeadLimits()
_ACCEPT = re.compile(rb"^Sec-WebSocket-Accept: (\S+)\r$", re.IGNORECASE | re.MULTILINE)
_NUMBER = re.compile(r"\d+")

# What they log of a client's faults is what we compare.
_silent = logging.Logger("silent", logging.CRITICAL + 1)


@dataclass(frozen=True)
class Answer:
    """`end` is "more", "accepted" or "refused"; an acceptance has its two values."""

    end: str
    cause: str = ""
    accept: bytes = b""
    subprotocol: str | None = None


def ours(wire: bytes) -> Answer:
    try:
        request = RequestReader(_LIMITS).feed(wire)
        if request is None:
            return Answer("more")
        proposal = propose(request, _RULES, secure=False)
    except ProxyError as error:
        return Answer("refused", f"{error.http_status} {_NUMBER.sub('N', error.reason)}")
    return Answer("accepted", "", _accept_in(proposal.answer()), proposal.subprotocol)


def _accept_in(answer: bytes) -> bytes:
    found = _ACCEPT.search(answer)
    assert found
    return found[1]


def _choose(protocol: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """Our choice from what they read, so that the reading is what is compared."""
    chosen = choose(offered, _PREFERRED)
    return None if chosen is None else Subprotocol(chosen)


def websockets(wire: bytes) -> Answer:
    protocol = ServerProtocol(select_subprotocol=_choose, logger=_silent)
    protocol.receive_data(wire)
    events = protocol.events_received()
    if not events:
        fault = protocol.handshake_exc
        return Answer("more") if fault is None else Answer("refused", _text(fault))
    (request,) = events
    assert isinstance(request, TheirRequest)
    response = protocol.accept(request)
    if response.status_code != 101:
        assert protocol.handshake_exc is not None
        return Answer("refused", _text(protocol.handshake_exc))
    accept = response.headers["Sec-WebSocket-Accept"].encode()
    return Answer("accepted", "", accept, response.headers.get("Sec-WebSocket-Protocol"))


def _text(fault: Exception) -> str:
    words = str(fault.__cause__ or fault).split(":")[0]
    return f"{type(fault).__name__} {_NUMBER.sub('N', words)}"


def wsproto(wire: bytes) -> Answer:
    handshake = H11Handshake(ConnectionType.SERVER)
    try:
        handshake.receive_data(wire)
        events = list(handshake.events())
    except (RemoteProtocolError, UnicodeError) as fault:
        return Answer("refused", f"{type(fault).__name__} {_NUMBER.sub('N', str(fault))}")
    if not events:
        return Answer("more")
    request = events[0]
    assert isinstance(request, WsprotoRequest)
    subprotocol = choose(request.subprotocols, _PREFERRED)
    answer = handshake.send(AcceptConnection(subprotocol=subprotocol))
    return Answer("accepted", "", _accept_in(answer), subprotocol)
