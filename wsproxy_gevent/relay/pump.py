"""Carry one direction.  A pump owns neither end; `pair` closes them.

A side is read only when the other has taken what came before: that is all
our backpressure.  While a pump waits for its source it holds no payload, for
what it read last lives in a call that has returned.
"""

from __future__ import annotations

from ..model import Buffer, Direction
from ..observer import Traffic
from .ends import End
from .watch import Watch


class Lane:
    """What one direction carried, counted, and told to those who watch."""

    __slots__ = ("_chunks", "_direction", "_payload_bytes", "_watch")

    def __init__(self, direction: Direction, watch: Watch) -> None:
        self._direction = direction
        self._watch = watch
        self._payload_bytes = 0
        self._chunks = 0

    @property
    def traffic(self) -> Traffic:
        return Traffic(self._payload_bytes, self._chunks)

    def received(self, payload: Buffer) -> None:
        self._payload_bytes += len(payload)
        self._chunks += 1
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
    while _carry(source, sink, lane):
        pass


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
