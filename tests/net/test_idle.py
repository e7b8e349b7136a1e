"""Clients of a service are kept for the next call, and never shared."""

from __future__ import annotations

import pytest

from wsproxy_gevent.net.idle import Idle


class Client:
    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


def test_one_that_has_served_serves_again() -> None:
    idle = Idle(Client)
    with idle.one() as first:
        pass
    with idle.one() as second:
        assert second is first
    assert not first.closed


def test_two_at_a_time_are_two() -> None:
    idle = Idle(Client)
    with idle.one() as first, idle.one() as second:
        assert first is not second


def test_one_whose_call_failed_is_closed_and_not_used_again() -> None:
    idle = Idle(Client)
    with pytest.raises(OSError, match="broken"), idle.one() as first:
        raise OSError("broken")
    assert first.closed
    with idle.one() as second:
        assert second is not first


def test_more_than_may_wait_are_closed() -> None:
    idle = Idle(Client, most=1)
    with idle.one() as first, idle.one() as second:
        pass
    assert sorted([first.closed, second.closed]) == [False, True]
