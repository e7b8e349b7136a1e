"""Who is told to wait, and that only what is wrong is."""

from __future__ import annotations

import gevent
import pytest

from tests.net.test_clock import SetClock
from wsproxy_gevent.auth import brake as module
from wsproxy_gevent.auth.brake import FAILURES, Brake
from wsproxy_gevent.errors import Busy, LoginBraked, LoginRefused, ProxyError
from wsproxy_gevent.model import Peer
from wsproxy_gevent.net.clock import Deadline

PEER = Peer("192.0.2.1", 50000)
WRONG = LoginRefused("wrong")


def fail(brake: Brake, times: int = 1, peer: Peer = PEER) -> ProxyError:
    return [brake.failed(peer, WRONG) for _ in range(times)][-1]


def test_ten_in_a_minute_are_free_and_the_next_is_told_how_long_to_wait() -> None:
    clock = SetClock()
    brake = Brake(clock)
    assert fail(brake, FAILURES) is WRONG
    clock.now += 20
    error = fail(brake)
    assert isinstance(error, LoginBraked)
    assert error.http_status == 429
    (name, value), *_ = error.headers
    assert name == "Retry-After"
    assert 1 <= int(value) <= 60


def test_a_minute_later_it_is_forgotten() -> None:
    clock = SetClock()
    brake = Brake(clock)
    fail(brake, FAILURES)
    clock.now += 61
    assert fail(brake) is WRONG


def test_one_every_six_seconds_is_never_braked() -> None:
    clock = SetClock()
    brake = Brake(clock)
    for _ in range(100):
        clock.now += 6.1
        assert fail(brake) is WRONG


def test_whoever_goes_on_goes_on_being_braked() -> None:
    clock = SetClock()
    brake = Brake(clock)
    fail(brake, FAILURES)
    for _ in range(100):
        clock.now += 5
        assert isinstance(fail(brake), LoginBraked)


def test_other_addresses_are_not_braked() -> None:
    brake = Brake(SetClock())
    fail(brake, FAILURES + 1)
    assert fail(brake, peer=Peer("192.0.2.2", 50000)) is WRONG


def test_addresses_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ADDRESSES", 3)
    brake = Brake(SetClock())
    fail(brake, FAILURES)
    for number in range(2, 6):
        fail(brake, peer=Peer(f"192.0.2.{number}"))
    assert fail(brake) is WRONG
    assert len(brake._records) == 3


def most_at_once(brake: Brake, attempts: int) -> int:
    inside: list[int] = []
    most = 0

    def attempt() -> None:
        nonlocal most
        with brake.turn(PEER, Deadline(5)):
            inside.append(1)
            most = max(most, len(inside))
            gevent.sleep(0)
            inside.pop()

    gevent.joinall([gevent.spawn(attempt) for _ in range(attempts)], raise_error=True)
    return most


def test_from_a_braked_address_one_password_is_tried_at_a_time() -> None:
    brake = Brake(SetClock())
    assert most_at_once(brake, 5) == 5
    fail(brake, FAILURES)
    assert most_at_once(brake, 5) == 1


def test_whose_turn_does_not_come_is_told_that_we_are_busy() -> None:
    brake = Brake(SetClock())
    fail(brake, FAILURES)
    with brake.turn(PEER, Deadline(5)), pytest.raises(Busy), brake.turn(PEER, Deadline(0.01)):
        pass
    with brake.turn(PEER, Deadline(5)):
        pass
