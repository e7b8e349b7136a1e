"""The collaborators of a connection: built once, frozen, swapped whole.

A connection takes the context that is current when it is accepted and keeps
it to its end, so that a reload never changes a live session's rules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from wsgiref.types import WSGIApplication

from ..auth.clients import Clients
from ..auth.host import HostRule
from ..auth.login import Login, Visitor
from ..auth.origin import OriginRule
from ..limits import OpeningLimits
from ..limits.addresses import AddressRule
from ..limits.crowds import Crowds
from ..live.registry import Registry
from ..model import Dialled, Target
from ..net.balancers import Balancers
from ..net.certificates import ContextSource
from ..net.stream import Stream
from ..observer import PayloadObserver, SessionInfo, SessionLog
from ..relay.pair import Patience
from ..targets.policy import TargetPolicy
from ..targets.resolver import Resolver
from ..wire.handshake import HandshakeRules
from ..wire.http1 import HeadLimits
from ..wire.message import Request
from ..wire.proxysend import Introduction
from .single import Single

Introduce = Callable[[Introduction], bytes]

Observers = Callable[[SessionInfo], Sequence[PayloadObserver]]


class Dials(Protocol):
    def dial(self, target: Dialled, ahead: bytes = b"") -> Stream:
        """A stream to the target, within a deadline of its own.  May switch.

        `ahead` is sent before anything else.
        """


class Plugin(Protocol):
    """People's own word on who may go to a target."""

    def authenticate(self, request: Request, visitor: Visitor, target: Target) -> None:
        """Let the client in, or raise a `ProxyError`.  Blocks: for native threads."""

    def check(self, request: Request, visitor: Visitor, target: Target) -> None:
        """The same, on a native thread and within a deadline.  May switch."""


def path_as_sent(request: Request) -> str:
    """The path says nothing that is secret."""
    return request.path


def no_observers(_info: SessionInfo) -> Sequence[PayloadObserver]:
    """Nobody looks on: the session stays on the fastest path."""
    return ()


@dataclass(frozen=True, slots=True)
class Context:
    """What `connection` works with.

    `addresses` and `crowds` refuse clients by where they are and how many.
    `introduce` gives the line with which a target is told who is there.
    `policy` is asked before a target is dialled, and the dialer asks it of each
    address.  With `balancers`, who connects may speak for somebody else;
    `clients` finds the sender of a request that came through a proxy.  Without
    a `login` everybody may come in.  `observers` may switch, and is asked
    before the 101.  People's own `plugin` is asked behind the policy.  With
    `refuse_by_close` a page is told by a Close that its token is not taken.
    `path_shown` is the path as it may be seen in logs.  `dial_error_http` turns
    a failed dial into an HTTP status instead of a 101 and a Close.  With
    `single` there is one session and no other.
    """

    log: SessionLog
    registry: Registry
    resolver: Resolver
    dialer: Dials
    web: WSGIApplication
    host: HostRule
    origin: OriginRule
    addresses: AddressRule = field(default_factory=AddressRule)
    crowds: Crowds = field(default_factory=Crowds)
    login: Login | None = None
    plugin: Plugin | None = None
    path_shown: Callable[[Request], str] = path_as_sent
    refuse_by_close: bool = False
    introduce: Introduce | None = None
    policy: TargetPolicy = field(default_factory=TargetPolicy)
    balancers: Balancers | None = None
    clients: Clients = field(default_factory=Clients)
    certificate: ContextSource | None = None
    ssl_only: bool = False
    dial_error_http: bool = False
    single: Single | None = None
    policy_domains: Sequence[str] = ("*",)
    handshake: HandshakeRules = field(default_factory=HandshakeRules)
    head: HeadLimits = field(default_factory=HeadLimits)
    limits: OpeningLimits = field(default_factory=OpeningLimits)
    patience: Patience = field(default_factory=Patience)
    observers: Observers = no_observers
