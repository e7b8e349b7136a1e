"""How many at a time: of one address, and for one target.

An address of IPv6 stands for its /64, which is what one customer is given.
Trusted proxies are not counted, for they stand for many; a client behind
one is, from its request on, when it is known.

The counts are of the process and outlive a reload; what is allowed is the
context's.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..errors import LimitReached, TargetFull, TooManyFromAddress, TooManyPending
from ..model import Peer, Target


@dataclass(frozen=True, slots=True)
class CrowdLimits:
    """The most at a time; 0 is no limit.

    `pending` are connections of one address that have not sent a whole
    request, `present` its connections that have; `per_target` are the
    sessions of one target, those being connected among them.
    """

    pending: int = 0
    present: int = 0
    per_target: int = 0


@dataclass(slots=True)
class Counts:
    """Who is there now."""

    pending: Counter[Hashable] = field(default_factory=Counter)
    present: Counter[Hashable] = field(default_factory=Counter)
    targets: Counter[Hashable] = field(default_factory=Counter)


class Place:
    """One of a count; given back by `leave`, which may be called again."""

    def __init__(self, counts: Counter[Hashable], key: Hashable) -> None:
        self.key = key
        self._counts = counts
        counts[key] += 1

    def leave(self) -> None:
        if self.key is None:
            return
        self._counts[self.key] -= 1
        if not self._counts[self.key]:
            del self._counts[self.key]  # or every address that ever came would stay
        self.key = None


class Crowds:
    """Counts, and refuses what is over a limit; `exempt` says who is not counted."""

    def __init__(
        self,
        limits: CrowdLimits | None = None,
        counts: Counts | None = None,
        exempt: Callable[[Peer], bool] = lambda _: False,
    ) -> None:
        self._limits = limits or CrowdLimits()
        self.counts = counts or Counts()
        self._exempt = exempt

    @contextmanager
    def pending(self, peer: Peer) -> Iterator[None]:
        """While a request is read.  Raises `TooManyPending`."""
        key = self._key(peer)
        if key is None:
            yield
            return
        if 0 < self._limits.pending <= self.counts.pending[key]:
            raise _too_many(TooManyPending, f"{self._limits.pending} pending", key)
        place = Place(self.counts.pending, key)
        try:
            yield
        finally:
            place.leave()

    def enter(self, client: Peer, earlier: Place | None = None) -> Place | None:
        """A connection's place from its first request on; of a later client, another.

        Raises `TooManyFromAddress`; the earlier place is given back then, too.
        """
        key = self._key(client)
        if earlier is not None and earlier.key == key:
            return earlier
        if earlier is not None:
            earlier.leave()
        if key is None:
            return None
        if 0 < self._limits.present <= self.counts.present[key]:
            raise _too_many(TooManyFromAddress, f"{self._limits.present} connections", key)
        return Place(self.counts.present, key)

    @contextmanager
    def session(self, target: Target) -> Iterator[None]:
        """While a session has the target, or tries to.  Raises `TargetFull`."""
        if 0 < self._limits.per_target <= self.counts.targets[target]:
            raise TargetFull(
                "the target has as many sessions as it may have; try again later",
                detail=f"{target}: {self._limits.per_target} sessions",
            )
        place = Place(self.counts.targets, target)
        try:
            yield
        finally:
            place.leave()

    def _key(self, peer: Peer) -> Hashable:
        return None if not peer.host or self._exempt(peer) else key_of(peer)


def key_of(peer: Peer) -> str:
    """What is counted as one: an IPv4 address, or the /64 of an IPv6 one."""
    if ":" not in peer.host:
        return peer.host
    return str(ipaddress.ip_network((peer.host.partition("%")[0], 64), strict=False))


def _too_many(kind: type[LimitReached], of_what: str, key: Hashable) -> LimitReached:
    return kind(
        "too many connections from your address; close some, or try again later",
        detail=f"{key} has {of_what}",
        headers=(("Retry-After", "10"),),
    )
