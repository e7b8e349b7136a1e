"""Which of the subprotocols that a client offers is spoken.

A browser fails the connection when it offered some and none comes back, so
a name that means nothing to us is still answered: it is the target's own
(mqtt, xmpp, stomp).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ..errors import SubprotocolRefused

_TOKEN = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")

# Pages that cannot set headers send a bearer token as a subprotocol beside
# the real one.  It is a secret: it is never the one that is answered.
SECRET_PREFIX = "token."  # noqa: S105  a prefix, no password


def choose(
    offered: Iterable[str], preferred: Sequence[str], allowed: Sequence[str] = ()
) -> str | None:
    """The subprotocol to answer, or None where none was offered.

    The first of `preferred` that was offered, else the client's first; with
    `allowed`, the first of those that was offered.  Names that are no token
    (RFC 9110, section 5.6.2) are passed over.  Raises `SubprotocolRefused`
    if none of those offered is allowed.
    """
    names = [n for n in offered if _TOKEN.fullmatch(n) and not n.startswith(SECRET_PREFIX)]
    if not names:
        return None
    candidates = allowed or (*preferred, names[0])
    for candidate in candidates:
        if candidate in names:
            return candidate
    raise SubprotocolRefused(
        "none of the offered subprotocols is served here: --subprotocol names those that are",
        detail="offered: " + ", ".join(names),
    )
