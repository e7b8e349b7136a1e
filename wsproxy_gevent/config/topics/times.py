"""How long, and how many."""

from __future__ import annotations

from dataclasses import dataclass

from .. import kinds
from ..declare import Topic, setting


@dataclass(frozen=True, kw_only=True)
class TimesSettings:
    """The settings of how long, and how many."""

    opening_timeout: float = setting(
        10.0,
        kind=kinds.seconds(zero=False),
        topic=Topic.TIMES,
        meaning="From accept to the end of the request, TLS included, a client has this long.",
    )
    session_idle: float = setting(
        0.0,
        kind=kinds.seconds(zero=True),
        topic=Topic.TIMES,
        meaning="End a session in which no data has gone either way for so long; 0 never.",
    )
    session_max: float = setting(
        0.0,
        kind=kinds.seconds(zero=True),
        topic=Topic.TIMES,
        meaning="End a session that is so old, whatever it does; 0 never.",
    )
    send_timeout: float = setting(
        0.0,
        kind=kinds.seconds(zero=True),
        topic=Topic.TIMES,
        meaning="End a session one side of which has not taken its data for so long; 0 never.",
    )
    max_connections: int | None = setting(
        None,
        kind=kinds.COUNT,
        topic=Topic.TIMES,
        meaning="Accept no more connections than this at a time.",
        shown="what the limit of open files allows, at most 10000",
        fixed=True,
    )
