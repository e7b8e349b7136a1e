"""The seam of our own logins: a request and who sent it, to what that one may.

A login refuses by raising.  Where several are set up each of them must let
the client in, in their order; what a later one says wins, except that a
session ends when the first of them wants it to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ..errors import LoginExpired
from ..model import Peer, Target
from ..net.clock import SYSTEM, Clock
from ..net.peercert import PeerCertificate
from ..wire.message import Request
from .forwarded import TrustedProxies


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks; `secure` says whether over TLS to us.

    `peer` is the client itself, `via` the proxy of ours through which it
    came, None if through none.  `user` is whom a login before this one has
    named.
    """

    peer: Peer
    secure: bool = False
    certificate: PeerCertificate | None = None
    user: str | None = None
    via: Peer | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """What a login says of a client that it lets in; None is for nothing said.

    `target` takes the place of what the request would find.  `expires_at` is
    in wall-clock seconds since the epoch.
    """

    user: str | None = None
    target: Target | None = None
    record: bool | None = None
    expires_at: float | None = None

    def then(self, later: Grant) -> Grant:
        """Both, the later one's word before ours."""
        ends = [at for at in (self.expires_at, later.expires_at) if at is not None]
        return Grant(
            user=later.user if later.user is not None else self.user,
            target=later.target or self.target,
            record=later.record if later.record is not None else self.record,
            expires_at=min(ends, default=None),
        )


class Login(Protocol):
    def check(self, request: Request, visitor: Visitor) -> Grant:
        """Let the client in, or raise a `ProxyError` that it may see.  May switch."""


class SchemeOf:
    """By which scheme a client came: to us, or to a proxy that is trusted to say so."""

    def __init__(self, trusted: TrustedProxies) -> None:
        self._trusted = trusted

    def of(self, request: Request, visitor: Visitor) -> str:
        """`http`, `https`, or what a trusted proxy calls it.  Never switches."""
        speaker = visitor.via or visitor.peer
        said = self._trusted.first(request.headers, speaker, "x-forwarded-proto")
        return said.lower() if said else ("https" if visitor.secure else "http")

    def is_secure(self, request: Request, visitor: Visitor) -> bool:
        return self.of(request, visitor) in ("https", "wss")


class EveryLogin:
    """Each login in turn; the first that refuses has refused.

    What is granted for a time that is over is refused as well.
    """

    def __init__(self, logins: Sequence[Login], clock: Clock = SYSTEM) -> None:
        self._logins = tuple(logins)
        self._clock = clock

    def check(self, request: Request, visitor: Visitor) -> Grant:
        """May switch."""
        grant = Grant()
        for login in self._logins:
            grant = grant.then(login.check(request, replace(visitor, user=grant.user)))
        if grant.expires_at is not None and grant.expires_at <= self._clock.wall():
            raise LoginExpired("what let you in has expired; log in again")
        return grant
