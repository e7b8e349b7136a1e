"""Peers that hang up while something is done for their sake."""

from __future__ import annotations

from collections.abc import Iterator

import gevent
import pytest
from gevent.event import Event

from tests.fakes import FakeStream
from wsproxy_gevent.errors import PeerLeft, TargetTimeout
from wsproxy_gevent.net import leaving
from wsproxy_gevent.net.clock import Deadline
from wsproxy_gevent.net.leaving import WhileThere

SHORT, LONG = 0.001, 20.0


@pytest.fixture(autouse=True)
def looked_at_often(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(leaving, "LOOK_SECONDS", SHORT)
    with gevent.Timeout(LONG):
        yield


def left() -> PeerLeft:
    return PeerLeft("the peer left")


def too_late() -> TargetTimeout:
    return TargetTimeout("too late")


def wait_for_ever() -> None:
    Event().wait()


def test_a_block_ends_when_the_peer_hangs_up() -> None:
    stream = FakeStream()
    gevent.spawn_later(3 * SHORT, stream.abort)
    with pytest.raises(PeerLeft), WhileThere(stream, left):
        wait_for_ever()
    assert stream.aborted


def test_a_peer_that_stays_is_no_reason() -> None:
    with (
        pytest.raises(TargetTimeout),
        Deadline(10 * SHORT).enforce(too_late),
        WhileThere(FakeStream(), left),
    ):
        wait_for_ever()


def test_a_block_that_never_waits_runs_to_its_end() -> None:
    stream = FakeStream()
    stream.abort()
    with WhileThere(stream, left):
        done = True
    assert done


def test_after_the_block_nothing_strikes_any_more() -> None:
    stream = FakeStream()
    with WhileThere(stream, left):
        pass
    stream.abort()
    with pytest.raises(TargetTimeout), Deadline(10 * SHORT).enforce(too_late):
        wait_for_ever()


def test_it_strikes_once_and_lets_the_block_clean_up() -> None:
    stream = FakeStream()
    stream.abort()
    cleaned = False

    def wait_and_clean_up() -> None:
        nonlocal cleaned
        try:
            wait_for_ever()
        finally:
            gevent.sleep(5 * SHORT)
            cleaned = True

    with pytest.raises(PeerLeft), WhileThere(stream, left):
        wait_and_clean_up()
    assert cleaned


def test_an_error_of_the_block_is_its_own() -> None:
    with pytest.raises(KeyError), WhileThere(FakeStream(), left):
        raise KeyError("mine")


def test_no_except_on_the_way_mistakes_it_for_a_fault_of_its_own() -> None:
    stream = FakeStream()
    stream.abort()

    def dial() -> None:
        try:
            wait_for_ever()
        except Exception as exc:
            raise AssertionError("taken for a fault") from exc

    with pytest.raises(PeerLeft), WhileThere(stream, left):
        dial()
