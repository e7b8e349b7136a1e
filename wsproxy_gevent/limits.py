"""How long and how much: what a connection may cost before it is ended."""

from __future__ import annotations

import resource
from dataclasses import dataclass

MOST_CONNECTIONS = 10_000

# A session holds the client's socket, the target's and perhaps a record.
DESCRIPTORS_EACH = 3
DESCRIPTORS_OF_OURS = 64


@dataclass(frozen=True, slots=True)
class OpeningLimits:
    """What a connection may cost before it is a session; seconds.

    `opening` is absolute and runs from accept to the end of the request
    head, TLS included; on keep-alive from a request's first byte.
    `keep_alive` is how long an idle connection waits for that byte.
    `linger_read` (each read) and `linger` (in all) bound the reading that
    keeps a last FIN from becoming a reset.
    """

    opening: float = 10.0
    keep_alive: float = 30.0
    linger_read: float = 2.0
    linger: float = 10.0


def connections_allowed() -> int:
    """What RLIMIT_NOFILE has room for, at most `MOST_CONNECTIONS`."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(1, min(MOST_CONNECTIONS, (files - DESCRIPTORS_OF_OURS) // DESCRIPTORS_EACH))
