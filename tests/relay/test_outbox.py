"""One writer at a time, and nobody waits who only asks."""

from __future__ import annotations

import gevent
import pytest

from tests.fakes import FakeStream
from tests.relay.frames import closed, from_server
from wsproxy_gevent.errors import ClientGone
from wsproxy_gevent.model import Dialect
from wsproxy_gevent.net.stream import StreamBroken
from wsproxy_gevent.relay.outbox import Outbox
from wsproxy_gevent.wire.dialects import open_session
from wsproxy_gevent.wire.payload import PayloadKind
from wsproxy_gevent.wire.session import A_FEW_PINGS


def outbox() -> tuple[Outbox, FakeStream]:
    stream = FakeStream()
    return outbox_of(stream, []), stream


def outbox_of(stream: FakeStream, broken: list[StreamBroken]) -> Outbox:
    session = open_session(Dialect.RFC_6455, PayloadKind.BINARY)
    return Outbox(stream, session, broken.append)


def test_asking_never_writes_in_the_greenlet_that_asks() -> None:
    box, stream = outbox()
    box.pong(b"1")
    box.ping()
    assert stream.writes == []
    assert box.busy
    gevent.sleep(0)
    assert stream.writes == [from_server(b"1", 0xA) + from_server(b"", 0x9)]
    assert not box.busy


def test_who_writes_brings_what_was_asked_for_meanwhile() -> None:
    box, stream = outbox()
    stream.fill()
    writing = gevent.spawn(box.message, b"payload")
    gevent.sleep(0)
    box.pong(b"old")
    box.pong(b"new")
    stream.drain()
    assert writing.get() is False
    assert stream.writes == [from_server(b"payload"), from_server(b"new", 0xA)]


def test_a_few_pings_between_two_writes_are_answered_one_by_one() -> None:
    box, stream = outbox()
    for number in range(A_FEW_PINGS):
        box.pong(b"%d" % number)
    gevent.sleep(0)
    pongs = [from_server(b"%d" % number, 0xA) for number in range(A_FEW_PINGS)]
    assert stream.writes == [b"".join(pongs)]


def test_one_ping_more_is_a_flood_and_only_the_latest_is_answered() -> None:
    box, stream = outbox()
    for number in range(A_FEW_PINGS + 3):
        box.pong(b"%d" % number)
    gevent.sleep(0)
    assert stream.writes == [from_server(b"%d" % (A_FEW_PINGS + 2), 0xA)]


def test_behind_a_flood_pings_are_answered_one_by_one_again() -> None:
    box, stream = outbox()
    for _ in range(A_FEW_PINGS + 1):
        box.pong(b"flood")
    gevent.sleep(0)
    box.pong(b"1")
    box.pong(b"2")
    gevent.sleep(0)
    assert stream.writes[1:] == [from_server(b"1", 0xA) + from_server(b"2", 0xA)]


def test_asking_while_somebody_writes_adds_no_greenlets() -> None:
    box, stream = outbox()
    stream.fill()
    writing = gevent.spawn(box.message, b"payload")
    gevent.sleep(0)
    for _ in range(100):
        box.pong(b"1")
    gevent.sleep(0)
    assert box.lock.linkcount() == 0
    stream.drain()
    writing.join()


def test_a_payload_that_overtakes_the_one_who_brings_a_pong_brings_it() -> None:
    box, stream = outbox()
    box.pong(b"1")
    box.message(b"payload")
    gevent.sleep(0)
    assert stream.writes == [from_server(b"payload"), from_server(b"1", 0xA)]


def test_a_close_takes_the_place_of_what_nobody_needs_any_more() -> None:
    box, stream = outbox()
    box.pong(b"1")
    box.ping()
    box.close(1000, "done")
    box.pong(b"2")
    box.ping()
    box.settle()
    gevent.sleep(0)
    assert stream.writes == [closed(1000, b"done")]
    assert not stream.finished


def test_the_end_of_the_stream_comes_behind_the_close() -> None:
    box, stream = outbox()
    stream.fill()
    writing = gevent.spawn(box.message, b"payload")
    gevent.sleep(0)
    box.close(1000, "")
    box.finish()
    box.finish()
    assert not stream.finished
    stream.drain()
    writing.join()
    assert stream.writes == [from_server(b"payload"), closed(1000)]
    assert stream.finished


def test_a_control_frame_that_finds_the_connection_broken_tells_it() -> None:
    stream, broken = FakeStream(), list[StreamBroken]()
    box = outbox_of(stream, broken)
    stream.aborted = True
    box.pong(b"1")
    gevent.sleep(0)
    assert len(broken) == 1
    assert not box.open
    assert not box.busy


def test_what_we_shut_ourselves_is_not_told() -> None:
    stream, broken = FakeStream(), list[StreamBroken]()
    box = outbox_of(stream, broken)
    stream.fill()
    writing = gevent.spawn(box.message, b"payload")
    gevent.sleep(0)
    box.shut()
    stream.abort()
    with pytest.raises(ClientGone):
        writing.get()
    assert broken == []


def test_a_fault_of_ours_is_logged_and_closes_the_stream(
    caplog: pytest.LogCaptureFixture,
) -> None:
    box, stream = outbox()
    box.close(1006, "never on the wire")
    gevent.sleep(0)
    assert "a control frame could not be written" in caplog.text
    assert stream.aborted
