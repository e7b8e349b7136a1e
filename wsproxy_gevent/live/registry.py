"""The sessions of this process, by id."""

from __future__ import annotations

import builtins
from typing import Protocol

from gevent.event import Event

from ..errors import Stopped
from ..model import Deadlines, SessionId
from ..observer import SessionInfo


class Live(Protocol):
    """What the registry, and those it hands sessions to, need of one."""

    @property
    def info(self) -> SessionInfo: ...

    @property
    def moves(self) -> int:
        """Reads and writes so far: one that has grown tells of a session in use."""

    def stop(self, code: int, text: str, reason: str = ...) -> None:
        """Ask the session to end with that Close; logs name it by `reason`.  Never switches."""

    def beat(self, now: float, deadlines: Deadlines) -> None:
        """Look after the session; `now` in seconds.  Never switches."""


class Registry:
    """Add, remove, list and stop; the keys are unique, so nothing is ever replaced."""

    def __init__(self) -> None:
        self._sessions: dict[SessionId, Live] = {}
        self._empty = Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._sessions)

    def add(self, session: Live) -> None:
        self._sessions[session.info.id] = session
        self._empty.clear()

    def remove(self, session_id: SessionId) -> None:
        """Does nothing if there is no such session."""
        self._sessions.pop(session_id, None)
        if not self._sessions:
            self._empty.set()

    def list(self) -> list[SessionInfo]:
        """Those that live, oldest first."""
        return [session.info for session in self._sessions.values()]

    def ids(self) -> builtins.list[SessionId]:
        """The ids of those that live, oldest first."""
        return [*self._sessions]

    def sessions(self) -> builtins.list[Live]:
        """Those that live, themselves, oldest first."""
        return [*self._sessions.values()]

    def stop(
        self, session_id: SessionId, code: int, text: str, reason: str = Stopped.slug
    ) -> bool:
        """Ask one session to end; False if it lives no more.  Never switches."""
        session = self._sessions.get(session_id)
        if session is None:
            return False
        session.stop(code, text, reason)
        return True

    def stop_all(self, code: int, text: str) -> int:
        """Ask each to end; returns how many were asked.  Never switches."""
        sessions = self.sessions()
        for session in sessions:
            session.stop(code, text)
        return len(sessions)

    def wait_empty(self, seconds: float | None) -> bool:
        """Wait until none lives; False if some still do then.  May switch."""
        return bool(self._empty.wait(seconds))
