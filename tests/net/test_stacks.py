"""Chunks are the interpreter's business; what can be seen is how many lie ready."""

from __future__ import annotations

from collections.abc import Iterator

import gevent
import pytest

from wsproxy_gevent import engine
from wsproxy_gevent.net import stacks

pytestmark = pytest.mark.skipif(not engine.COMPILED, reason="only the compiled engine keeps any")

if engine.COMPILED:
    from wsproxy_gevent.net._stacks import kept


@pytest.fixture(autouse=True)
def _keeping() -> Iterator[None]:
    stacks.keep()
    yield
    stacks.let_go()


def deep(calls: int) -> int:
    gevent.sleep(0)
    return calls and deep(calls - 1) + 1


def spawned(greenlets: int, calls: int) -> list[gevent.Greenlet[..., int]]:
    return [gevent.spawn(deep, calls) for _ in range(greenlets)]


def test_a_stack_that_is_no_longer_needed_is_kept_and_used_again() -> None:
    gevent.joinall(spawned(1, 0))
    before = kept()
    assert before > 0
    waiting = spawned(1, 0)
    gevent.sleep(0)
    assert kept() < before
    gevent.joinall(waiting)
    assert kept() == before


def test_it_keeps_no_more_than_a_burst() -> None:
    gevent.joinall(spawned(200, 0))
    assert kept() == 64


def test_deep_stacks_come_and_go_whole() -> None:
    for _ in range(3):
        deepest = spawned(20, 150)
        gevent.joinall(deepest)
        assert [each.value for each in deepest] == [150] * 20


def test_what_is_let_go_is_not_ours_any_more() -> None:
    gevent.joinall(spawned(10, 0))
    stacks.let_go()
    assert kept() == 0
    gevent.joinall(spawned(10, 0))
    assert kept() == 0
