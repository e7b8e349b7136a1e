"""A WebSocket request becomes a session.

    origin -> handshake -> login -> target -> policy -> plugin -> dial -> 101 -> relay

Until the 101 a refusal is raised, for `connection` to answer over HTTP;
afterwards it is a Close.  The dial comes before the 101, so that a client
whose socket opens is really connected.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import gevent

from ..auth.login import Grant
from ..errors import (
    Busy,
    LoginExpired,
    OpeningTimeout,
    PeerLeft,
    ProxyError,
    TargetError,
    TokenRefused,
)
from ..model import EchoTarget, Peer, SessionId, Target, new_session_id
from ..net.clock import Deadline, wall
from ..net.leaving import WhileThere
from ..net.peercert import certificate_of
from ..net.stream import Stream
from ..observer import PayloadObserver, SessionInfo
from ..relay.echo import Echo
from ..relay.ends import ClientEnd, TargetEnd
from ..relay.pair import Relay
from ..targets.resolver import Found
from ..wire.dialects import open_session
from ..wire.handshake import Proposal, origin_of, propose
from ..wire.message import Request
from ..wire.payload import PayloadKind
from ..wire.proxysend import Introduction
from ..wire.session import Session
from .context import Context
from .finding import find, visitor_of


class Visit(Protocol):
    """Who asks, and over what: `peer` connected, `client` sent the request.

    `local` is the address that it connected to, an empty host for a unix socket.
    `stage` names the step under way, for the log.

    `speaks_http` says whether an HTTP answer would be understood.
    """

    peer: Peer
    client: Peer
    stage: str
    speaks_http: bool

    @property
    def stream(self) -> Stream: ...

    @property
    def local(self) -> tuple[str, int]: ...

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
    answer = proposal.answer(body)
    try:
        visit.stage = "login"
        grant = _log_in(context, visit, request)
        with WhileThere(visit.stream, _did_not_wait):
            found = find(context, visit, request, grant)
    except (TokenRefused, LoginExpired) as error:
        if not context.refuse_by_close:
            raise
        _open_and_close(context, visit, proposal, answer, error)
        return
    accepted = _Accepted(request, proposal, answer, behind, found, grant)
    with context.crowds.bearer(found.token), context.crowds.session(found.target):
        _connect(context, visit, accepted)


@dataclass(frozen=True, slots=True)
class _Accepted:
    """A request that nothing speaks against."""

    request: Request
    proposal: Proposal
    answer: bytes
    behind: bytes
    found: Found
    grant: Grant


def _connect(context: Context, visit: Visit, accepted: _Accepted) -> None:
    """May switch; returns when the session has ended."""
    session_id = new_session_id(wall())
    visit.stage = "dial"
    try:
        target_stream = _dial(context, visit, accepted.found.target, session_id)
    except (TargetError, Busy) as error:
        if context.dial_error_http:
            raise
        _open_and_close(context, visit, accepted.proposal, accepted.answer, error)
        return
    try:
        info = _info(context, visit, accepted, session_id)
        observers = context.observers(info)
        visit.speaks_http = False
        visit.stream.write_all(accepted.answer)
        session = _session(context, accepted.proposal, accepted.found.target)
        client = ClientEnd(visit.stream, session, leftover=accepted.behind)
        relay = _join(context, info, client, target_stream)
        with _expiring(relay, accepted.grant.expires_at):
            _run(context, relay, observers)
    finally:
        if target_stream is not None:
            target_stream.abort()


def _log_in(context: Context, visit: Visit, request: Request) -> Grant:
    """What the logins say of the client; the cheaper refusals come before.  May switch."""
    if context.login is None:
        return Grant()
    with WhileThere(visit.stream, _did_not_wait):
        return context.login.check(request, visitor_of(visit))


def _read_body(stream: Stream, length: int, behind: bytes) -> tuple[bytes, bytes]:
    """The handshake's body (Hixie-76's eight bytes), and what came behind it."""
    while len(behind) < length:
        data = stream.read_some()
        if not data:
            raise PeerLeft("the connection ended inside a handshake")
        behind += data
    return behind[:length], behind[length:]


def _dial(context: Context, visit: Visit, target: Target, session_id: SessionId) -> Stream | None:
    """A stream to the target; None for the echo, which needs no other end.  May switch.

    Raises `PeerLeft` if the client does not wait for it.
    """
    if isinstance(target, EchoTarget):
        return None
    ahead = _introduction(context, visit, session_id)
    with WhileThere(visit.stream, _did_not_wait):
        return context.dialer.dial(target, ahead)


def _introduction(context: Context, visit: Visit, session_id: SessionId) -> bytes:
    """What the target is told before anything else, of the client; nothing as a rule."""
    if context.introduce is None:
        return b""
    certificate = certificate_of(visit.stream)
    return context.introduce(
        Introduction(
            client=visit.client,
            destination=Peer(*visit.local),
            session_id=session_id,
            tls=visit.stream.tls_version,
            verified=certificate is not None,
            common_name=certificate.common_name if certificate else None,
        )
    )


def _open_and_close(
    context: Context, visit: Visit, proposal: Proposal, answer: bytes, error: ProxyError
) -> None:
    """A browser shows a Close's reason, but nothing of a refused handshake.  May switch."""
    context.log.refused(visit.client, visit.stage, error)
    visit.speaks_http = False
    visit.stream.write_all(answer)
    client = ClientEnd(visit.stream, _open(proposal, _kind(context, proposal)))
    client.part(error.close_code, error.reason, context.patience)


def _info(
    context: Context, visit: Visit, accepted: _Accepted, session_id: SessionId
) -> SessionInfo:
    proposal, grant = accepted.proposal, accepted.grant
    return SessionInfo(
        id=session_id,
        peer=visit.client,
        target=accepted.found.target,
        dialect=proposal.dialect,
        subprotocol=proposal.subprotocol,
        tls=visit.stream.tls_version,
        path=context.path_shown(accepted.request),
        opened_at=wall(),
        user=grant.user,
        record=grant.record,
        token=accepted.found.token,
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
