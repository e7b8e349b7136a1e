"""The compiled way past the ends: who takes it, and that nobody can tell."""

from __future__ import annotations

import gevent
import pytest

from tests.fakes import RecordingObserver
from tests.relay.frames import close, from_client, from_server, ping
from tests.relay.scene import Scene, read_exactly
from wsproxy_gevent import engine
from wsproxy_gevent.model import Dialect, Direction
from wsproxy_gevent.relay.pair import Relay
from wsproxy_gevent.relay.pump import Lane
from wsproxy_gevent.wire.deflate import Deflate
from wsproxy_gevent.wire.payload import PayloadKind
from wsproxy_gevent.wire.session import A_FEW_PINGS


def lanes(relay: Relay) -> list[Lane]:
    return [relay._upstream, relay._downstream]


def carried(relay: Relay) -> list[int]:
    """The payload bytes that went past the ends, each way."""
    return [lane.shortcut.payload_bytes if lane.shortcut else 0 for lane in lanes(relay)]


def echo_once(scene: Scene, payload: bytes) -> None:
    """There as a message, and back as one."""
    scene.browser.sendall(from_client(payload))
    assert read_exactly(scene.service, len(payload)) == payload
    scene.service.sendall(payload)
    framed = from_server(payload)
    assert read_exactly(scene.browser, len(framed)) == framed


@pytest.mark.parametrize("dialect", [Dialect.HYBI_07, Dialect.HYBI_08, Dialect.RFC_6455])
def test_binary_sessions_go_past_the_ends_where_the_engine_is_compiled(dialect: Dialect) -> None:
    with Scene(dialect) as scene:
        echo_once(scene, b"payload")
        assert carried(scene.relay) == ([7, 7] if engine.COMPILED else [0, 0])


@pytest.mark.parametrize(
    ("dialect", "kind", "deflate"),
    [
        (Dialect.RFC_6455, PayloadKind.BASE64, None),
        (Dialect.RFC_6455, PayloadKind.TEXT, None),
        (Dialect.RFC_6455, PayloadKind.BINARY, Deflate()),
        (Dialect.HIXIE_76, PayloadKind.BASE64, None),
    ],
)
def test_what_is_not_payload_as_it_is_takes_the_ordinary_way(
    dialect: Dialect, kind: PayloadKind, deflate: Deflate | None
) -> None:
    with Scene(dialect, kind=kind, deflate=deflate) as scene:
        gevent.sleep(0)  # to its first wait
        assert all(lane.shortcut is None for lane in lanes(scene.relay))


def test_an_observer_that_joins_while_both_ways_wait_sees_what_comes_next() -> None:
    observer = RecordingObserver()
    with Scene() as scene:
        echo_once(scene, b"before")
        scene.relay.join(observer)
        echo_once(scene, b"seen")
        assert [call for call in observer.calls if call[0] == "received"] == [
            ("received", Direction.UPSTREAM, b"seen"),
            ("received", Direction.DOWNSTREAM, b"seen"),
        ]


def test_behind_an_observer_that_left_the_session_goes_past_the_ends_again() -> None:
    observer = RecordingObserver()
    with Scene() as scene:
        scene.relay.join(observer)
        echo_once(scene, b"seen")
        scene.relay.leave(observer)
        for _ in range(2):  # a step that has begun the ordinary way ends it
            echo_once(scene, b"unseen")
        assert ("received", Direction.UPSTREAM, b"unseen") not in observer.calls
        assert not engine.COMPILED or min(carried(scene.relay)) >= len(b"unseen")


def test_what_went_either_way_is_counted_once() -> None:
    observer = RecordingObserver()
    with Scene() as scene:
        echo_once(scene, b"one")
        scene.relay.join(observer)
        echo_once(scene, b"two!")
        scene.relay.leave(observer)
        echo_once(scene, b"three")
        scene.browser.sendall(close(1000))
        scene.browser.close()
        scene.service.close()
        summary = scene.summary()
    assert (summary.upstream.payload_bytes, summary.upstream.frames) == (12, 3)
    assert (summary.downstream.payload_bytes, summary.downstream.frames) == (12, 3)


def test_all_the_frames_of_one_read_arrive_and_pings_among_them_are_answered() -> None:
    frames = [from_client(b"x" * size) for size in (0, 1, 125, 126, 65535, 65536, 3)]
    wire = ping(b"a") + b"".join(frame + ping(b"b") for frame in frames[:2]) + b"".join(frames[2:])
    with Scene() as scene:
        scene.browser.sendall(wire)
        assert read_exactly(scene.service, 131326) == b"x" * 131326
        pongs = from_server(b"a", 0xA) + from_server(b"b", 0xA) * 2
        assert read_exactly(scene.browser, len(pongs)) == pongs


def test_a_flood_of_pings_in_one_read_is_answered_by_its_last() -> None:
    with Scene() as scene:
        flood = [ping(b"%d" % number) for number in range(A_FEW_PINGS + 2)]
        scene.browser.sendall(b"".join(flood))
        pong = from_server(b"%d" % (A_FEW_PINGS + 1), 0xA)
        assert read_exactly(scene.browser, len(pong)) == pong


@pytest.mark.parametrize("cut", range(1, 20))
def test_a_cut_anywhere_makes_no_difference(cut: int) -> None:
    wire = from_client(b"ab", fin=False) + ping(b"?") + from_client(b"cd", 0)
    with Scene() as scene:
        scene.browser.sendall(wire[:cut])
        gevent.sleep(0)
        gevent.sleep(0)
        scene.browser.sendall(wire[cut:])
        assert read_exactly(scene.service, 4) == b"abcd"
        assert read_exactly(scene.browser, 3) == from_server(b"?", 0xA)


def test_a_fault_behind_payload_comes_behind_it() -> None:
    with Scene() as scene:
        scene.browser.sendall(from_client(b"good") + b"\xf2\x80\0\0\0\0")
        assert read_exactly(scene.service, 4) == b"good"
        assert scene.service.recv(1) == b""
        assert scene.browser.recv(1 << 10)[2:4] == b"\x03\xea"
        scene.browser.close()
        scene.service.close()
        assert scene.summary().reason == "protocol-error"
