"""How a session ends: the events, what the client is told, and how long each step may take."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import (
    ClientGone,
    ClientStalled,
    InternalError,
    LoginExpired,
    SessionIdle,
    SessionTooLong,
    Stopped,
    TargetReset,
    TargetStalled,
)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an end may take, in seconds.

    `close` runs from the first Close, or from the client's vanishing, to the
    client's answer and to the end of the frame that was being written.
    `flush` is what a target then has left to take the client's last bytes.
    `linger_read` (each read) and `linger` (in all) bound the reading that
    keeps a last FIN from becoming a reset.
    """

    close: float = 10.0
    flush: float = 60.0
    linger_read: float = 2.0
    linger: float = 10.0


@dataclass(frozen=True, slots=True)
class Ending:
    """An event that ends a session.

    `by` and `reason` are for the summary; `code` and `text` are the Close
    that it means (RFC 6455, section 7.4.1), if it means one.
    """

    by: str
    reason: str
    code: int | None = None
    text: str = ""
    detail: str = ""


# A client that ends is answered by its own end: an echo of its Close, or the
# close code of what it did wrong.
CLIENT_CLOSED = Ending("client", "closed")
CLIENT_GONE = Ending("client", ClientGone.slug)

TARGET_CLOSED = Ending("target", "closed", 1000, "target closed")
TARGET_RESET = Ending("target", TargetReset.slug, 1011, "target reset")
TARGET_STALLED = Ending("target", TargetStalled.slug, 1011, "target takes nothing")

# There is no way to tell it: what is to be written to it waits already.
CLIENT_STALLED = Ending("client", ClientStalled.slug)

IDLE = Ending("proxy", SessionIdle.slug, SessionIdle.close_code, "the session was idle too long")
TOO_LONG = Ending(
    "proxy", SessionTooLong.slug, SessionTooLong.close_code, "the session's time is over"
)
EXPIRED = Ending(
    "proxy", LoginExpired.slug, LoginExpired.close_code, "your login has expired; log in again"
)

STOPPED = Ending("proxy", Stopped.slug, 1001, "the proxy is stopping")
FAULT = Ending("proxy", InternalError.slug, 1011, "internal error")

# Nothing was said: the greenlet was killed.
KILLED = Ending("proxy", Stopped.slug)

# What an abnormal end is called where no Close was seen (section 7.1.5).
NO_CLOSE_SEEN = 1006
