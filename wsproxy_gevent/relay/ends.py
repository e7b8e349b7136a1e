"""The two ends of a relay, which `pump` treats alike."""

from __future__ import annotations

from typing import Protocol

from ..model import Buffer


class End(Protocol):
    """One side of a session, in payload bytes.

    An end hides framing, control frames and payload encoding.  `tests`
    hold every implementation to one contract (`check_end`).
    """

    def read_some(self) -> Buffer:
        """Return payload, at least one byte; b"" when the side has ended.  May switch.

        The buffer is the caller's until the next call.  Raises a
        `ProxyError` when the side broke off or broke its protocol.
        """

    def write_all(self, payload: Buffer) -> None:
        """Deliver payload.  May switch; blocks while the side is full.

        On a side that takes no more payload it is dropped in silence: the
        end of a session is decided where it is read.  Raises a `ProxyError`
        if the side broke.
        """

    def finish(self) -> None:
        """Say that no payload will follow.  May switch."""

    def abort(self) -> None:
        """Close at once; whoever waits on this end gets a `ProxyError`."""
