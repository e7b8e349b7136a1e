"""Carry one direction.  A pump owns neither end; `pair` closes them.

A side is read only when the other has taken what came before: that is all
our backpressure.  While a pump waits for its source it holds no payload, for
what it read last lives in a call that has returned.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ..errors import ProxyError
from ..model import Buffer, Direction
from ..observer import Traffic
from .ends import End
from .watch import Watch


class Shortcut(Protocol):
    """A way past the ends, while there is nothing but payload to carry."""

    @property
    def payload_bytes(self) -> int: ...

    @property
    def frames(self) -> int:
        """Those that it has made."""

    def run(self) -> None:
        """Carry as `pump` would, until the next step is one for the ends.  May switch.

        Raises the `ProxyError` of either end.
        """

    def run_first(self, then: Callable[[ProxyError | None], None]) -> None:
        """Run, and call `then` with the error if there was one.  May switch.

        A greenlet that begins with this keeps no frame of Python while it waits.
        """


class Lane:
    """What one direction carried, counted, and told to those who watch."""

    __slots__ = ("_carried", "_direction", "_watch", "shortcut")

    def __init__(self, direction: Direction, watch: Watch) -> None:
        self._direction = direction
        self._watch = watch
        self._carried = 0
        self.shortcut: Shortcut | None = None

    @property
    def payload_bytes(self) -> int:
        past = self.shortcut
        return self._carried if past is None else self._carried + past.payload_bytes

    def traffic(self, frames: int) -> Traffic:
        """With the frames that the session counts; the shortcut frames some by itself."""
        past = self.shortcut
        return Traffic(self.payload_bytes, frames if past is None else frames + past.frames)

    def received(self, payload: Buffer) -> None:
        self._carried += len(payload)
        for observer in self._watch.observers:
            observer.received(self._direction, payload)

    def incomplete(self) -> None:
        for observer in self._watch.observers:
            observer.incomplete(self._direction)

    def sent(self, *, whole: bool) -> None:
        for observer in self._watch.observers:
            observer.sent(self._direction, whole=whole)


def pump(source: End, sink: End, lane: Lane) -> None:
    """Carry payload until the source ends or the sink takes no more.  May switch.

    Raises the `ProxyError` of either end.
    """
    while True:
        if lane.shortcut is not None:
            lane.shortcut.run()
        if not _carry(source, sink, lane):
            return


def _carry(source: End, sink: End, lane: Lane) -> bool:
    payload = source.read_some()
    if not payload or not sink.taking:
        return False
    lane.received(payload)
    lane.sent(whole=sink.write_all(payload))
    return True


def discard(source: End) -> None:
    """Read to the source's end and keep nothing.  May switch.

    Raises the source's `ProxyError`.
    """
    while source.read_some():
        pass
