"""What websockify has, and what changes nothing here."""

from __future__ import annotations

from dataclasses import dataclass

from .. import kinds
from ..declare import Topic, setting


@dataclass(frozen=True, kw_only=True)
class WebsockifySettings:
    """Options that scripts may give as before."""

    libserver: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.PROCESS,
        meaning="The other engine of websockify; here there is one, and this changes nothing.",
        in_file=False,
    )
