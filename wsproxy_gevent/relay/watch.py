"""Those who look on while a session runs.

They come and go at any time, also from inside a call: the tuple is replaced
and never changed, so whoever goes through it goes through all of it.
"""

from __future__ import annotations

from ..observer import PayloadObserver


class Watch:
    """A session's observers.  Empty, it costs a loop over nothing."""

    __slots__ = ("_over", "observers")

    def __init__(self) -> None:
        self.observers: tuple[PayloadObserver, ...] = ()
        self._over = False

    def join(self, observer: PayloadObserver) -> None:
        """Let it see what comes from now on; if nothing will, it is told at once."""
        if self._over:
            observer.ended()
        else:
            self.observers = (*self.observers, observer)

    def leave(self, observer: PayloadObserver) -> None:
        """Tell it that it sees no more.  Does nothing if it has left before."""
        if any(other is observer for other in self.observers):
            self.observers = tuple(other for other in self.observers if other is not observer)
            observer.ended()

    def end(self) -> None:
        """The session is over: all leave."""
        self._over = True
        for observer in self.observers:
            self.leave(observer)
