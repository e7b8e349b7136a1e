"""What operators may ask, and where."""

from __future__ import annotations

from dataclasses import dataclass

from .. import kinds
from ..declare import Topic, setting


@dataclass(frozen=True, kw_only=True)
class AdminSettings:
    """The settings of what operators may ask, and where."""

    admin: str | None = setting(
        None,
        kind=kinds.ADMIN,
        topic=Topic.ADMIN,
        meaning="Answer operators here, never on the public port: /healthz and /readyz; a unix "
        "socket for this user alone, or an address, which takes a token.",
        fixed=True,
    )
    admin_token: str | None = setting(
        None,
        kind=kinds.SECRET,
        topic=Topic.ADMIN,
        meaning="Where the token is that they must send (Authorization: Bearer): in a variable, "
        "or in the first line of a file.",
        fixed=True,
    )
