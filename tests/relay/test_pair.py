"""Dialogues over loopback: who ends first, what is delivered, and what is said of it."""

from __future__ import annotations

import socket
from dataclasses import replace

import gevent
import pytest

from tests.fakes import RecordingObserver
from tests.relay.frames import close, closed, from_client, from_server, ping
from tests.relay.scene import HASTY, PATIENT, Scene, read_exactly, read_to_end, reset
from wsproxy_gevent.model import Dialect, Direction
from wsproxy_gevent.observer import Traffic

NORMAL = closed(1000, b"target closed")
BROKEN = closed(1011, b"target reset")


def ended(scene: Scene) -> tuple[str, str, int | None]:
    summary = scene.summary()
    return summary.ended_by, summary.reason, summary.close_code


def until_stalled(scene: Scene) -> None:
    """Let everybody run until nothing moves any more, and the client is why."""
    turns = 0
    while turns < 10:
        before = scene.client.writes
        gevent.sleep(0)
        turns = turns + 1 if scene.client.busy and scene.client.writes == before else 0


def test_payload_travels_both_ways() -> None:
    with Scene() as scene:
        scene.browser.sendall(from_client(b"hello"))
        assert read_exactly(scene.service, 5) == b"hello"
        scene.service.sendall(b"world")
        assert read_exactly(scene.browser, 7) == from_server(b"world")


def test_bytes_behind_the_handshake_are_payload_like_all_others() -> None:
    with Scene(leftover=from_client(b"early")) as scene:
        assert read_exactly(scene.service, 5) == b"early"


@pytest.mark.parametrize("dialect", [Dialect.HIXIE_75, Dialect.HIXIE_76])
def test_hixie_carries_the_same_bytes_in_base64(dialect: Dialect) -> None:
    with Scene(dialect) as scene:
        scene.browser.sendall(b"\x00aGVsbG8=\xff")
        assert read_exactly(scene.service, 5) == b"hello"
        scene.service.sendall(b"world")
        assert read_exactly(scene.browser, 10) == b"\x00d29ybGQ=\xff"


# -- The target ends ------------------------------------------------------------------


def test_a_target_that_ends_is_flushed_and_closed_with_1000() -> None:
    with Scene() as scene:
        scene.service.sendall(b"last words")
        scene.service.shutdown(socket.SHUT_WR)
        said = from_server(b"last words") + NORMAL
        assert read_exactly(scene.browser, len(said)) == said
        scene.browser.sendall(close(1000))
        assert read_to_end(scene.browser) == b""
        scene.browser.close()
        assert ended(scene) == ("target", "closed", 1000)


def test_a_half_closed_target_gets_what_comes_before_the_clients_close() -> None:
    with Scene() as scene:
        scene.service.shutdown(socket.SHUT_WR)
        assert read_exactly(scene.browser, len(NORMAL)) == NORMAL
        scene.browser.sendall(from_client(b"still ") + from_client(b"here") + close(1000))
        assert read_to_end(scene.service) == b"still here"
        scene.browser.close()
        assert ended(scene) == ("target", "closed", 1000)


def test_a_target_that_resets_is_never_1000() -> None:
    with Scene() as scene:
        scene.service.sendall(b"prefix")
        said = from_server(b"prefix")
        assert read_exactly(scene.browser, len(said)) == said
        reset(scene.service)
        assert read_exactly(scene.browser, len(BROKEN)) == BROKEN
        scene.browser.sendall(close(1011))
        scene.browser.close()
        assert ended(scene) == ("target", "target-reset", 1011)


def test_what_a_target_sent_before_a_write_to_it_failed_is_delivered_before_1011() -> None:
    with Scene() as scene:
        # The browser does not read, so the target's bytes pile up on the way
        # while the writes to it begin to fail.
        flood = b"x" * (1 << 20)
        sender = gevent.spawn(scene.service.sendall, flood)
        scene.browser.sendall(from_client(b"unread"))
        sender.join()
        scene.service.close()  # with bytes unread: a reset
        for _ in range(3):
            scene.browser.sendall(from_client(b"lost"))
        got = bytearray()
        while not got.endswith(BROKEN):
            got += scene.browser.recv(1 << 16)
        assert got.count(b"x") > 0
        assert NORMAL not in got
        scene.browser.sendall(close(1011))
        scene.browser.close()
        assert ended(scene) == ("target", "target-reset", 1011)


def test_a_target_that_took_less_than_it_was_given_is_never_1000_however_it_ends() -> None:
    with Scene(unix=True) as scene:
        scene.service.shutdown(socket.SHUT_RD)
        scene.browser.sendall(from_client(b"lost"))
        while not scene.target.write_broke:
            gevent.sleep(0)
        scene.service.sendall(b"rest")
        scene.service.shutdown(socket.SHUT_WR)
        said = from_server(b"rest") + BROKEN
        assert read_exactly(scene.browser, len(said)) == said
        scene.browser.sendall(close(1011))
        scene.browser.close()
        assert ended(scene) == ("target", "target-reset", 1011)


def test_a_write_that_fails_after_the_targets_end_changes_nothing() -> None:
    with Scene() as scene:
        scene.service.close()
        assert read_exactly(scene.browser, len(NORMAL)) == NORMAL
        for _ in range(3):
            scene.browser.sendall(from_client(b"too late"))
        scene.browser.sendall(ping() + close(1000))
        assert read_to_end(scene.browser) == b""
        scene.browser.close()
        assert ended(scene) == ("target", "closed", 1000)


def test_a_client_that_does_not_answer_is_given_up() -> None:
    with Scene(patience=HASTY) as scene:
        scene.service.close()
        assert read_to_end(scene.browser) == NORMAL
        assert ended(scene) == ("target", "close-timeout", 1000)


# -- The client ends ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "answer", "code"),
    [
        (close(1000), closed(1000), 1000),
        (close(1001, b"going"), closed(1001), 1001),
        (close(4000), closed(4000), 4000),
        (close(None), closed(1000), 1000),
    ],
)
def test_a_close_is_echoed_and_the_fin_follows(said: bytes, answer: bytes, code: int) -> None:
    with Scene() as scene:
        scene.browser.sendall(from_client(b"all of it") + said)
        # Both before the target has done anything.
        assert read_to_end(scene.browser) == answer
        assert read_to_end(scene.service) == b"all of it"
        scene.service.close()
        scene.browser.close()
        assert ended(scene) == ("client", "closed", code)


def test_the_target_is_drained_so_that_no_reset_overtakes_the_last_bytes() -> None:
    with Scene() as scene:
        scene.browser.sendall(from_client(b"the last bytes") + close(1000))
        assert read_to_end(scene.browser) == closed(1000)
        # Nobody wants these any more; unread, they would make the close a reset.
        for _ in range(64):
            scene.service.sendall(b"x" * 65536)
        assert read_to_end(scene.service) == b"the last bytes"
        scene.service.close()
        scene.browser.close()
        assert ended(scene) == ("client", "closed", 1000)


def test_a_target_that_never_ends_is_left_after_a_quiet_read() -> None:
    with Scene(patience=HASTY) as scene:
        scene.browser.sendall(close(1000))
        assert ended(scene) == ("client", "closed", 1000)
        assert read_to_end(scene.service) == b""


def test_a_target_that_never_stops_is_left_after_the_linger() -> None:
    with Scene(patience=replace(PATIENT, linger=0.05)) as scene:
        scene.browser.shutdown(socket.SHUT_WR)

        def flood() -> None:
            try:
                while True:
                    scene.service.sendall(b"x" * 4096)
                    gevent.sleep(0)
            except OSError:
                pass

        flooding = gevent.spawn(flood)
        assert ended(scene) == ("client", "client-gone", 1006)
        flooding.join()


def test_a_target_is_drained_although_the_clients_last_frame_is_still_being_written() -> None:
    with Scene(patience=replace(PATIENT, linger_read=0.01)) as scene:
        flooding = gevent.spawn(scene.service.sendall, b"x" * (24 << 20))
        until_stalled(scene)
        scene.browser.sendall(from_client(b"good bye") + close(1000))
        assert read_to_end(scene.service) == b"good bye"
        scene.running.join(0.03)
        assert not flooding.ready()
        reading = gevent.spawn(read_to_end, scene.browser)
        flooding.get()
        scene.service.close()
        assert reading.get().endswith(closed(1000))
        scene.browser.close()
        assert ended(scene) == ("client", "closed", 1000)


def test_a_client_that_vanishes_leaves_the_target_all_it_said_and_a_fin() -> None:
    with Scene() as scene:
        scene.browser.sendall(from_client(b"all of it"))
        scene.browser.close()
        assert read_to_end(scene.service) == b"all of it"
        scene.service.close()
        assert ended(scene) == ("client", "client-gone", 1006)


def test_a_client_that_resets_in_mid_frame_leaves_the_target_the_prefix() -> None:
    with Scene() as scene:
        scene.browser.sendall(from_client(b"0123456789")[:-4])
        assert read_exactly(scene.service, 6) == b"012345"
        reset(scene.browser)
        assert read_to_end(scene.service) == b""
        scene.service.close()
        assert ended(scene) == ("client", "client-gone", 1006)


def test_in_hixie_75_the_end_of_the_stream_is_the_orderly_close() -> None:
    with Scene(Dialect.HIXIE_75) as scene:
        scene.browser.sendall(b"\x00aGVsbG8=\xff")
        scene.browser.shutdown(socket.SHUT_WR)
        assert read_to_end(scene.service) == b"hello"
        assert read_to_end(scene.browser) == b""
        scene.service.close()
        scene.browser.close()
        assert ended(scene) == ("client", "closed", None)


def test_in_hixie_75_the_end_of_the_target_is_the_end_of_the_stream() -> None:
    with Scene(Dialect.HIXIE_75) as scene:
        scene.service.sendall(b"world")
        scene.service.shutdown(socket.SHUT_WR)
        assert read_to_end(scene.browser) == b"\x00d29ybGQ=\xff"
        scene.browser.sendall(b"\x00aGVsbG8=\xff")
        scene.browser.shutdown(socket.SHUT_WR)
        assert read_to_end(scene.service) == b"hello"
        assert ended(scene) == ("target", "closed", None)


def test_hixie_76_says_and_answers_its_own_close() -> None:
    with Scene(Dialect.HIXIE_76) as scene:
        scene.service.shutdown(socket.SHUT_WR)
        assert read_exactly(scene.browser, 2) == b"\xff\x00"
        scene.browser.sendall(b"\xff\x00")
        assert read_to_end(scene.browser) == b""
        scene.browser.close()
        assert ended(scene) == ("target", "closed", None)


def test_a_protocol_error_has_its_own_code_behind_the_data_in_front_of_it() -> None:
    with Scene() as scene:
        unmasked = b"\x82\x01x"
        scene.browser.sendall(from_client(b"good") + unmasked)
        assert read_to_end(scene.service) == b"good"
        said = read_to_end(scene.browser)
        assert said[:1] == b"\x88"
        assert said[2:4] == (1002).to_bytes(2, "big")
        scene.service.close()
        scene.browser.close()
        assert ended(scene) == ("client", "protocol-error", 1002)


def test_a_stalled_client_that_closed_does_not_keep_the_session() -> None:
    with Scene(patience=HASTY) as scene:

        def flood() -> None:
            try:
                while True:
                    scene.service.sendall(b"x" * 65536)
            except OSError:
                pass

        flooding = gevent.spawn(flood)
        until_stalled(scene)
        scene.browser.sendall(from_client(b"good bye") + close(1000))
        assert ended(scene) == ("client", "closed", 1000)
        flooding.join()


def test_a_stalled_target_does_not_keep_a_session_that_the_client_has_ended() -> None:
    more_than_it_takes = from_client(b"x" * (32 << 20)) + close(1000)
    with Scene(patience=HASTY, leftover=more_than_it_takes) as scene:
        summary = scene.summary()
        assert (summary.ended_by, summary.reason) == ("client", "closed")
        assert set(read_to_end(scene.service)) == {ord("x")}


def test_a_client_that_resets_does_not_keep_a_session_whose_target_is_stalled() -> None:
    more_than_it_takes = from_client(b"x" * (32 << 20))
    with Scene(patience=HASTY, leftover=more_than_it_takes) as scene:
        scene.service.sendall(b"y")
        assert read_exactly(scene.browser, 3) == from_server(b"y")
        reset(scene.browser)
        # Upstream waits for the target, so it is a write that finds it out.
        while not scene.running.ready():
            try:
                scene.service.sendall(b"y")
            except OSError:
                break
            gevent.sleep(0)
        assert ended(scene) == ("client", "client-gone", 1006)


# -- Ends from outside -----------------------------------------------------------------


def test_stop_closes_with_its_code_and_waits_for_the_answer() -> None:
    with Scene() as scene:
        scene.browser.sendall(from_client(b"before"))
        assert read_exactly(scene.service, 6) == b"before"
        scene.relay.stop(1001, "restarting")
        said = closed(1001, b"restarting")
        assert read_exactly(scene.browser, len(said)) == said
        scene.browser.sendall(from_client(b" after") + close(1001))
        assert read_to_end(scene.service) == b" after"
        scene.service.close()
        scene.browser.close()
        assert ended(scene) == ("proxy", "stopped", 1001)


def test_the_first_stop_wins() -> None:
    with Scene() as scene:
        scene.relay.stop(1001, "restarting")
        scene.relay.stop(1008, "token revoked")
        scene.service.close()
        said = closed(1001, b"restarting")
        assert read_exactly(scene.browser, len(said)) == said
        scene.browser.sendall(close(1001))
        scene.browser.close()
        assert ended(scene) == ("proxy", "stopped", 1001)


def test_a_stopped_client_that_does_not_answer_is_given_up() -> None:
    with Scene(patience=HASTY) as scene:
        scene.relay.stop(1001, "")
        assert read_to_end(scene.browser) == closed(1001)
        assert read_to_end(scene.service) == b""
        assert ended(scene) == ("proxy", "close-timeout", 1001)


def test_a_killed_session_closes_both_sockets_at_once() -> None:
    with Scene() as scene:
        seen = RecordingObserver()
        scene.relay.join(seen)
        scene.browser.sendall(from_client(b"hello"))
        seen.first_seen.wait()
        scene.running.kill()
        assert read_to_end(scene.service) == b"hello"
        assert read_to_end(scene.browser) == b""
        assert seen.calls[-1] == ("ended",)
        summary = scene.relay.summary()
        assert (summary.ended_by, summary.reason) == ("proxy", "stopped")


# -- Beside the payload ------------------------------------------------------------------


def test_the_summary_counts_payload_and_reads() -> None:
    with Scene() as scene:
        scene.browser.sendall(from_client(b"hello"))
        assert read_exactly(scene.service, 5) == b"hello"
        scene.service.sendall(b"wonderful")
        scene.service.shutdown(socket.SHUT_WR)
        said = from_server(b"wonderful") + NORMAL
        assert read_exactly(scene.browser, len(said)) == said
        scene.browser.sendall(close(1000))
        scene.browser.close()
        summary = scene.summary()
        assert summary.upstream == Traffic(5, 1)
        assert summary.downstream == Traffic(9, 1)
        assert summary.seconds >= 0


def test_observers_join_and_leave_a_live_session() -> None:
    early, late = RecordingObserver(), RecordingObserver()
    with Scene() as scene:
        scene.relay.join(early)
        scene.browser.sendall(from_client(b"one"))
        assert read_exactly(scene.service, 3) == b"one"
        scene.relay.join(late)
        scene.service.sendall(b"two")
        assert read_exactly(scene.browser, 5) == from_server(b"two")
        scene.relay.leave(early)
        scene.browser.sendall(from_client(b"three")[:3])
        while ("incomplete", Direction.UPSTREAM) not in late.calls:
            gevent.sleep(0)
    up, down = Direction.UPSTREAM, Direction.DOWNSTREAM
    assert early.calls == [
        ("received", up, b"one"),
        ("sent", up, True),
        ("received", down, b"two"),
        ("sent", down, True),
        ("ended",),
    ]
    assert late.calls == [
        ("received", down, b"two"),
        ("sent", down, True),
        ("incomplete", up),
        ("ended",),
    ]


def test_an_observer_that_fails_ends_its_session_and_prints_no_traceback(
    capfd: pytest.CaptureFixture[str],
) -> None:
    class Failing(RecordingObserver):
        def received(self, direction: Direction, payload: object) -> None:
            raise ZeroDivisionError

    with Scene() as scene:
        scene.relay.join(Failing())
        scene.service.sendall(b"x")
        said = closed(1011, b"internal error")
        assert read_exactly(scene.browser, len(said)) == said
        scene.browser.sendall(close(1011))
        scene.browser.close()
        scene.service.close()
        assert ended(scene) == ("proxy", "internal-error", 1011)
    assert "Traceback" not in capfd.readouterr().err
