"""What the limits refuse: counted, and told of in one line for many.

A limit is there for a flood, and a line for each refusal would be one, too.
"""

from __future__ import annotations

import logging
from collections import Counter

from ..errors import LimitReached, ProxyError
from ..model import Peer
from ..net.clock import SYSTEM, Clock
from ..observer import SessionInfo, SessionLog, SessionSummary

logger = logging.getLogger(__name__)

# Between two lines about one limit.
SECONDS_BETWEEN_LINES = 10.0


class Bites:
    """How often each limit has bitten, by its slug: `counts`."""

    def __init__(self, clock: Clock = SYSTEM) -> None:
        self._now = clock.monotonic
        self.counts: Counter[str] = Counter()
        self._told: Counter[str] = Counter()
        self._next_line: dict[str, float] = {}

    def note(self, client: Peer, error: LimitReached) -> None:
        """Count it, and tell of it unless that was done just now.  Never switches."""
        slug, now = error.slug, self._now()
        self.counts[slug] += 1
        if now < self._next_line.get(slug, now):
            return
        self._next_line[slug] = now + SECONDS_BETWEEN_LINES
        since, self._told[slug] = self.counts[slug] - self._told[slug], self.counts[slug]
        logger.warning(
            "refused by a limit: reason=%s count=%d, the last peer=%s (%s)",
            *(slug, since, client, error.detail),
        )


class LimitLog:
    """A `SessionLog` that passes everything on to `log`, and notes what limits refuse."""

    def __init__(self, log: SessionLog, bites: Bites) -> None:
        self._log = log
        self._bites = bites

    def opened(self, info: SessionInfo) -> None:
        self._log.opened(info)

    def refused(self, peer: Peer, stage: str, error: ProxyError) -> None:
        if isinstance(error, LimitReached):
            self._bites.note(peer, error)
        self._log.refused(peer, stage, error)

    def closed(self, summary: SessionSummary) -> None:
        self._log.closed(summary)
