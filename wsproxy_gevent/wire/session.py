"""A WebSocket connection after its handshake, as a sans-I/O state machine.

One `Session` serves every dialect: `hybi` and `hixie` implement it, `payload`
turns what they carry into bytes.  What a peer does wrong is the last event
of a read, not an exception: the data that came before it in the same read
is delivered first, however the stream was cut.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol

from ..errors import ProtocolError, TargetNotText
from ..model import Buffer, Dialect

# The most frames that one call of `receive` takes; what they cost is time, not
# memory, and these are a millisecond of it.
FRAMES_AT_ONCE = 256

# More Pings than this that nobody has answered yet are a flood, of which only
# the latest is answered (RFC 6455, section 5.5.3).
A_FEW_PINGS = 16


class Opcode(enum.IntEnum):
    """RFC 6455, section 5.2."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


@dataclass(frozen=True, slots=True)
class Data:
    """A piece of a message, as it arrived; `final` marks the message's last.

    `opcode` is that of the message, TEXT or BINARY, on each of its pieces.
    A piece may be empty.
    """

    payload: Buffer
    opcode: Opcode
    final: bool


@dataclass(frozen=True, slots=True)
class Ping:
    payload: bytes


@dataclass(frozen=True, slots=True)
class Pong:
    payload: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """The peer's Close.  `code` is None if it named none, or has no codes."""

    code: int | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """The peer broke the protocol; nothing after this is read any more."""

    error: ProtocolError


Event = Data | Ping | Pong | Close | Failed


def joined(events: list[Event]) -> tuple[Buffer, list[Event]]:
    """The payload of all `Data` as one, and the other events."""
    pieces = [event.payload for event in events if isinstance(event, Data)]
    payload = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    return payload, [event for event in events if not isinstance(event, Data)]


class Session(Protocol):
    """Both halves of one connection's framing.

    Reading and writing share no state, so one greenlet may read while
    another writes.
    """

    @property
    def dialect(self) -> Dialect: ...

    @property
    def mid_frame(self) -> bool:
        """Whether the last read ended inside a frame."""

    @property
    def pending(self) -> bool:
        """Whether more of what was taken is to be had by `receive(b"")`.

        What a read unfolds to is handed on in portions, and so are more
        frames than `FRAMES_AT_ONCE`.  Until the last portion has been taken
        the session keeps the rest of the read, so no more of the stream
        should be read before.
        """

    @property
    def frames_read(self) -> int:
        """The frames of data whose header has come."""

    @property
    def frames_written(self) -> int:
        """The frames of data that `message` and `piece` have begun."""

    def receive(self, data: Buffer) -> list[Event]:
        """Take the next bytes of the stream, cut anywhere.

        After `Close` or `Failed` everything is ignored.  `data` is not kept,
        but `Data.payload` may be a view of it.
        """

    def payload_of(self, data: Buffer) -> tuple[Buffer, list[Event]]:
        """As `receive`, for those who do not care for boundaries.

        Returns all payload of the read as one, and the events that are not
        `Data`.  A flood of Pings may be told by its last alone.
        """

    def message(self, payload: Buffer) -> tuple[Buffer, ...]:
        """One whole message with these payload bytes, in the session's own form.

        The segments are to be written one after another; the payload is
        among them as it was given wherever the form allows (no copy).

        Under TEXT it is what is whole text of it, without the character that
        is only begun, which waits for the next call; no segment if nothing is.
        """

    def piece(self, payload: Buffer, opcode: Opcode, *, final: bool) -> tuple[Buffer, ...]:
        """A piece of a message of that opcode, for those who keep boundaries.

        The pieces up to the final one make one message: fragments of it in
        HyBi, where the opcode of later ones is turned into CONTINUATION, and
        stretches of one frame in Hixie, which has neither.
        """

    def complaint(self, *, ended: bool = False) -> TargetNotText | None:
        """Why not all that was given can be sent: under TEXT, bytes that are not UTF-8.

        Asked behind each message.  What stands in front of such bytes is in
        the segments already, nothing behind them ever will be.  `ended` says
        that nothing follows, so that a character begun is a fault as well.
        """

    def ping(self, payload: bytes = b"") -> bytes:
        """A Ping, or nothing where the dialect has none."""

    def pong(self, payload: bytes) -> bytes:
        """The answer to a Ping of at most 125 bytes."""

    def close(self, code: int | None, reason: str = "") -> bytes:
        """A Close, or nothing where the dialect has none (Hixie-75).

        `reason` is cut to 123 bytes at a character's edge.
        """
