"""Whether a peer has hung up, asked while nobody reads from it.

Who leaves while we are busy for its sake is not seen by a read: there is
none, and what it sent before it left would come first.  The kernel knows
(POLLRDHUP, poll(2)).  It is asked now and then, by a timer: a watcher for
reading would fire at once for a peer that has sent something, and go on.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Any, Final, Protocol

import gevent
from gevent import monkey
from greenlet import getcurrent

# A peer that only shut down its sending is taken to have left, as nginx takes
# it: nobody opens a WebSocket who has nothing more to say.  Elsewhere than on
# Linux a peer is missed only when both directions are shut.
_SIGNS: Final[int] = getattr(select, "POLLRDHUP", 0)

# The most that a peer's leaving goes unnoticed.
LOOK_SECONDS = 1.0


class HangsUp(Protocol):
    """A stream, as far as this is concerned."""

    def hung_up(self) -> bool: ...


def has_hung_up(descriptor: int) -> bool:
    """Whether the peer of a connected socket sends no more, whatever lies unread."""
    # The original: gevent's would wait in the hub, from which this is called.
    poll = monkey.get_original("select", "poll")()
    poll.register(descriptor, _SIGNS)
    return bool(poll.poll(0))


class _Left(BaseException):
    """Strikes a block.  No Exception, as in `clock`; and each block knows its own."""


class WhileThere:
    """A block that ends with `error()` when the stream's peer hangs up.

    It strikes where the block waits.  A block that takes no `LOOK_SECONDS`
    costs a timer that is never due.
    """

    __slots__ = ("_error", "_left", "_stream", "_timer")

    def __init__(self, stream: HangsUp, error: Callable[[], Exception]) -> None:
        self._stream = stream
        self._error = error

    def __enter__(self) -> None:
        self._left = _Left()
        self._timer = gevent.get_hub().loop.timer(LOOK_SECONDS, LOOK_SECONDS, priority=-1)
        self._timer.start(self._look, getcurrent().throw)

    def __exit__(self, _type: object, raised: BaseException | None, _trace: object) -> None:
        self._timer.close()
        if raised is self._left:
            raise self._error() from None

    def _look(self, strike: Callable[[Any], object]) -> None:
        """In the hub, once a `LOOK_SECONDS`."""
        if self._stream.hung_up():
            self._timer.stop()
            strike(self._left)
