"""Who may connect."""

from __future__ import annotations

from dataclasses import dataclass

from .. import kinds
from ..choices import ORIGIN_RULES
from ..declare import Topic, setting


@dataclass(frozen=True, kw_only=True)
class AccessSettings:
    """The settings of who may connect."""

    origin_check: str = setting(
        "same-host",
        kind=kinds.choice(*ORIGIN_RULES),
        topic=Topic.ACCESS,
        meaning="Which pages may connect: those of the same host on any port, of the same "
        "origin, of the same origin and never without an Origin (strict), or any.  The profile "
        "websockify only warns.",
    )
    allow_origin: tuple[str, ...] = setting(
        (),
        kind=kinds.ORIGINS,
        topic=Topic.ACCESS,
        meaning="Pages of this origin may connect, too.",
    )
    allow_host: tuple[str, ...] = setting(
        (),
        kind=kinds.HOSTS,
        topic=Topic.ACCESS,
        meaning="Take requests for this host name while bound to loopback.",
    )
