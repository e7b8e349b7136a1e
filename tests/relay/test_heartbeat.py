"""The heartbeat, scan by scan; no test waits."""

from __future__ import annotations

import gevent
import pytest
from gevent.event import Event

from tests.fakes import FakeStream
from tests.relay.frames import from_client, from_server
from wsproxy_gevent.model import Deadlines, Dialect
from wsproxy_gevent.relay.ends import ClientEnd
from wsproxy_gevent.relay.heartbeat import Heartbeat, Pulse
from wsproxy_gevent.wire.dialects import open_session
from wsproxy_gevent.wire.payload import PayloadKind

PING = from_server(b"", 0x9)


class Ward:
    """A client's end, with a greenlet that reads it, in the heartbeat's care."""

    def __init__(self, dialect: Dialect = Dialect.RFC_6455) -> None:
        self.stream = FakeStream()
        kind = PayloadKind.BASE64 if dialect.is_hixie else PayloadKind.BINARY
        self.end = ClientEnd(self.stream, open_session(dialect, kind))
        self.pulse = Pulse(self.end)
        self.reading = gevent.spawn(self._read)
        gevent.sleep(0)

    def _read(self) -> None:
        while not self.end.over:
            self.end.read_some()

    def beat(self, now: float, deadlines: Deadlines) -> None:
        self.pulse.beat(now, deadlines)

    def hears(self, data: bytes) -> None:
        self.stream.feed(data)
        gevent.sleep(0)

    def given_up(self) -> bool:
        return self.stream.aborted

    def pings(self) -> int:
        gevent.sleep(0)
        return self.stream.written.count(PING)


def heartbeat(*wards: Ward, interval: float = 30, dead_after: float = 180) -> Heartbeat:
    deadlines = Deadlines(heartbeat=interval, dead_after=dead_after)
    return Heartbeat(deadlines, lambda: wards, lambda: 0.0)


def scan_until(beating: Heartbeat, begin: int, end: int) -> None:
    for now in range(begin, end):
        beating.scan(float(now))
        gevent.sleep(0)


def test_a_silent_session_is_pinged_once_an_interval() -> None:
    ward = Ward()
    beating = heartbeat(ward)
    scan_until(beating, 0, 30)
    assert ward.pings() == 0
    beating.scan(30.0)
    assert ward.pings() == 1
    scan_until(beating, 31, 60)
    assert ward.pings() == 1
    scan_until(beating, 60, 63)
    assert ward.pings() == 2


@pytest.mark.parametrize("direction", ["received", "sent"])
def test_what_moves_either_way_puts_the_ping_off(direction: str) -> None:
    ward = Ward()
    beating = heartbeat(ward)
    scan_until(beating, 0, 29)
    if direction == "received":
        ward.hears(from_client(b"x"))
    else:
        ward.end.write_all(b"x")
    scan_until(beating, 29, 59)
    assert ward.pings() == 0
    scan_until(beating, 59, 61)
    assert ward.pings() == 1


def test_only_who_has_answered_a_ping_is_given_up() -> None:
    mute, living = Ward(), Ward()
    living.hears(from_client(b"", 0xA))
    beating = heartbeat(mute, living)
    scan_until(beating, 0, 180)
    assert not living.given_up()
    scan_until(beating, 180, 182)
    assert living.given_up()
    assert not mute.given_up()


def test_any_byte_is_a_sign_of_life() -> None:
    ward = Ward()
    ward.hears(from_client(b"", 0xA))
    beating = heartbeat(ward)
    scan_until(beating, 0, 170)
    ward.hears(from_client(b"x" * 9)[:3])
    scan_until(beating, 170, 340)
    assert not ward.given_up()


def test_a_client_that_we_do_not_read_is_not_given_up() -> None:
    ward = Ward()
    ward.hears(from_client(b"", 0xA))
    ward.reading.kill()  # as one that is blocked in the target
    scan_until(heartbeat(ward), 0, 600)
    assert not ward.given_up()


def test_a_client_that_our_ping_has_not_left_for_is_not_given_up() -> None:
    ward = Ward()
    ward.hears(from_client(b"", 0xA))
    ward.stream.fill()
    writing = gevent.spawn(ward.end.write_all, b"stuck")
    gevent.sleep(0)
    scan_until(heartbeat(ward), 0, 600)
    assert not ward.given_up()
    writing.kill()


def test_time_in_which_nobody_looked_is_not_held_against_the_peer() -> None:
    ward = Ward()
    ward.hears(from_client(b"", 0xA))
    beating = heartbeat(ward)
    scan_until(beating, 0, 100)
    beating.scan(10_000.0)
    assert not ward.given_up()


def test_hixie_is_left_alone() -> None:
    ward = Ward(Dialect.HIXIE_76)
    scan_until(heartbeat(ward), 0, 600)
    assert ward.stream.written == b""
    assert not ward.given_up()


def test_a_session_that_closes_is_pinged_no_more() -> None:
    ward = Ward()
    ward.end.close(1000)
    scan_until(heartbeat(ward), 0, 100)
    assert ward.pings() == 0


def test_started_it_scans_by_itself_and_a_fault_does_not_stop_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scanned = [Event(), Event()]

    def sessions() -> tuple[()]:
        scanned[scanned[0].is_set()].set()
        raise ZeroDivisionError

    beating = Heartbeat(Deadlines(heartbeat=0.001), sessions)
    beating.start()
    for event in scanned:
        event.wait()
    beating.stop()
    assert "a heartbeat failed" in caplog.text


def test_without_a_deadline_nobody_looks() -> None:
    beating = Heartbeat(Deadlines(dead_after=180), lambda: ())
    beating.start()
    assert beating._greenlet is None
    beating.stop()
