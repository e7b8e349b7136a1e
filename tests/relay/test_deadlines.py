"""What a session may let pass, scan by scan; no test waits."""

from __future__ import annotations

from collections.abc import Callable

import gevent
import pytest

from tests.relay.frames import close, closed, from_client, from_server
from tests.relay.scene import HASTY, EchoScene, Scene, read_exactly
from tests.relay.test_pair import ended
from wsproxy_gevent.model import Deadlines
from wsproxy_gevent.relay.conversation import Conversation

IDLE = Deadlines(idle=60)
STALL = Deadlines(stall=60)

# A masked frame that does not end in a test's time.
ENDLESS = b"\x82\xff" + (1 << 40).to_bytes(8) + bytes(4)


def beat(session: Conversation, deadlines: Deadlines, begin: int, end: int) -> None:
    """One look a second."""
    for now in range(begin, end):
        session.beat(float(now), deadlines)


def fill(send: Callable[[bytes], int], stuck: Callable[[], bool], data: bytes) -> None:
    """Have it sent again and again until whoever carries it on is stuck."""
    turns = 0
    while turns < 10:
        gevent.with_timeout(0.001, send, data, timeout_value=0)
        gevent.sleep(0)
        turns = turns + 1 if stuck() else 0


# -- Idle ------------------------------------------------------------------------------


def test_a_session_without_payload_is_ended() -> None:
    with Scene(patience=HASTY) as scene:
        gevent.sleep(0)
        beat(scene.relay, IDLE, 0, 60)
        assert scene.client.taking
        beat(scene.relay, IDLE, 60, 61)
        answer = closed(1001, b"the session was idle too long")
        assert read_exactly(scene.browser, len(answer)) == answer
        scene.browser.sendall(close(1001))
        assert ended(scene) == ("proxy", "session-idle", 1001)


@pytest.mark.parametrize("upstream", [True, False])
def test_payload_either_way_puts_the_end_off(upstream: bool) -> None:
    with Scene() as scene:
        gevent.sleep(0)
        beat(scene.relay, IDLE, 0, 59)
        if upstream:
            scene.browser.sendall(from_client(b"x"))
            read_exactly(scene.service, 1)
        else:
            scene.service.sendall(b"x")
            read_exactly(scene.browser, 3)
        beat(scene.relay, IDLE, 59, 119)
        assert scene.client.taking
        beat(scene.relay, IDLE, 119, 120)
        assert not scene.client.taking


def test_pings_are_no_payload() -> None:
    with Scene() as scene:
        gevent.sleep(0)
        beat(scene.relay, IDLE, 0, 59)
        scene.browser.sendall(from_client(b"", 0x9))
        assert read_exactly(scene.browser, 2) == from_server(b"", 0xA)
        beat(scene.relay, IDLE, 59, 61)
        assert not scene.client.taking


# -- Age -------------------------------------------------------------------------------


def test_a_session_that_is_too_old_is_ended_whatever_it_does() -> None:
    with Scene(patience=HASTY) as scene:
        gevent.sleep(0)
        beat(scene.relay, Deadlines(longest=3600), 0, 9)
        assert scene.client.taking
        beat(scene.relay, Deadlines(longest=1e-9), 9, 10)
        answer = closed(1008, b"the session's time is over")
        assert read_exactly(scene.browser, len(answer)) == answer
        scene.browser.sendall(close(1008))
        assert ended(scene) == ("proxy", "session-max", 1008)


# -- Stalls ----------------------------------------------------------------------------


def test_a_client_that_takes_nothing_is_given_up() -> None:
    with Scene(patience=HASTY) as scene:
        fill(scene.service.send, lambda: scene.client.stuck, bytes(1 << 16))
        beat(scene.relay, STALL, 0, 60)
        assert not scene.running.ready()
        beat(scene.relay, STALL, 60, 61)
        assert ended(scene) == ("client", "client-stalled", 1006)


def test_the_echos_client_is_given_up_as_well() -> None:
    with EchoScene(patience=HASTY) as scene:
        scene.browser.sendall(ENDLESS)
        fill(scene.browser.send, lambda: scene.client.stuck, bytes(1 << 16))
        beat(scene.echo, STALL, 0, 61)
        summary = scene.summary()
        assert (summary.ended_by, summary.reason) == ("client", "client-stalled")


def test_a_client_that_takes_a_little_is_not() -> None:
    with Scene() as scene:
        fill(scene.service.send, lambda: scene.client.stuck, bytes(1 << 16))
        beat(scene.relay, STALL, 0, 59)
        writes = scene.client.writes
        while scene.client.writes == writes:
            scene.browser.recv(1 << 16)
        fill(scene.service.send, lambda: scene.client.stuck, bytes(1 << 16))
        beat(scene.relay, STALL, 59, 119)
        assert scene.client.taking


def test_a_client_for_whom_there_is_nothing_is_not() -> None:
    with Scene() as scene:
        scene.service.sendall(b"x")
        read_exactly(scene.browser, 3)
        beat(scene.relay, STALL, 0, 3600)
        assert scene.client.taking


def test_a_target_that_takes_nothing_is_given_up_and_the_client_told() -> None:
    with Scene() as scene:
        scene.browser.sendall(ENDLESS)
        fill(scene.browser.send, lambda: scene.target.stuck, bytes(1 << 16))
        beat(scene.relay, STALL, 0, 60)
        assert scene.client.taking
        beat(scene.relay, STALL, 60, 61)
        answer = closed(1011, b"target takes nothing")
        assert read_exactly(scene.browser, len(answer)) == answer
        scene.browser.close()
        assert ended(scene) == ("target", "target-stalled", 1011)


def test_an_end_that_has_begun_is_left_to_its_own_deadlines() -> None:
    with Scene() as scene:
        scene.client.close(1000)
        everything = Deadlines(idle=1, longest=1e-9, stall=1)
        beat(scene.relay, everything, 0, 10)
        assert scene.relay.summary().reason not in {"session-idle", "session-max"}


# -- How often to look ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deadlines", "period"),
    [
        (Deadlines(), 0),
        (Deadlines(dead_after=180), 0),
        (Deadlines(heartbeat=30), 7.5),
        (Deadlines(heartbeat=30, stall=1), 0.25),
        (Deadlines(longest=86400), 15),
    ],
)
def test_nobody_is_late_by_more_than_a_quarter(deadlines: Deadlines, period: float) -> None:
    assert deadlines.period == period
