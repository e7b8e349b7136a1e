"""The command that is wrapped, and the socket it listens on."""

from __future__ import annotations

from dataclasses import dataclass

from .. import kinds
from ..choices import WRAP_MODES
from ..declare import Topic, setting


@dataclass(frozen=True, kw_only=True)
class WrapSettings:
    """The settings of a wrapped command and its socket."""

    unix_target: str | None = setting(
        None,
        kind=kinds.FILE,
        topic=Topic.WHERE,
        meaning="Forward to this unix socket; there is no target argument then.  With "
        "-- COMMAND it is the socket on which the command listens.",
    )
    wrap_mode: str = setting(
        "exit",
        kind=kinds.choice(*WRAP_MODES),
        topic=Topic.PROCESS,
        meaning="When the command behind -- ends: end with its exit status, go on without it "
        "(one that puts itself in the background), or start it again.",
        fixed=True,
    )
