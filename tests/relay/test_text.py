"""A target whose bytes go out as text, and what comes of bytes that are none."""

from __future__ import annotations

import pytest

from tests.relay.frames import close, closed, from_client, from_server
from tests.relay.scene import Scene, read_exactly, read_to_end
from wsproxy_gevent.model import Dialect
from wsproxy_gevent.wire.payload import PayloadKind

REASON = b"the target sent bytes that are not UTF-8, and --text is set here"
NOT_TEXT = closed(1011, REASON)


def text_scene(dialect: Dialect = Dialect.RFC_6455) -> Scene:
    return Scene(dialect, kind=PayloadKind.TEXT)


def message(payload: bytes) -> bytes:
    return from_server(payload, 0x1)


def test_text_goes_out_as_text_and_comes_in_as_bytes() -> None:
    with text_scene() as scene:
        scene.browser.sendall(from_client("grüße".encode(), 0x1))
        assert read_exactly(scene.service, 7) == "grüße".encode()
        scene.service.sendall("größe".encode())
        assert read_exactly(scene.browser, 9) == message("größe".encode())


def test_a_character_waits_until_it_is_whole() -> None:
    with text_scene() as scene:
        scene.service.sendall(b"5 \xe2\x82")
        assert read_exactly(scene.browser, 4) == message(b"5 ")
        scene.service.sendall(b"\xac.")
        assert read_exactly(scene.browser, 6) == message("€.".encode())


def test_bytes_that_are_no_text_end_the_session_behind_the_text_in_front_of_them() -> None:
    with text_scene() as scene:
        scene.service.sendall(b"hello \xff\xfe world")
        wire = message(b"hello ") + NOT_TEXT
        assert read_exactly(scene.browser, len(wire)) == wire
        scene.service.sendall(b"never sent")
        scene.browser.sendall(from_client(b"last words") + close(1011))
        assert read_exactly(scene.service, 10) == b"last words"
        scene.service.close()
        assert read_to_end(scene.browser) == b""
        scene.browser.close()
        summary = scene.summary()
    assert (summary.ended_by, summary.reason, summary.close_code) == (
        "target",
        "target-not-text",
        1011,
    )
    assert summary.detail.startswith("at byte 6 of the target's: ff fe 20 77 (")


def test_a_target_that_ends_inside_a_character_is_told_from_one_that_ends() -> None:
    with text_scene() as scene:
        scene.service.sendall(b"5 \xe2\x82")
        scene.service.close()
        wire = message(b"5 ") + NOT_TEXT
        assert read_exactly(scene.browser, len(wire)) == wire
        scene.browser.sendall(close(1011))
        scene.browser.close()
        assert scene.summary().reason == "target-not-text"


def test_a_target_that_ends_behind_a_character_is_closed_with_1000() -> None:
    with text_scene() as scene:
        scene.service.sendall("5 €".encode())
        scene.service.close()
        wire = message("5 €".encode()) + closed(1000, b"target closed")
        assert read_exactly(scene.browser, len(wire)) == wire
        scene.browser.sendall(close(1000))
        scene.browser.close()
        assert scene.summary().reason == "closed"


def test_text_of_the_client_that_is_none_is_answered_with_1007() -> None:
    with text_scene() as scene:
        scene.browser.sendall(from_client(b"good\xff", 0x1))
        assert read_exactly(scene.service, 4) == b"good"
        assert read_exactly(scene.browser, 4)[2:] == b"\x03\xef"


@pytest.mark.parametrize("dialect", [Dialect.HIXIE_75, Dialect.HIXIE_76], ids=str)
def test_hixie_carries_text_as_it_is(dialect: Dialect) -> None:
    with text_scene(dialect) as scene:
        scene.browser.sendall(b"\x00hello\xff")
        assert read_exactly(scene.service, 5) == b"hello"
        scene.service.sendall("größe".encode())
        assert read_exactly(scene.browser, 9) == b"\x00" + "größe".encode() + b"\xff"


def test_hixie_76_is_closed_without_a_code_for_what_is_no_text() -> None:
    with text_scene(Dialect.HIXIE_76) as scene:
        scene.service.sendall(b"ok\xff")
        assert read_exactly(scene.browser, 6) == b"\x00ok\xff\xff\x00"
