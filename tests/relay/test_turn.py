from __future__ import annotations

import gevent

from wsproxy_gevent.relay.turn import TURN_BYTES, Turn


def neighbour_runs(sizes: list[int]) -> bool:
    """Whether another greenlet runs while reads of those sizes are made."""
    ran: list[bool] = []
    waiting = gevent.spawn(ran.append, True)
    turn = Turn()
    for size in sizes:
        turn.pass_on()
        turn.spend(size)
    turn.pass_on()
    waiting.kill()
    return bool(ran)


def test_a_share_of_bytes_is_one_turn() -> None:
    assert neighbour_runs([TURN_BYTES])
    assert not neighbour_runs([TURN_BYTES // 2])


def test_many_tiny_reads_are_a_turn_as_well() -> None:
    assert neighbour_runs([1] * 64)
    assert not neighbour_runs([1] * 8)
