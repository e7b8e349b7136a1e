"""A WebSocket request becomes a session.

    origin -> handshake -> login -> target -> dial -> 101 -> relay

Until the 101 a refusal is raised, for `connection` to answer over HTTP;
afterwards it is a Close.  The dial comes before the 101, so that a client
whose socket opens is really connected.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import gevent

from ..auth.login import Grant, Visitor
from ..errors import Busy, OpeningTimeout, PeerLeft, ProxyError, TargetError
from ..model import EchoTarget, Peer, Target, new_session_id
from ..net.clock import Deadline, wall
from ..net.leaving import WhileThere
from ..net.peercert import certificate_of
from ..net.stream import Stream
from ..observer import PayloadObserver, SessionInfo
from ..relay.echo import Echo
from ..relay.ends import ClientEnd, TargetEnd
from ..relay.pair import Relay
from ..wire.dialects import open_session
from ..wire.handshake import Proposal, origin_of, propose
from ..wire.message import Request
from ..wire.payload import PayloadKind
from ..wire.session import Session
from .context import Context


class Visit(Protocol):
    """Who asks, and over what; `stage` names the step under way, for the log.

    `speaks_http` says whether an HTTP answer would be understood.
    """

    peer: Peer
    stage: str
    speaks_http: bool

    @property
    def stream(self) -> Stream: ...

    @property
    def secure(self) -> bool: ...


def tunnel(
    context: Context, visit: Visit, request: Request, behind: bytes, deadline: Deadline
) -> None:
    """Make the session and run it to its end.  May switch.

    `behind` are the bytes that followed the request head; `deadline` is that
    of the opening, which the rest of the handshake is part of.
    """
    visit.stage = "origin"
    context.origin.check(origin_of(request), request, visit.peer, secure=visit.secure)
    visit.stage = "handshake"
    proposal = propose(request, context.handshake, secure=visit.secure)
    body = b""
    if proposal.body_length:
        with deadline.enforce(_too_slow):
            body, behind = _read_body(visit.stream, proposal.body_length, behind)
    visit.stage = "login"
    grant = _log_in(context, visit, request)
    visit.stage = "target"
    target = grant.target or context.resolver.resolve(request)
    answer = proposal.answer(body)
    visit.stage = "dial"
    try:
        target_stream = _dial(context, visit.stream, target)
    except (TargetError, Busy) as error:
        if context.dial_error_http:
            raise
        _open_and_close(context, visit, proposal, answer, error)
        return
    try:
        info = _info(visit, request, proposal, target, grant)
        observers = context.observers(info)
        visit.speaks_http = False
        visit.stream.write_all(answer)
        session = _session(context, proposal, target)
        client = ClientEnd(visit.stream, session, leftover=behind)
        relay = _join(context, info, client, target_stream)
        with _expiring(relay, grant.expires_at):
            _run(context, relay, observers)
    finally:
        if target_stream is not None:
            target_stream.abort()


def _log_in(context: Context, visit: Visit, request: Request) -> Grant:
    """What the logins say of the client; the cheaper refusals come before.  May switch."""
    if context.login is None:
        return Grant()
    visitor = Visitor(visit.peer, visit.secure, certificate_of(visit.stream))
    with WhileThere(visit.stream, _did_not_wait):
        return context.login.check(request, visitor)


def _read_body(stream: Stream, length: int, behind: bytes) -> tuple[bytes, bytes]:
    """The handshake's body (Hixie-76's eight bytes), and what came behind it."""
    while len(behind) < length:
        data = stream.read_some()
        if not data:
            raise PeerLeft("the connection ended inside a handshake")
        behind += data
    return behind[:length], behind[length:]


def _dial(context: Context, client: Stream, target: Target) -> Stream | None:
    """A stream to the target; None for the echo, which needs no other end.  May switch.

    Raises `PeerLeft` if the client does not wait for it.
    """
    if isinstance(target, EchoTarget):
        return None
    with WhileThere(client, _did_not_wait):
        return context.dialer.dial(target)


def _open_and_close(
    context: Context, visit: Visit, proposal: Proposal, answer: bytes, error: ProxyError
) -> None:
    """A browser shows a Close's reason, but nothing of a refused handshake.  May switch."""
    context.log.refused(visit.peer, "dial", error)
    visit.speaks_http = False
    visit.stream.write_all(answer)
    client = ClientEnd(visit.stream, _open(proposal, _kind(context, proposal)))
    client.part(error.close_code, error.reason, context.patience)


def _info(
    visit: Visit, request: Request, proposal: Proposal, target: Target, grant: Grant
) -> SessionInfo:
    now = wall()
    return SessionInfo(
        id=new_session_id(now),
        peer=visit.peer,
        target=target,
        dialect=proposal.dialect,
        subprotocol=proposal.subprotocol,
        tls=visit.stream.tls_version,
        path=request.path,
        opened_at=now,
        user=grant.user,
        record=grant.record,
    )


def _session(context: Context, proposal: Proposal, target: Target) -> Session:
    """The framing.  The echo returns messages as they are, so their text must be text."""
    if isinstance(target, EchoTarget):
        return _open(proposal, PayloadKind.VERBATIM, check_text=True)
    return _open(proposal, _kind(context, proposal))


def _open(proposal: Proposal, kind: PayloadKind, *, check_text: bool = False) -> Session:
    return open_session(proposal.dialect, kind, check_text=check_text, deflate=proposal.deflate)


def _kind(context: Context, proposal: Proposal) -> PayloadKind:
    if proposal.base64:
        return PayloadKind.BASE64
    return PayloadKind.TEXT if context.handshake.text else PayloadKind.BINARY


def _join(
    context: Context, info: SessionInfo, client: ClientEnd, target: Stream | None
) -> Relay | Echo:
    if target is None:
        return Echo(info, client, patience=context.patience)
    return Relay(info, client, TargetEnd(target), patience=context.patience)


@contextmanager
def _expiring(relay: Relay | Echo, at: float | None) -> Iterator[None]:
    """End the session at that wall-clock time, if there is one."""
    if at is None:
        yield
        return
    timer = gevent.get_hub().loop.timer(max(0.0, at - wall()))
    timer.start(relay.expire)
    try:
        yield
    finally:
        timer.close()


def _run(context: Context, relay: Relay | Echo, observers: Sequence[PayloadObserver]) -> None:
    for observer in observers:
        relay.join(observer)
    context.registry.add(relay)
    context.log.opened(relay.info)
    summary = None
    try:
        summary = relay.run()
    finally:  # also when the greenlet is killed: a session that opened is seen to close
        context.registry.remove(relay.info.id)
        context.log.closed(summary or relay.summary())


def _did_not_wait() -> ProxyError:
    return PeerLeft("the client left before it was connected")


def _too_slow() -> ProxyError:
    return OpeningTimeout("the handshake did not come in time")
