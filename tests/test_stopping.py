"""Signals become events, and sessions are told to go."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field

import gevent
import pytest
from gevent.event import Event
from gevent.pool import Pool

from tests.fakes import session_info
from wsproxy_gevent.live.registry import Registry
from wsproxy_gevent.model import Deadlines
from wsproxy_gevent.observer import SessionInfo
from wsproxy_gevent.stopping import (
    SESSIONS_AT_ONCE,
    Stopping,
    drain,
    idle_first,
    leave_alone,
)

SECONDS = 5.0


@dataclass
class FakeSession:
    """Ends when it is told to, unless it is stubborn."""

    info: SessionInfo
    registry: Registry
    stubborn: bool = False
    told: list[tuple[int, str]] = field(default_factory=list)
    moves: int = 0

    def stop(self, code: int, text: str, reason: str = "") -> None:
        self.told.append((code, text))
        if not self.stubborn:
            self.registry.remove(self.info.id)

    def beat(self, now: float, deadlines: Deadlines) -> None:
        raise AssertionError("nobody listens for a heart here")


def sessions(registry: Registry, count: int, *, stubborn: bool = False) -> list[FakeSession]:
    made = [FakeSession(session_info(f"{n:016}"), registry, stubborn) for n in range(count)]
    for session in made:
        registry.add(session)
    return made


@pytest.fixture
def stopping() -> Iterator[Stopping]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    made = Stopping()
    yield made
    made.restore()
    assert {number: signal.getsignal(number) for number in before} == before


def test_a_signal_ends_the_wait(stopping: Stopping) -> None:
    waiting = gevent.spawn(stopping.wait)
    os.kill(os.getpid(), signal.SIGTERM)
    waiting.join(SECONDS)
    assert waiting.ready()
    assert not stopping.hurry.is_set()


def test_a_second_signal_is_a_hurry(stopping: Stopping) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    stopping.wait()
    os.kill(os.getpid(), signal.SIGTERM)
    assert stopping.hurry.wait(SECONDS)


def test_an_end_of_its_own_is_no_hurry_however_often(stopping: Stopping) -> None:
    stopping.terminate()
    stopping.end()
    stopping.end()
    stopping.wait()
    assert not stopping.hurry.is_set()


def test_ctrl_c_is_a_hurry(stopping: Stopping) -> None:
    os.kill(os.getpid(), signal.SIGINT)
    stopping.wait()
    assert stopping.hurry.wait(SECONDS)


def test_every_session_is_told_1001(stopping: Stopping) -> None:
    registry = Registry()
    told = sessions(registry, 3)
    drain(registry, stopping.hurry, SECONDS)
    assert [session.told for session in told] == [[(1001, "the proxy is stopping")]] * 3


def test_nobody_waits_where_nobody_lives(stopping: Stopping) -> None:
    drain(Registry(), stopping.hurry, 3600.0)


def test_the_stubborn_are_waited_for_until_the_grace_is_over(
    stopping: Stopping, caplog: pytest.LogCaptureFixture
) -> None:
    registry = Registry()
    sessions(registry, 2, stubborn=True)
    drain(registry, stopping.hurry, 0.02)
    assert "sessions cut: 2" in caplog.text


def test_a_hurry_ends_the_grace(stopping: Stopping) -> None:
    registry = Registry()
    sessions(registry, 1, stubborn=True)
    draining = gevent.spawn(drain, registry, stopping.hurry, 3600.0)
    gevent.sleep(0)
    stopping.hurry.set()
    draining.join(SECONDS)
    assert draining.ready()


def test_a_crowd_is_not_told_in_one_moment(
    stopping: Stopping, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wsproxy_gevent.stopping.LOOK_SECONDS", 0.0)
    registry = Registry()
    crowd = sessions(registry, SESSIONS_AT_ONCE + 50)
    draining = gevent.spawn(drain, registry, stopping.hurry, 3600.0)
    for _ in range(10):
        gevent.sleep(0)
    assert sum(1 for session in crowd if session.told) == SESSIONS_AT_ONCE
    draining.kill()


def test_who_moved_nothing_goes_first_and_the_busiest_last() -> None:
    registry = Registry()
    old, busy, busier, idle = sessions(registry, 4)
    old.moves = 1_000_000

    looking = gevent.spawn(idle_first, registry, 0.002)
    gevent.sleep(0)
    busy.moves += 1
    busier.moves += 5
    order = looking.get(timeout=SECONDS)
    assert order == [session.info.id for session in (old, idle, busy, busier)]


def test_a_session_that_opens_late_is_told_as_well(
    stopping: Stopping, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wsproxy_gevent.stopping.SECONDS_BETWEEN_LATECOMERS", 0.001)
    registry = Registry()
    (stubborn,) = sessions(registry, 1, stubborn=True)
    draining = gevent.spawn(drain, registry, stopping.hurry, 3600.0)
    gevent.sleep(0)
    late = FakeSession(session_info("z" * 16), registry)
    registry.add(late)
    stubborn.stubborn = False
    deadline = gevent.Timeout(SECONDS)
    with deadline:
        while not late.told:
            gevent.sleep(0)
    registry.remove(stubborn.info.id)
    draining.join(SECONDS)
    assert (len(stubborn.told), len(late.told)) == (1, 1)


def test_those_who_are_left_alone_may_use_most_of_the_grace() -> None:
    pool, end = Pool(), Event()
    pool.spawn(end.wait)
    leaving = gevent.spawn(leave_alone, pool, Event(), 3600.0)
    gevent.sleep(0)
    assert not leaving.ready()
    end.set()
    assert leaving.get(timeout=SECONDS) > 3000


def test_but_not_all_of_it() -> None:
    pool = Pool()
    stubborn = pool.spawn(Event().wait)
    assert 0.0 < leave_alone(pool, Event(), 0.03) < 0.02
    stubborn.kill()


def test_a_hurry_ends_it() -> None:
    pool, hurry = Pool(), Event()
    stubborn = pool.spawn(Event().wait)
    leaving = gevent.spawn(leave_alone, pool, hurry, 3600.0)
    gevent.sleep(0)
    hurry.set()
    leaving.join(SECONDS)
    assert leaving.ready()
    stubborn.kill()
