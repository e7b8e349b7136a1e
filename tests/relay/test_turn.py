from __future__ import annotations

import gevent

from wsproxy_gevent.relay.turn import SHARE_SECONDS, Turn


def neighbour_runs(works: list[float], *, pause: float = 0.0) -> bool:
    """Whether another greenlet runs while a reader works so long behind each read."""
    ran: list[bool] = []
    waiting = gevent.spawn(ran.append, True)
    now = 0.0
    turn = Turn(lambda: now)
    for seconds in works:
        turn.pass_on()
        now += pause  # for what there is to read
        turn.begin()
        now += seconds
    turn.pass_on()
    waiting.kill()
    return bool(ran)


def test_a_share_of_work_is_one_turn() -> None:
    assert neighbour_runs([SHARE_SECONDS])
    assert not neighbour_runs([SHARE_SECONDS / 2])


def test_short_works_add_up_to_a_turn() -> None:
    assert neighbour_runs([SHARE_SECONDS / 8] * 8)
    assert not neighbour_runs([SHARE_SECONDS / 8] * 7)


def test_a_turn_that_was_passed_on_begins_anew() -> None:
    now = 0.0
    turn = Turn(lambda: now)
    turn.begin()
    now = SHARE_SECONDS
    turn.pass_on()
    ran: list[bool] = []
    waiting = gevent.spawn(ran.append, True)
    turn.pass_on()
    assert not ran
    waiting.kill()


def test_waiting_for_the_peer_is_no_work() -> None:
    assert not neighbour_runs([0.0] * 100, pause=1.0)
