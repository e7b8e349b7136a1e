"""The sessions of this process, by id."""

from __future__ import annotations

from typing import Protocol

from ..model import SessionId
from ..observer import SessionInfo


class Live(Protocol):
    """What the registry needs to know of a session."""

    @property
    def info(self) -> SessionInfo: ...

    def stop(self, code: int, reason: str) -> None:
        """Ask the session to end with that Close.  Never switches."""


class Registry:
    """Add, remove, list and stop; the keys are unique, so nothing is ever replaced."""

    def __init__(self) -> None:
        self._sessions: dict[SessionId, Live] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def add(self, session: Live) -> None:
        self._sessions[session.info.id] = session

    def remove(self, session_id: SessionId) -> None:
        self._sessions.pop(session_id, None)

    def list(self) -> list[SessionInfo]:
        """Those that live, oldest first."""
        return [session.info for session in self._sessions.values()]

    def stop(self, session_id: SessionId, code: int, reason: str) -> bool:
        """Ask one session to end; False if it lives no more.  Never switches."""
        session = self._sessions.get(session_id)
        if session is None:
            return False
        session.stop(code, reason)
        return True
