"""Sessions whose token a reload took away are ended: `--revoke`.

Each token of a live session is looked up again, once for all its sessions.
Only a source's word that it is not known ends them: while the source fails,
or where the token has merely expired, they live on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

import gevent

from .errors import ProxyError, TokenRevoked
from .live.registry import Registry
from .model import Token
from .targets.resolver import Resolver

logger = logging.getLogger(__name__)

REASON: Final = "this token has been revoked"


class Revoker:
    """Looks through the live sessions of `registry`, one reload's look at a time."""

    def __init__(
        self, registry: Registry, sleep: Callable[[float], object] = gevent.sleep
    ) -> None:
        self._registry = registry
        self._sleep = sleep
        self._greenlet: gevent.Greenlet[[Resolver, float], None] | None = None

    def look(self, resolver: Resolver, again: float) -> None:
        """Ask `resolver` for the tokens now, and `again` after so many seconds.

        By then whoever was let in before the reload, and was still on the way
        to a session, has one.  Never switches.
        """
        self.stop()
        self._greenlet = gevent.spawn(self._run, resolver, again)

    def stop(self) -> None:
        """Never switches."""
        if self._greenlet is not None:
            self._greenlet.kill(block=False)

    def _run(self, resolver: Resolver, again: float) -> None:
        self.sweep(resolver)
        self._sleep(again)
        self.sweep(resolver)

    def sweep(self, resolver: Resolver) -> int:
        """End those whose token is not known; returns how many were.  May switch."""
        verdicts: dict[Token, bool] = {}
        ended = 0
        for info in self._registry.list():
            if info.token is None:
                continue
            if info.token not in verdicts:
                verdicts[info.token] = _holds(resolver, info.token)
            if not verdicts[info.token]:
                ended += self._registry.stop(
                    info.id, TokenRevoked.close_code, REASON, TokenRevoked.slug
                )
        if ended:
            logger.info("%d sessions end: their token has been revoked", ended)
        return ended


def _holds(resolver: Resolver, token: Token) -> bool:
    try:
        return resolver.holds(token)
    except ProxyError as error:
        logger.warning(
            "whether token %s still holds is not known, its sessions go on: %s",
            token,
            error.detail or error.reason,
        )
        return True
