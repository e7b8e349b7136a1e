"""How many at a time: of one address, by one token, and for one target.

An address of IPv6 stands for its /64, which is what one customer is given.
Trusted proxies are not counted, for they stand for many; a client behind
one is, from its request on, when it is known.

The counts are of the process and outlive a reload; what is allowed is the
context's.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import lru_cache

from ..errors import LimitReached, TargetFull, TokenFull, TooManyFromAddress, TooManyPending
from ..model import Peer, Target, Token
from ..net.address import network_of


@dataclass(frozen=True, slots=True)
class CrowdLimits:
    """The most at a time; 0 is no limit.

    `pending` are connections of one address that have not sent a whole
    request, `present` its connections that have; `per_target` are the
    sessions of one target, `per_token` those that one token has led to one,
    those being connected among them.
    """

    pending: int = 0
    present: int = 0
    per_target: int = 0
    per_token: int = 0


@dataclass(slots=True)
class Counts:
    """Who is there now."""

    pending: dict[Hashable, int] = field(default_factory=dict)
    present: dict[Hashable, int] = field(default_factory=dict)
    targets: dict[Hashable, int] = field(default_factory=dict)
    tokens: dict[Hashable, int] = field(default_factory=dict)


class Place:
    """One of a count; given back by `leave`, which may be called again, or by `with`.

    A `key` of None is not counted.
    """

    __slots__ = ("_counts", "key")

    def __init__(self, counts: dict[Hashable, int], key: Hashable) -> None:
        self.key = key
        self._counts = counts
        if key is not None:
            counts[key] = counts.get(key, 0) + 1

    def leave(self) -> None:
        key, self.key = self.key, None
        if key is None:
            return
        left = self._counts[key] - 1
        if left:
            self._counts[key] = left
        else:
            del self._counts[key]  # or every address that ever came would stay

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()


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

        @lru_cache(maxsize=1024)  # who comes once comes again
        def key(host: str) -> str | None:
            peer = Peer(host)
            return None if not host or exempt(peer) else network_of(peer)

        self._key = key

    def pending(self, peer: Peer) -> Place:
        """A place while a request is read.  Raises `TooManyPending`."""
        key, counts, most = self._key(peer.host), self.counts.pending, self._limits.pending
        if 0 < most <= counts.get(key, 0):
            raise _too_many(TooManyPending, f"{most} pending", key)
        return Place(counts, key)

    def enter(self, client: Peer, earlier: Place | None = None) -> Place:
        """A connection's place from its first request on; of a later client, another.

        Raises `TooManyFromAddress`; the earlier place is given back then, too.
        """
        key, counts, most = self._key(client.host), self.counts.present, self._limits.present
        if earlier is not None:
            if earlier.key == key:
                return earlier
            earlier.leave()
        if 0 < most <= counts.get(key, 0):
            raise _too_many(TooManyFromAddress, f"{most} connections", key)
        return Place(counts, key)

    def session(self, target: Target) -> Place:
        """A place while a session has the target, or tries to.  Raises `TargetFull`."""
        counts, most = self.counts.targets, self._limits.per_target
        if 0 < most <= counts.get(target, 0):
            raise TargetFull(
                "the target has as many sessions as it may have; try again later",
                detail=f"{target}: {most} sessions",
            )
        return Place(counts, target)

    def bearer(self, token: Token | None) -> Place:
        """A place while a session has what the token led to.  Raises `TokenFull`."""
        counts, most = self.counts.tokens, self._limits.per_token
        if 0 < most <= counts.get(token, 0):
            raise TokenFull(
                "your token has as many sessions as it may have; end one, or try again later",
                detail=f"token {token}: {most} sessions",
                headers=(("Retry-After", "10"),),
            )
        return Place(counts, token)


def _too_many(kind: type[LimitReached], of_what: str, key: Hashable) -> LimitReached:
    return kind(
        "too many connections from your address; close some, or try again later",
        detail=f"{key} has {of_what}",
        headers=(("Retry-After", "10"),),
    )
