"""A process that ends by itself: when, and when not."""

from __future__ import annotations

import pytest

from wsproxy_gevent.lifetime import Lifetime, wait_for_end

# timeout, idle; then (moment, who is connected, whether it is over), from 0 on.
CASES: list[tuple[float, float, list[tuple[float, int, bool]]]] = [
    (10, 0, [(0, 0, False), (9.9, 0, False), (10, 0, True)]),
    (10, 0, [(5, 1, False), (10, 1, False), (500, 1, False), (501, 0, True)]),
    (10, 0, [(5, 1, False), (6, 0, False), (10, 0, True)]),
    (0, 10, [(9.9, 0, False), (10, 0, True)]),
    (0, 10, [(9, 1, False), (500, 2, False), (505, 0, False), (510, 0, True)]),
    (100, 10, [(10, 0, True)]),
    (10, 100, [(10, 0, True)]),
    (0, 0, [(1e9, 0, False)]),
]


@pytest.mark.parametrize(("timeout", "idle", "moments"), CASES)
def test_it_is_over_when_nobody_is_connected_and_the_time_is_up(
    timeout: float, idle: float, moments: list[tuple[float, int, bool]]
) -> None:
    lifetime = Lifetime(timeout, idle, 0.0)
    for now, connected, over in moments:
        assert bool(lifetime.over(now, connected)) == over, now


def test_who_came_and_went_between_two_looks_counts() -> None:
    lifetime = Lifetime(0, 10, 0.0)
    lifetime.visited(9.0)
    assert not lifetime.over(10.0, 0)
    assert lifetime.over(19.0, 0) == "--idle-timeout: nobody was connected for 10 s"


def test_the_wait_ends_with_the_reason() -> None:
    # Long over: the clock of the machine is far from 0.
    assert wait_for_end(Lifetime(0.5, 0, -1.0), lambda: 0).startswith("--timeout: 0.5 s are over")


@pytest.mark.parametrize(
    ("timeout", "idle", "limited"), [(0, 0, False), (1, 0, True), (0, 1, True)]
)
def test_it_is_limited_by_either(timeout: float, idle: float, limited: bool) -> None:
    assert Lifetime(timeout, idle, 0.0).is_limited == limited
