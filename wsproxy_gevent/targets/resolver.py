"""The seam behind which targets are found."""

from __future__ import annotations

from typing import Protocol

from ..errors import NotFound
from ..model import Target
from ..wire.message import Request


class Resolver(Protocol):
    def resolve(self, request: Request) -> Target:
        """The target this request is for.  May switch.

        Raises a `ProxyError` whose reason the client may see.
        """


class Nowhere:
    """No target for anybody: what is served there is pages."""

    def resolve(self, request: Request) -> Target:
        """Always raises `NotFound`."""
        raise NotFound(detail="a WebSocket, and nothing is proxied here")


class StaticResolver:
    """One target for everybody, as named on the command line."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def resolve(self, request: Request) -> Target:
        """Never switches, never fails."""
        return self._target
