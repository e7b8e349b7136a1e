"""How long and how much: what a connection may cost before it is ended."""

from __future__ import annotations

import resource
from contextlib import suppress
from dataclasses import dataclass

MOST_CONNECTIONS = 10_000

# A session holds the client's socket and the target's; a record is one more.
DESCRIPTORS_EACH = 2
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


def connections_allowed(*, recording: bool = False) -> int:
    """What RLIMIT_NOFILE has room for, at most `MOST_CONNECTIONS`."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    each = DESCRIPTORS_EACH + recording
    return max(1, min(MOST_CONNECTIONS, (files - DESCRIPTORS_OF_OURS) // each))


def raise_open_files() -> None:
    """Take the open files that the system grants to those who ask.

    The soft limit is low by default for the sake of programs that use
    select(), which cannot see higher descriptors; we use epoll.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
