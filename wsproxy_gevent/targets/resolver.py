"""The seam behind which targets are found."""

from __future__ import annotations

from typing import Protocol

from ..model import Target
from ..wire.message import Request


class Resolver(Protocol):
    def resolve(self, request: Request) -> Target:
        """The target this request is for.  May switch.

        Raises a `ProxyError` whose reason the client may see.
        """


class StaticResolver:
    """One target for everybody, as named on the command line."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def resolve(self, request: Request) -> Target:
        """Never switches, never fails."""
        return self._target
