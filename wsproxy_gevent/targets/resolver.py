"""The seam behind which targets are found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ..errors import NotFound
from ..model import Target, Token
from ..wire.message import Request


@dataclass(frozen=True, slots=True)
class Found:
    """Where a request goes, and the token that says so, if one does."""

    target: Target
    token: Token | None = None


class Resolver(Protocol):
    def resolve(self, request: Request) -> Found:
        """Where this request goes.  May switch.

        Raises a `ProxyError` whose reason the client may see.
        """

    def holds(self, token: Token) -> bool:
        """Whether the token would still be taken.  May switch.

        Raises a `ProxyError` where nobody can say.
        """


@runtime_checkable
class InOneTurn(Protocol):
    """A resolver behind which nobody else may come before the request is let in."""

    def resolve_then(self, request: Request, then: Callable[[Target], Target]) -> Found:
        """As `resolve`, with what `then` makes of the target.  May switch.

        `then` blocks, is called on a native thread, and raises where the
        request may not go there.
        """


class Nowhere:
    """No target for anybody: what is served there is pages."""

    def resolve(self, request: Request) -> Found:
        """Always raises `NotFound`."""
        raise NotFound(detail="a WebSocket, and nothing is proxied here")

    def holds(self, token: Token) -> bool:
        return False


class StaticResolver:
    """One target for everybody, as named on the command line."""

    def __init__(self, target: Target) -> None:
        self._found = Found(target)

    def resolve(self, request: Request) -> Found:
        """Never switches, never fails."""
        return self._found

    def holds(self, token: Token) -> bool:
        """No token has led here; none is taken away."""
        return True
