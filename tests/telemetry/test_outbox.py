from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

import pytest

from wsproxy_gevent.telemetry.outbox import REPORT_EVERY_SECONDS, Outbox


class HandClock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def wall(self) -> float:
        return self.seconds


class Destination:
    """Notes what is done, and stalls between `stall` and `go_on`."""

    def __init__(self) -> None:
        self.done: list[object] = []
        self.entered = threading.Event()
        self.may_go_on = threading.Event()

    def note(self, what: object) -> None:
        self.done.append(what)

    def stall(self) -> None:
        self.entered.set()
        assert self.may_go_on.wait(5)
        self.done.append("stalled")

    def fail(self) -> None:
        raise OSError("gone")


@pytest.fixture
def there() -> Destination:
    return Destination()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def outbox(there: Destination, clock: HandClock) -> Iterator[Outbox]:
    made = Outbox(lambda lost: there.note(("lost", lost)), jobs_waiting=3, clock=clock)
    yield made
    there.may_go_on.set()
    assert made.stop(5)


def reached(outbox: Outbox) -> None:
    """Wait until all that was posted is done."""
    done = threading.Event()
    outbox.post_always(done.set)
    assert done.wait(5)


def test_jobs_are_done_in_their_order_on_one_other_thread(
    outbox: Outbox, there: Destination
) -> None:
    for _ in range(3):
        assert outbox.post(lambda: there.note(threading.get_ident()))
    reached(outbox)
    assert len(there.done) == 3
    assert len(set(there.done)) == 1
    assert threading.get_ident() not in there.done


def test_a_stalled_destination_holds_nobody_and_what_is_lost_is_reported(
    outbox: Outbox, there: Destination
) -> None:
    outbox.post(there.stall)
    assert there.entered.wait(5)
    posted = [outbox.post(lambda: there.note("kept")) for _ in range(5)]
    assert posted == [True, True, True, False, False]
    there.may_go_on.set()
    assert outbox.stop(5)
    assert there.done == ["stalled", ("lost", 2), "kept", "kept", "kept"]


def test_a_job_that_fails_is_lost_and_the_next_is_done(outbox: Outbox, there: Destination) -> None:
    outbox.post(there.fail)
    outbox.post(lambda: there.note("next"))
    reached(outbox)
    assert there.done == [("lost", 1), "next"]


def test_losses_are_reported_now_and_then_and_at_the_end(
    outbox: Outbox, there: Destination, clock: HandClock
) -> None:
    for _ in range(3):
        outbox.post(there.fail)
        reached(outbox)
    assert there.done == [("lost", 1)]
    clock.seconds += REPORT_EVERY_SECONDS
    outbox.post(there.fail)
    reached(outbox)
    assert there.done == [("lost", 1), ("lost", 3)]
    outbox.post(there.fail)
    assert outbox.stop(5)
    assert there.done == [("lost", 1), ("lost", 3), ("lost", 1)]


def test_a_report_that_cannot_be_made_is_made_later(clock: HandClock) -> None:
    reports: list[int] = []

    def report(lost: int) -> None:
        reports.append(lost)
        if len(reports) == 1:
            raise OSError("not now")

    outbox = Outbox(report, clock=clock)
    outbox.post(lambda: [][0])
    assert outbox.stop(5)
    assert reports == [1, 1]


def test_a_stop_does_what_is_queued_and_then_the_last_jobs(
    outbox: Outbox, there: Destination
) -> None:
    for number in range(3):
        outbox.post(partial(there.note, number))
    assert outbox.stop(5, [lambda: there.note("last")])
    assert there.done == [0, 1, 2, "last"]
    assert not outbox.post(lambda: there.note("late"))
    assert outbox.stop(5)
    assert there.done == [0, 1, 2, "last"]


def test_a_stop_does_not_wait_for_ever(outbox: Outbox, there: Destination) -> None:
    outbox.post(there.stall)
    assert there.entered.wait(5)
    assert not outbox.stop(0)
