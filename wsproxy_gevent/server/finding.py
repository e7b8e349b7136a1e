"""Where a request goes, and whether it may: the resolver, the policy, people's plugin.

What a login has named needs no token.  A plugin that finds targets is asked
together with the one that judges them, for those who wrote the two count on
nobody coming in between.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from ..auth.login import Grant, Visitor
from ..model import Peer, Target
from ..net.peercert import certificate_of
from ..net.stream import Stream
from ..targets.resolver import Found, InOneTurn
from ..wire.message import Request
from .context import Context


class Asking(Protocol):
    """Who asks, and over what; `stage` names the step under way."""

    peer: Peer
    client: Peer
    stage: str

    @property
    def stream(self) -> Stream: ...

    @property
    def secure(self) -> bool: ...


def visitor_of(visit: Asking, user: str | None = None) -> Visitor:
    """Who asks, as the logins and people's plugins want to know it."""
    certificate = certificate_of(visit.stream)
    via = None if visit.peer == visit.client else visit.peer
    return Visitor(visit.client, visit.secure, certificate, user, via=via)


def find(context: Context, visit: Asking, request: Request, grant: Grant) -> Found:
    """The target that may be dialled.  May switch.

    Raises a `ProxyError`.
    """
    visit.stage = "target"
    visitor = visitor_of(visit, grant.user)
    if grant.target is None and isinstance(context.resolver, InOneTurn):
        return context.resolver.resolve_then(
            request, lambda target: _judge(context, visit, request, visitor, target)
        )
    found = Found(grant.target) if grant.target else context.resolver.resolve(request)
    visit.stage = "policy"
    found = replace(found, target=context.policy.admit(found.target))
    if context.plugin is not None:
        visit.stage = "plugin"
        context.plugin.check(request, visitor, found.target)
    return found


def _judge(
    context: Context, visit: Asking, request: Request, visitor: Visitor, target: Target
) -> Target:
    """On a native thread."""
    visit.stage = "policy"
    target = context.policy.admit(target)
    if context.plugin is not None:
        visit.stage = "plugin"
        context.plugin.authenticate(request, visitor, target)
    return target
