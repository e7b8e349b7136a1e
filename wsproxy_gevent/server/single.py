"""`--run-once`: one session, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from gevent.event import Event

from ..errors import Busy


class Asking(Protocol):
    """Who asks for a session; `speaks_http` is True until the 101."""

    speaks_http: bool


class Single:
    """Admits one; `over` is set when that one has ended.

    A request that is refused before its 101 has not been a session, and
    leaves the place to the next.
    """

    def __init__(self) -> None:
        self.over = Event()
        self._taken = False

    @contextmanager
    def admit(self, visit: Asking) -> Iterator[None]:
        """Hold the place for what is done inside.  Raises `Busy` if it is taken."""
        # No switch from here to the assignment: two who come at once read this.
        if self._taken:
            raise Busy("a single session is served here (--run-once), and there is one")
        self._taken = True
        try:
            yield
        finally:
            if visit.speaks_http:
                self._taken = False
            else:
                self.over.set()
