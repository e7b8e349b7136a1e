from __future__ import annotations

import gevent

from tests.fakes import session_info
from wsproxy_gevent.live.registry import Registry
from wsproxy_gevent.model import Deadlines, SessionId
from wsproxy_gevent.observer import SessionInfo


class FakeSession:
    """Remembers how it was told to stop."""

    def __init__(self, session_id: str) -> None:
        self.info: SessionInfo = session_info(session_id)
        self.stops: list[tuple[int, str]] = []
        self.moves = 0

    def stop(self, code: int, text: str, reason: str = "") -> None:
        self.stops.append((code, f"{text} ({reason})" if reason else text))

    def beat(self, now: float, deadlines: Deadlines) -> None:
        """Its peer is always well."""


A, B = SessionId("a"), SessionId("b")


def registry_of(*sessions: FakeSession) -> Registry:
    registry = Registry()
    for session in sessions:
        registry.add(session)
    return registry


def test_those_that_live_are_listed_oldest_first() -> None:
    first, second = FakeSession("b"), FakeSession("a")
    registry = registry_of(first, second)
    assert registry.list() == [first.info, second.info]
    assert registry.ids() == [B, A]
    assert registry.sessions() == [first, second]
    assert len(registry) == 2


def test_a_removed_session_is_listed_no_more_and_may_be_removed_again() -> None:
    registry = registry_of(FakeSession("a"), FakeSession("b"))
    registry.remove(A)
    registry.remove(A)
    assert registry.ids() == [B]


def test_stop_reaches_the_one_that_it_names() -> None:
    first, second = FakeSession("a"), FakeSession("b")
    registry = registry_of(first, second)
    assert registry.stop(A, 1008, "no longer", "token-revoked")
    assert not registry.stop(SessionId("c"), 1008, "no longer", "token-revoked")
    assert first.stops == [(1008, "no longer (token-revoked)")]
    assert second.stops == []


def test_stop_all_reaches_all_even_if_some_go_meanwhile() -> None:
    registry = Registry()

    class Quick(FakeSession):
        def stop(self, code: int, text: str, reason: str = "") -> None:
            super().stop(code, text, reason)
            registry.remove(self.info.id)

    sessions = [Quick("a"), Quick("b")]
    for session in sessions:
        registry.add(session)
    assert registry.stop_all(1001, "stopping") == 2
    assert [session.stops for session in sessions] == [[(1001, "stopping")]] * 2


def test_an_empty_registry_is_not_waited_for() -> None:
    assert Registry().wait_empty(60)


def test_who_waits_is_woken_by_the_last_to_go() -> None:
    registry = registry_of(FakeSession("a"), FakeSession("b"))
    assert not registry.wait_empty(0)
    waiting = gevent.spawn(registry.wait_empty, 60)
    gevent.sleep(0)
    registry.remove(A)
    gevent.sleep(0)
    assert not waiting.ready()
    registry.remove(B)
    assert waiting.get()
    registry.add(FakeSession("c"))
    assert not registry.wait_empty(0)
