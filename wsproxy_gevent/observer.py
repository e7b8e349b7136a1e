"""What the relay tells, and to whom.

The relay calls these and imports none of what stands behind them.  A
`SessionLog` is always there and hears of a session's ends.  A
`PayloadObserver` is opt-in, sees the bytes, and may join and leave a live
session; it is called on the relay's own greenlets and must never block,
switch or raise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from .errors import ProxyError
from .model import Buffer, Dialect, Direction, Peer, SessionId, Target, Token


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """What is known of a session when it opens.

    `opened_at` is wall-clock seconds since the epoch; `tls` is the protocol
    version, such as "TLSv1.3", or None on a plain socket.  `user` is whom a
    login named; `record` is what it said of recording, None for nothing.
    `token` is what led the session to its target.
    """

    id: SessionId
    peer: Peer
    target: Target
    dialect: Dialect
    subprotocol: str | None
    tls: str | None
    path: str
    opened_at: float
    user: str | None = None
    record: bool | None = None
    token: Token | None = None


@dataclass(frozen=True, slots=True)
class Traffic:
    """Payload bytes that one direction carried, and the client's frames that held them."""

    payload_bytes: int = 0
    frames: int = 0


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """What is known of a session when it has ended.

    `ended_by` is "client", "target" or "proxy"; `close_code` is the one the
    client has been sent or sent first, None where the dialect has no codes;
    `reason` is a slug of `errors`, or "closed" for an orderly end.
    """

    info: SessionInfo
    seconds: float
    upstream: Traffic
    downstream: Traffic
    ended_by: str
    close_code: int | None
    reason: str
    detail: str = ""


class SessionLog(Protocol):
    """Hears of every connection's outcome.  Never raises, never switches."""

    def opened(self, info: SessionInfo) -> None:
        """The 101 is out and the target is connected."""

    def refused(self, peer: Peer, stage: str, error: ProxyError) -> None:
        """The connection ended before it became a session.

        `stage` is the step that refused: "opening", "tls", "request",
        "host", "origin", "handshake", "login", "target", "policy", "plugin",
        "dial".
        """

    def closed(self, summary: SessionSummary) -> None:
        """The session is over and both sockets are closed."""


class PayloadObserver:
    """Sees a session's payload; every method is a no-op to override.

    `payload` must not be kept: it may be a view of a buffer that is used
    again as soon as the call returns.
    """

    def received(self, direction: Direction, payload: Buffer) -> None:
        """Payload was taken from the direction's source, already decoded."""

    def incomplete(self, direction: Direction) -> None:
        """A read from the source ended inside a frame."""

    def sent(self, direction: Direction, *, whole: bool) -> None:
        """Payload was taken by the sink; `whole` if its first send took all."""

    def ended(self) -> None:
        """The session is over, or the observer has left it."""
