"""When the process ends by itself."""

from __future__ import annotations

from dataclasses import dataclass

from .. import kinds
from ..declare import Topic, setting


@dataclass(frozen=True, kw_only=True)
class LifeSettings:
    """The settings of when the process ends by itself."""

    run_once: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.PROCESS,
        meaning="Serve a single WebSocket session, and end with it; pages are served meanwhile.",
        fixed=True,
    )
    timeout: float = setting(
        0.0,
        kind=kinds.seconds(zero=True),
        topic=Topic.PROCESS,
        meaning="End this long after the start, or when the last client has left after that; "
        "0 never.",
        fixed=True,
    )
    idle_timeout: float = setting(
        0.0,
        kind=kinds.seconds(zero=True),
        topic=Topic.PROCESS,
        meaning="End when nobody has been connected for so long; 0 never.",
        fixed=True,
    )
