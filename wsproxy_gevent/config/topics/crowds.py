"""From where, and how many at a time."""

from __future__ import annotations

from dataclasses import dataclass

from .. import kinds
from ..declare import Topic, setting


@dataclass(frozen=True, kw_only=True)
class CrowdsSettings:
    """The settings of from where, and how many at a time."""

    allow_from: tuple[str, ...] = setting(
        (),
        kind=kinds.NETWORKS,
        topic=Topic.ACCESS,
        meaning="Serve clients with these addresses and no others.",
        shown="all",
    )
    deny_from: tuple[str, ...] = setting(
        (),
        kind=kinds.NETWORKS,
        topic=Topic.ACCESS,
        meaning="Refuse clients with these addresses, whatever --allow-from has.",
    )
    max_pending_per_address: int = setting(
        64,
        kind=kinds.COUNT_OR_NONE,
        topic=Topic.TIMES,
        meaning="Have no more connections than this of one address (of IPv6, its /64) that have "
        "yet to send a request; 0 is no limit.  Trusted proxies are not counted.",
    )
    max_per_address: int = setting(
        0,
        kind=kinds.COUNT_OR_NONE,
        topic=Topic.TIMES,
        meaning="Have no more connections than this of one client's address at a time, in each "
        "process; 0 is no limit.",
    )
    max_per_token: int = setting(
        0,
        kind=kinds.COUNT_OR_NONE,
        topic=Topic.TIMES,
        meaning="Have no more sessions than this by one token at a time, in each process; "
        "0 is no limit.",
    )
    max_per_target: int = setting(
        0,
        kind=kinds.COUNT_OR_NONE,
        topic=Topic.TIMES,
        meaning="Have no more sessions than this of one target at a time, in each process; "
        "0 is no limit.",
    )
