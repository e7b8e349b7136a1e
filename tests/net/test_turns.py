"""Blocking calls run so many at a time, in the order they came."""

from __future__ import annotations

import threading

import gevent
import pytest

from wsproxy_gevent.net.pool import PoolTimeout
from wsproxy_gevent.net.turns import Turns

SECONDS = 5.0


def test_a_call_returns_and_raises_what_its_function_does() -> None:
    turns = Turns()
    assert turns.call(divmod, 7, 2, timeout=SECONDS) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        turns.call(divmod, 7, 0, timeout=SECONDS)
    assert turns.call(threading.get_ident, timeout=SECONDS) != threading.get_ident()


@pytest.mark.parametrize("threads", [1, 3])
def test_no_more_than_so_many_run_and_all_of_a_crowd_have_their_turn(threads: int) -> None:
    turns = Turns(threads)
    lock, now, most, served = threading.Lock(), 0, 0, []

    def call(number: int) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
            served.append(number)
        for _ in range(100):
            threading.Event().wait(0)
        with lock:
            now -= 1

    calls = [gevent.spawn(turns.call, call, number, timeout=SECONDS) for number in range(100)]
    gevent.joinall(calls, timeout=SECONDS, raise_error=True)
    assert most <= threads
    assert sorted(served) == [*range(100)]
    if threads == 1:
        assert served == [*range(100)]


def test_who_waits_too_long_is_told_so_and_what_may_be_wrong() -> None:
    turns = Turns(cure="look at the plugin")
    let_go = threading.Event()
    slow = gevent.spawn(turns.call, let_go.wait, SECONDS, timeout=SECONDS)
    gevent.idle()
    with pytest.raises(PoolTimeout) as caught:
        turns.call(int, timeout=0.01)
    assert "look at the plugin" in caught.value.detail
    let_go.set()
    assert slow.get(timeout=SECONDS)
    assert turns.call(int, timeout=SECONDS) == 0


def test_a_call_that_hangs_keeps_its_turn_until_it_is_done() -> None:
    turns = Turns()
    let_go = threading.Event()
    with pytest.raises(PoolTimeout):
        turns.call(let_go.wait, SECONDS, timeout=0.01)
    with pytest.raises(PoolTimeout, match="wait for their turn"):
        turns.call(int, timeout=0.01)
    let_go.set()
    assert turns.call(int, timeout=SECONDS) == 0
