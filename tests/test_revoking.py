"""Which sessions a reload ends, and which live on."""

from __future__ import annotations

import logging
from dataclasses import replace

import gevent
import pytest
from gevent.event import Event

from wsproxy_gevent.errors import SourceFailed
from wsproxy_gevent.live.registry import Registry
from wsproxy_gevent.model import Deadlines, SessionId, Token
from wsproxy_gevent.observer import SessionInfo
from wsproxy_gevent.revoking import REASON, Revoker
from wsproxy_gevent.targets.resolver import Found, Nowhere

from .fakes import session_info

SECONDS = 5.0


class Session:
    """A live session that keeps how it was asked to end."""

    moves = 0

    def __init__(self, number: int, token: str | None) -> None:
        self.info: SessionInfo = replace(
            session_info(), id=SessionId(f"s{number}"), token=Token(token) if token else None
        )
        self.ended: tuple[int, str, str] | None = None

    def stop(self, code: int, text: str, reason: str = "stopped") -> None:
        self.ended = code, text, reason

    def beat(self, now: float, deadlines: Deadlines) -> None:
        raise AssertionError(now, deadlines)


class Knows(Nowhere):
    """Still has these tokens; what it cannot say it raises."""

    def __init__(self, *tokens: str, fails: str | None = None) -> None:
        self.tokens = tokens
        self.fails = fails
        self.asked: list[str] = []

    def holds(self, token: Token) -> bool:
        self.asked.append(token.secret)
        if token.secret == self.fails:
            raise SourceFailed("no answer", detail="the token API: ConnectionError")
        return token.secret in self.tokens

    def resolve(self, request: object) -> Found:
        raise AssertionError(request)


def living(*tokens: str | None) -> tuple[Registry, list[Session]]:
    registry = Registry()
    sessions = [Session(number, token) for number, token in enumerate(tokens)]
    for session in sessions:
        registry.add(session)
    return registry, sessions


GONE = (1008, REASON, "token-revoked")


def test_sessions_of_a_token_that_is_gone_end_and_each_token_is_asked_for_once() -> None:
    registry, sessions = living("kept", "gone", None, "gone", "kept")
    source = Knows("kept")
    assert Revoker(registry).sweep(source) == 2
    assert [session.ended for session in sessions] == [None, GONE, None, GONE, None]
    assert source.asked == ["kept", "gone"]


def test_where_nobody_can_say_they_live_on(caplog: pytest.LogCaptureFixture) -> None:
    registry, sessions = living("unsure", "gone")
    with caplog.at_level(logging.WARNING):
        assert Revoker(registry).sweep(Knows(fails="unsure")) == 1
    assert [session.ended for session in sessions] == [None, GONE]
    assert str(Token("unsure")) in caplog.text
    assert "unsure" not in caplog.text
    assert "ConnectionError" in caplog.text


def test_who_was_on_the_way_is_found_by_a_second_look() -> None:
    registry, sessions = living("gone")
    waits: list[float] = []
    looked, arrived = Event(), Event()

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        looked.set()
        arrived.wait()

    revoker = Revoker(registry, sleep)
    revoker.look(Knows(), again=30.0)
    assert looked.wait(SECONDS)
    late = Session(9, "gone")
    registry.add(late)
    assert (sessions[0].ended, late.ended) == (GONE, None)
    arrived.set()
    gevent.idle()
    assert (waits, late.ended) == ([30.0], GONE)


def test_a_second_reload_takes_the_place_of_the_first_ones_look() -> None:
    registry, (session,) = living("gone")
    first, second = Knows(), Knows("gone")
    revoker = Revoker(registry)
    revoker.look(first, again=SECONDS)
    revoker.look(second, again=SECONDS)
    gevent.idle()
    revoker.stop()
    assert (first.asked, second.asked, session.ended) == ([], ["gone"], None)
