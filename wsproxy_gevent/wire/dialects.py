"""Which session speaks which dialect."""

from __future__ import annotations

from typing import Protocol

from ..model import Dialect
from .hixie import HixieSession
from .hybi import HybiSession
from .payload import PayloadKind
from .session import Session


class _Opens(Protocol):
    def __call__(self, dialect: Dialect, kind: PayloadKind, *, check_text: bool) -> Session: ...


_SESSIONS: dict[Dialect, _Opens] = {
    Dialect.HIXIE_75: HixieSession,
    Dialect.HIXIE_76: HixieSession,
    Dialect.HYBI_07: HybiSession,
    Dialect.HYBI_08: HybiSession,
    Dialect.RFC_6455: HybiSession,
}


def open_session(dialect: Dialect, kind: PayloadKind, *, check_text: bool = False) -> Session:
    """The server's side of a connection whose handshake is done.

    Raises `ValueError` for BINARY in a Hixie dialect, which has only text.
    """
    return _SESSIONS[dialect](dialect, kind, check_text=check_text)
