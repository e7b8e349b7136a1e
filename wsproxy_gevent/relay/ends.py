"""The two ends of a relay, which `pump` treats alike."""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

from ..errors import TargetReset
from ..model import Buffer
from ..net.stream import Stream, StreamBroken
from .client import ClientEnd
from .turn import Turn

__all__ = ["ClientEnd", "End", "TargetEnd"]


class End(Protocol):
    """One side of a session, in payload bytes.

    An end hides framing, control frames and payload encoding.  `tests`
    hold every implementation to one contract (`check_end`).
    """

    @property
    def taking(self) -> bool:
        """Whether payload that is written now would be delivered."""

    def read_some(self) -> Buffer:
        """Return payload, at least one byte; b"" when the side has ended.  May switch.

        The buffer is the caller's until the next call.  Raises a
        `ProxyError` when the side broke off or broke its protocol.
        """

    def write_all(self, payload: Buffer) -> bool:
        """Deliver payload.  May switch; blocks while the side is full.

        Returns whether the first system call took all of it.  On a side that
        takes no more payload it is dropped in silence: the end of a session
        is decided where it is read.  Raises a `ProxyError` if the side broke.
        """

    def finish(self) -> None:
        """Say that no payload will follow.  May switch."""

    def abort(self) -> None:
        """Close at once; whoever waits on this end gets a `ProxyError`."""


class TargetEnd:
    """The target: its bytes are the payload.

    `write_broke` says that the target took less than it was given.
    """

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._turn = Turn()
        self._ended = False
        self._finished = False
        self.write_broke = False

    @property
    def reads(self) -> int:
        return self.stream.read_count

    @property
    def writes(self) -> int:
        return self.stream.write_count

    @property
    def stuck(self) -> bool:
        """Whether a greenlet waits for the target to take something."""
        return self.stream.writing

    @property
    def taking(self) -> bool:
        return not (self._finished or self.write_broke)

    def read_some(self) -> bytes:
        """Raises `TargetReset` if the target broke off.  May switch."""
        self._turn.pass_on()
        if self._ended:
            return b""
        try:
            payload = self.stream.read_some()
        except StreamBroken as exc:
            raise self.broke(exc) from exc
        self._turn.begin()
        self._ended = not payload
        return payload

    def ended(self) -> None:
        """A read found the end."""
        self._ended = True

    def broke(self, exc: StreamBroken) -> TargetReset:
        """What it means that the connection broke."""
        return TargetReset("the target broke off", detail=str(exc))

    def write_all(self, payload: Buffer) -> bool:
        """Raises `TargetReset`, once; later payload is dropped.  May switch."""
        if not self.taking:
            return True
        try:
            return self.stream.write_all(payload)
        except StreamBroken as exc:
            self.write_broke = True
            raise self.broke(exc) from exc

    def finish(self) -> None:
        """May switch.  A target that broke is past being told: its reader hears of it."""
        if self.taking:
            self._finished = True
            with suppress(StreamBroken):
                self.stream.finish()

    def abort(self) -> None:
        self.stream.abort()
