"""The embedded target, over loopback."""

from __future__ import annotations

import socket

import gevent
import pytest

from tests.fakes import RecordingObserver
from tests.relay.frames import close, closed, from_client, from_server, ping
from tests.relay.scene import HASTY, EchoScene, read_exactly, read_to_end
from wsproxy_gevent.model import Dialect, Direction
from wsproxy_gevent.observer import Traffic


def ask(scene: EchoScene, question: bytes, answer: bytes) -> None:
    scene.browser.sendall(question)
    assert read_exactly(scene.browser, len(answer)) == answer


@pytest.mark.parametrize("dialect", [Dialect.HYBI_07, Dialect.HYBI_08, Dialect.RFC_6455])
@pytest.mark.parametrize("opcode", [0x1, 0x2])
def test_each_message_comes_back_with_its_opcode(dialect: Dialect, opcode: int) -> None:
    with EchoScene(dialect) as scene:
        ask(scene, from_client(b"hello", opcode), from_server(b"hello", opcode))


def test_boundaries_are_kept_empty_messages_included() -> None:
    with EchoScene() as scene:
        messages = (b"one", b"", b"two")
        ask(
            scene,
            b"".join(from_client(message, 1) for message in messages),
            b"".join(from_server(message, 1) for message in messages),
        )


@pytest.mark.parametrize("dialect", [Dialect.HIXIE_75, Dialect.HIXIE_76])
def test_hixie_text_comes_back_as_it_was(dialect: Dialect) -> None:
    with EchoScene(dialect) as scene:
        ask(scene, b"\x00hello\xff\x00\xff", b"\x00hello\xff\x00\xff")


def test_a_message_is_answered_before_it_is_whole() -> None:
    with EchoScene() as scene:
        ask(scene, from_client(b"He", 1, fin=False), from_server(b"He", 1, fin=False))
        ask(scene, ping(b"?"), from_server(b"?", 0xA))
        ask(scene, from_client(b"llo", 0), from_server(b"llo", 0))


def test_a_hixie_message_is_one_message_however_it_comes() -> None:
    with EchoScene(Dialect.HIXIE_76) as scene:
        ask(scene, b"\x00He", b"\x00He")
        ask(scene, b"llo\xff", b"llo\xff")


def test_text_must_be_text() -> None:
    with EchoScene() as scene:
        scene.browser.sendall(from_client(b"\xff", 1))
        assert read_to_end(scene.browser)[-2:] != b""
        scene.browser.close()
        summary = scene.summary()
        assert (summary.reason, summary.close_code) == ("bad-payload", 1007)


def test_a_close_is_echoed() -> None:
    with EchoScene() as scene:
        scene.browser.sendall(from_client(b"hello") + close(4001))
        assert read_to_end(scene.browser) == from_server(b"hello") + closed(4001)
        scene.browser.close()
        summary = scene.summary()
        assert (summary.ended_by, summary.reason, summary.close_code) == (
            "client",
            "closed",
            4001,
        )
        assert summary.upstream == summary.downstream == Traffic(5, 1)


def test_a_client_that_closes_and_reads_no_answer_is_given_up() -> None:
    more_than_it_takes = from_client(b"x" * (32 << 20)) + close(1000)
    with EchoScene(patience=HASTY, leftover=more_than_it_takes) as scene:
        assert scene.summary().reason == "closed"


def test_a_client_that_vanishes_is_gone() -> None:
    with EchoScene() as scene:
        scene.browser.close()
        summary = scene.summary()
        assert (summary.ended_by, summary.reason) == ("client", "client-gone")


def test_stop_is_a_close_and_its_answer() -> None:
    with EchoScene() as scene:
        scene.echo.stop(1001, "restarting")
        said = closed(1001, b"restarting")
        assert read_exactly(scene.browser, len(said)) == said
        scene.browser.sendall(from_client(b"dropped") + close(1001))
        assert read_to_end(scene.browser) == b""
        scene.browser.close()
        assert scene.summary().reason == "stopped"


def test_a_client_that_never_reads_is_not_read_and_can_be_stopped() -> None:
    with EchoScene(patience=HASTY) as scene:
        scene.browser.setblocking(False)
        message = memoryview(from_client(b"x" * (1 << 20)))
        rest = message
        quiet = 0
        while quiet < 200:  # gevent looks after sockets once in fifty turns
            try:
                rest = rest[scene.browser.send(rest) :] or message
                quiet = 0
            except BlockingIOError:
                # The kernel may still be moving what both ends wait for.
                quiet = quiet + 1 if scene.client.busy else 0
            gevent.sleep(0)
        assert scene.client.busy
        assert not scene.client.waiting
        scene.echo.stop(1001, "restarting")
        assert scene.summary().reason == "close-timeout"


def test_observers_see_both_directions() -> None:
    seen = RecordingObserver()
    with EchoScene() as scene:
        scene.echo.join(seen)
        ask(scene, from_client(b"hello", 1), from_server(b"hello", 1))
        scene.echo.leave(seen)
        scene.browser.shutdown(socket.SHUT_WR)
    up, down = Direction.UPSTREAM, Direction.DOWNSTREAM
    assert [call for call in seen.calls if call[0] == "received"] == [
        ("received", up, b"hello"),
        ("received", down, b"hello"),
    ]
    assert seen.calls[-1] == ("ended",)
