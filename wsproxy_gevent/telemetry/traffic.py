"""`--traffic`: a glyph for each thing that moves, as in 2010."""

from __future__ import annotations

from collections.abc import Callable

from ..model import Buffer, Direction
from ..observer import PayloadObserver

LEGEND = """\
Traffic Legend:
    }  - Client receive
    }. - Client receive partial
    {  - Target receive

    >  - Target send
    >. - Target send partial
    <  - Client send
    <. - Client send partial
"""

_RECEIVED = {Direction.UPSTREAM: "}", Direction.DOWNSTREAM: "{"}

_INCOMPLETE = {Direction.UPSTREAM: "}.", Direction.DOWNSTREAM: ""}

_SENT = {
    (Direction.UPSTREAM, True): ">",
    (Direction.UPSTREAM, False): ">.",
    (Direction.DOWNSTREAM, True): "<",
    (Direction.DOWNSTREAM, False): "<.",
}


class TrafficPrinter(PayloadObserver):
    """Hands glyphs to `write`, which must not block.

    It keeps nothing of a session, so one serves them all.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def received(self, direction: Direction, payload: Buffer) -> None:
        self._write(_RECEIVED[direction])

    def incomplete(self, direction: Direction) -> None:
        if glyph := _INCOMPLETE[direction]:
            self._write(glyph)

    def sent(self, direction: Direction, *, whole: bool) -> None:
        self._write(_SENT[direction, whole])
