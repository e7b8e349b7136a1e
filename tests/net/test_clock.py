"""Deadlines and dates; nothing here waits for longer than a millisecond."""

from __future__ import annotations

import gevent
import pytest
from gevent.event import Event

from wsproxy_gevent.errors import OpeningTimeout, TargetTimeout
from wsproxy_gevent.net import clock
from wsproxy_gevent.net.clock import Deadline, http_date

SHORT = 0.001


class SetClock:
    """A clock that stands until it is set."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now


def too_late() -> OpeningTimeout:
    return OpeningTimeout("too late")


def too_late_outside() -> TargetTimeout:
    return TargetTimeout("too late outside")


def wait_for_ever() -> None:
    Event().wait()


def test_a_deadline_counts_down_to_zero_and_no_further() -> None:
    time = SetClock()
    deadline = Deadline(10, time)
    assert (deadline.left, deadline.passed) == (10, False)
    time.now += 9
    assert (deadline.left, deadline.passed) == (1, False)
    time.now += 1
    assert (deadline.left, deadline.passed) == (0, True)
    time.now += 1
    assert deadline.left == 0


def test_the_given_error_is_raised_when_it_passes() -> None:
    with pytest.raises(OpeningTimeout, match="too late"), Deadline(SHORT).enforce(too_late):
        wait_for_ever()


def test_a_block_in_time_ends_as_it_would() -> None:
    with Deadline(30).enforce(too_late):
        done = gevent.spawn(lambda: "done").get()
    assert done == "done"


def test_what_has_passed_lets_nothing_begin() -> None:
    begun = False
    with pytest.raises(OpeningTimeout), Deadline(0).enforce(too_late):
        begun = True
    assert not begun


def test_an_error_of_the_block_is_its_own() -> None:
    with pytest.raises(KeyError), Deadline(30).enforce(too_late):
        raise KeyError("mine")


def test_after_the_block_nothing_strikes_any_more() -> None:
    with Deadline(SHORT).enforce(too_late):
        pass
    with pytest.raises(gevent.Timeout), gevent.Timeout(3 * SHORT):
        wait_for_ever()


def test_an_inner_deadline_strikes_as_its_own() -> None:
    with (
        pytest.raises(OpeningTimeout),
        Deadline(30).enforce(too_late_outside),
        Deadline(SHORT).enforce(too_late),
    ):
        wait_for_ever()


def test_an_outer_deadline_passes_through_the_inner_block() -> None:
    with (
        pytest.raises(TargetTimeout),
        Deadline(SHORT).enforce(too_late_outside),
        Deadline(30).enforce(too_late),
    ):
        wait_for_ever()


def test_an_outer_deadline_strikes_behind_an_inner_one() -> None:
    seen = []

    def two_waits() -> None:
        with pytest.raises(OpeningTimeout), Deadline(SHORT).enforce(too_late):
            wait_for_ever()
        seen.append("inner")
        wait_for_ever()

    with pytest.raises(TargetTimeout), Deadline(5 * SHORT).enforce(too_late_outside):
        two_waits()
    assert seen == ["inner"]


def test_no_except_on_the_way_mistakes_it_for_a_fault_of_its_own() -> None:
    def read() -> None:
        try:
            wait_for_ever()
        except Exception as exc:
            raise AssertionError("taken for a fault") from exc

    with pytest.raises(OpeningTimeout), Deadline(SHORT).enforce(too_late):
        read()


def test_a_deadline_is_shared_by_several_steps() -> None:
    time = SetClock()
    deadline = Deadline(10, time)
    with deadline.enforce(too_late):
        time.now += 10
    with pytest.raises(OpeningTimeout), deadline.enforce(too_late):
        raise AssertionError("begun")


def test_the_system_clock_tells_both_times() -> None:
    assert clock.monotonic() <= clock.SYSTEM.monotonic() <= clock.monotonic()
    assert clock.wall() <= clock.SYSTEM.wall() <= clock.wall()


@pytest.mark.parametrize(
    ("unix_seconds", "date"),
    [
        (784111777, "Sun, 06 Nov 1994 08:49:37 GMT"),  # the example of RFC 9110
        (0.9, "Thu, 01 Jan 1970 00:00:00 GMT"),
    ],
)
def test_dates_are_written_as_http_wants_them(unix_seconds: float, date: str) -> None:
    assert http_date(unix_seconds) == date
