"""Somebody's own plugin as what knows tokens: anything with `lookup(token)`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

from ..errors import PluginFailed, ProxyError
from ..model import Target, Token
from ..net.turns import Turns
from ..wire.message import Request
from ..wire.tokens import TokenPlaces
from .naming import target_of_lookup
from .resolver import Found
from .tokens import token_of, unknown

logger = logging.getLogger(__name__)


class Lookup(Protocol):
    """As websockify has it: a host and a port, `unix_socket` and a path, or None."""

    def lookup(self, token: str) -> Any: ...


class PluginResolver:
    """Finds targets by `plugin`, one call at a time unless `turns` has more.

    The plugin that judges a target runs in the same turn as the one that has
    found it: what the first has left in a global is there for the second.
    """

    def __init__(
        self, plugin: Lookup, places: TokenPlaces, turns: Turns, *, timeout: float
    ) -> None:
        self._plugin = plugin
        self._places = places
        self._turns = turns
        self._timeout = timeout

    def resolve(self, request: Request) -> Found:
        """May switch."""
        return self.resolve_then(request, lambda target: target)

    def resolve_then(self, request: Request, then: Callable[[Target], Target]) -> Found:
        """May switch."""
        token = token_of(request, self._places)
        target = self._turns.call(self._find, token, then, timeout=self._timeout)
        return Found(target, token)

    def holds(self, token: Token) -> bool:
        """May switch."""
        found = self._turns.call(self._lookup, token, timeout=self._timeout)
        return bool(found)

    def _find(self, token: Token, then: Callable[[Target], Target]) -> Target:
        """On a native thread."""
        found = self._lookup(token)
        if not found:
            raise unknown(token)
        return then(target_of_lookup(found))

    def _lookup(self, token: Token) -> Any:
        try:
            return self._plugin.lookup(token.secret)
        except ProxyError:
            raise
        except Exception as exc:  # noqa: BLE001  # somebody else's code
            # Its text, and its traceback's, may hold the token.
            raise PluginFailed(
                "a plugin failed", detail=f"{_place(exc)} for token {token}"
            ) from None


def _place(exc: BaseException) -> str:
    """Where in somebody's code it was raised, and what."""
    trace = exc.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename}, line {trace.tb_lineno}" if trace else "?"
    return f"{type(exc).__name__} in {where}"
