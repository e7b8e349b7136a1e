"""How cheap we mean to be: the bars that a run is held to."""

from __future__ import annotations

from dataclasses import dataclass

from .figures import Estimate


@dataclass(frozen=True)
class Bar:
    """Where `against` names a peer, a ratio to that peer; else a figure of its own."""

    mode: str
    passes: float
    stretch: float | None = None
    against: str | None = "haproxy"
    peer: str = "ours"

    def verdict(self, measured: Estimate) -> str:
        """The lower end of the interval decides: a row fails only when the
        measurement says so, beyond the machine's noise."""
        if self.stretch is not None and measured.low <= self.stretch:
            return "stretch"
        return "pass" if measured.low <= self.passes else "FAIL"


_DOWN = ("down1", "down8")
_BULK_UP = ("up64k_1", "up64k_8", "up16k_1", "up16k_8")
_IDLE = ("idle2000", "idle9000")
_TLS = ("tls_down1", "tls_up16k_1", "tls_connect", "tls_idle2000")
_EVERYWHERE = (*_DOWN, *_BULK_UP, "smallup", "ask1", "ask100", *_IDLE, *_TLS)

# Where the pure-Python twin is to cost a third of websockify at most; elsewhere it is
# only to be no dearer.
_TWIN_AHEAD = (*_BULK_UP, "smallup", "ask100", "connect", "idle2000")
_TWIN_EQUAL = (*_DOWN, "ask1", *_TLS)

BARS: tuple[Bar, ...] = (
    *(Bar(mode, 1.2, 0.9) for mode in _DOWN),
    *(Bar(mode, 1.15, 0.95) for mode in _BULK_UP),
    Bar("smallup", 2.5, 1.5),
    Bar("ask100", 0.95, 0.8),
    Bar("connect", 3.0, 1.7),
    *(Bar(mode, 20, 8, against=None) for mode in _IDLE),
    Bar("tls_down1", 0.9, 0.75),
    Bar("tls_up16k_1", 1.4, 1.1),
    Bar("tls_connect", 2.0, 1.3),
    Bar("tls_idle2000", 60, 40, against=None),
    *(Bar(mode, 20, against=None) for mode in ("fair_down", "fair_up")),
    *(Bar(mode, 1.0, against="websocat") for mode in _EVERYWHERE),
    Bar("connect", 2.0, against="websocat"),
    *(Bar(mode, 1.0, against="websockify") for mode in (*_EVERYWHERE, "connect")),
    *(Bar(mode, 1 / 3, against="websockify", peer="ours-python") for mode in _TWIN_AHEAD),
    *(Bar(mode, 1.0, against="websockify", peer="ours-python") for mode in _TWIN_EQUAL),
)
