"""How a target is reached, and which ones may be."""

from __future__ import annotations

from dataclasses import dataclass

from .. import kinds
from ..declare import Topic, setting


@dataclass(frozen=True, kw_only=True)
class ReachingSettings:
    """The settings of how a target is reached, and which ones may be."""

    allow_target: tuple[str, ...] = setting(
        (),
        kind=kinds.TARGETS,
        topic=Topic.REACHING,
        meaning="Of the targets that tokens, plugins and hooks name, allow these alone: a host, "
        "*.domain or network, with :port or :first-last if not at every port; or unix:/path, "
        "which with a slash at its end means all below.",
    )
