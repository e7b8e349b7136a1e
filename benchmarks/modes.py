"""What is done through each proxy: the client's arguments, and what is counted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Counted(Enum):
    """What a mode's figure is, in the unit that tables show."""

    CPU_PER_GB = "CPU s/GB"
    CPU_PER_MESSAGE = "CPU µs/message"
    CPU_PER_CONNECTION = "CPU µs/connection"
    MEMORY = "KiB PSS/session"
    KEY = "added ms, p99"
    FAIRNESS = "p99 ms added by a busy session"


@dataclass(frozen=True)
class Mode:
    name: str
    title: str
    counted: Counted
    client: tuple[str, ...]
    """The arguments of the generator, but for port, time, raw and TLS."""
    sessions: int = 1
    tls: bool = False
    beside: tuple[str, ...] = ()
    """For fairness: the busy session's arguments."""

    @property
    def fresh(self) -> bool:
        """Memory is read in a process that did nothing before: heaps do not shrink."""
        return self.counted is Counted.MEMORY

    @property
    def bulk(self) -> bool:
        return self.counted is Counted.CPU_PER_GB


_UP16K = ("up", "--size", "16384")

MODES: dict[str, Mode] = {
    mode.name: mode
    for mode in (
        Mode("down1", "down, 64 KiB writes", Counted.CPU_PER_GB, ("down",)),
        Mode("down8", "down, 8 sessions", Counted.CPU_PER_GB, ("down",), sessions=8),
        Mode("up64k_1", "up, 64 KiB frames", Counted.CPU_PER_GB, ("up",)),
        Mode("up64k_8", "up, 64 KiB frames, 8 sessions", Counted.CPU_PER_GB, ("up",), sessions=8),
        Mode("up16k_1", "up, 16 KiB frames", Counted.CPU_PER_GB, _UP16K),
        Mode("up16k_8", "up, 16 KiB frames, 8 sessions", Counted.CPU_PER_GB, _UP16K, sessions=8),
        Mode(
            "smallup",
            "up, 100-byte frames pipelined",
            Counted.CPU_PER_MESSAGE,
            ("up", "--size", "100"),
        ),
        Mode("ask1", "request-reply, 64 bytes", Counted.CPU_PER_MESSAGE, ("ask",)),
        Mode(
            "ask100",
            "request-reply, 100 sessions",
            Counted.CPU_PER_MESSAGE,
            ("ask",),
            sessions=100,
        ),
        Mode(
            "connect",
            "connect, handshake, dial, close; 32 at once",
            Counted.CPU_PER_CONNECTION,
            ("connect",),
            sessions=32,
        ),
        Mode("idle2000", "2,000 idle sessions", Counted.MEMORY, ("idle",), sessions=2000),
        Mode("idle9000", "9,000 idle sessions", Counted.MEMORY, ("idle",), sessions=9000),
        Mode(
            "keys",
            "a keystroke among 1,000 sessions with pictures",
            Counted.KEY,
            ("scene",),
            sessions=1000,
        ),
        Mode(
            "fair_down",
            "100 request-reply sessions beside one busy one, down",
            Counted.FAIRNESS,
            ("ask",),
            sessions=100,
            beside=("down", "--apart"),
        ),
        Mode(
            "fair_up",
            "100 request-reply sessions beside one busy one, up",
            Counted.FAIRNESS,
            ("ask",),
            sessions=100,
            beside=("up", "--apart"),
        ),
        Mode("tls_down1", "TLS: down, 64 KiB writes", Counted.CPU_PER_GB, ("down",), tls=True),
        Mode("tls_up16k_1", "TLS: up, 16 KiB frames", Counted.CPU_PER_GB, _UP16K, tls=True),
        Mode(
            "tls_connect",
            "TLS: connect, 32 at once",
            Counted.CPU_PER_CONNECTION,
            ("connect",),
            sessions=32,
            tls=True,
        ),
        Mode(
            "tls_idle2000",
            "TLS: 2,000 idle sessions",
            Counted.MEMORY,
            ("idle",),
            sessions=2000,
            tls=True,
        ),
    )
}
