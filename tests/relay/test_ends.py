"""Both ends keep the contract; what is the target's own is below it."""

from __future__ import annotations

import gc
import sys

import gevent
import pytest

from tests.fakes import FakeStream
from tests.relay.check_end import check_end
from tests.relay.frames import from_client
from wsproxy_gevent.errors import TargetReset
from wsproxy_gevent.model import Dialect
from wsproxy_gevent.net.clock import Deadline
from wsproxy_gevent.relay.ends import ClientEnd, End, TargetEnd
from wsproxy_gevent.wire.dialects import open_session
from wsproxy_gevent.wire.hixie import HixieSession
from wsproxy_gevent.wire.hybi import HybiSession, Role
from wsproxy_gevent.wire.payload import PayloadKind
from wsproxy_gevent.wire.session import Data, Session


class TargetPeer:
    """A target, behind a fake stream."""

    def __init__(self, stream: FakeStream) -> None:
        self.stream = stream
        self.end = stream.end
        self.break_off = stream.break_off
        self.fill = stream.fill
        self.drain = stream.drain

    def send(self, payload: bytes) -> None:
        if payload:
            self.stream.feed(payload)

    def received(self) -> bytes:
        return self.stream.written


class ClientPeer(TargetPeer):
    """A client that speaks some dialect, behind a fake stream."""

    def __init__(self, stream: FakeStream, session: Session) -> None:
        super().__init__(stream)
        self.session = session
        self.end = self._close

    def send(self, payload: bytes) -> None:
        self.stream.feed(b"".join(self.session.message(payload)))

    def _close(self) -> None:
        self.stream.feed(self.session.close(1000))

    def received(self) -> bytes:
        events = self.session.receive(self.stream.written)
        return b"".join(event.payload for event in events if isinstance(event, Data))


def client_session(dialect: Dialect, kind: PayloadKind) -> Session:
    if dialect.is_hixie:
        return HixieSession(dialect, kind)
    return HybiSession(dialect, kind, role=Role.CLIENT)


def test_a_target_end_keeps_the_contract() -> None:
    def make() -> tuple[End, TargetPeer]:
        stream = FakeStream()
        return TargetEnd(stream), TargetPeer(stream)

    check_end(make)


@pytest.mark.parametrize(
    ("dialect", "kind"),
    [
        (Dialect.HIXIE_75, PayloadKind.BASE64),
        (Dialect.HIXIE_76, PayloadKind.BASE64),
        (Dialect.HYBI_07, PayloadKind.BINARY),
        (Dialect.HYBI_08, PayloadKind.BINARY),
        (Dialect.RFC_6455, PayloadKind.BINARY),
        (Dialect.RFC_6455, PayloadKind.BASE64),
    ],
)
def test_a_client_end_keeps_the_contract(dialect: Dialect, kind: PayloadKind) -> None:
    def make() -> tuple[End, ClientPeer]:
        stream = FakeStream()
        end = ClientEnd(stream, open_session(dialect, kind))
        return end, ClientPeer(stream, client_session(dialect, kind))

    check_end(make)


@pytest.mark.parametrize("end_of", ["target", "client"])
def test_a_read_that_waits_holds_nothing_of_the_one_before(end_of: str) -> None:
    stream = FakeStream()
    end: End
    if end_of == "target":
        end, data = TargetEnd(stream), b"x" * 4096
    else:
        session = open_session(Dialect.RFC_6455, PayloadKind.BINARY)
        end, data = ClientEnd(stream, session), from_client(b"x" * 4096) + from_client(b"")
    before = sys.getrefcount(data)
    stream.feed(data)
    assert end.read_some() == b"x" * 4096
    reading = gevent.spawn(end.read_some)
    gevent.sleep(0)
    assert sys.getrefcount(data) == before
    reading.kill()


def test_a_client_that_sends_empty_frames_makes_a_read_that_waits_hold_nothing() -> None:
    stream = FakeStream(from_client(b"") * 100)
    end = ClientEnd(stream, open_session(Dialect.RFC_6455, PayloadKind.BINARY))
    reading = gevent.spawn(end.read_some)
    gevent.sleep(0)
    assert not any(type(thing) is Data for thing in gc.get_objects())
    reading.kill()


def test_a_target_that_breaks_under_a_write_says_so_once_and_takes_no_more() -> None:
    stream = FakeStream(b"what it said")
    end = TargetEnd(stream)
    stream.aborted = True
    with pytest.raises(TargetReset):
        end.write_all(b"x")
    assert end.write_broke
    assert not end.taking
    assert end.write_all(b"y")
    end.finish()
    assert not stream.finished


def test_a_target_that_broke_is_finished_in_silence() -> None:
    stream = FakeStream()
    stream.aborted = True
    TargetEnd(stream).finish()
    assert not stream.finished


def test_a_source_that_never_waits_lets_others_run() -> None:
    class Endless(FakeStream):
        def read_some(self) -> bytes:
            return b"x"

    end = TargetEnd(Endless())
    neighbours = 0

    def neighbour() -> None:
        nonlocal neighbours
        while True:
            neighbours += 1
            gevent.sleep(0)

    running = gevent.spawn(neighbour)
    enough = Deadline(5)
    while neighbours < 10 and enough.left:
        end.read_some()
    running.kill()
    assert neighbours >= 10
