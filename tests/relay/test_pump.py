"""One direction, between fakes."""

from __future__ import annotations

import weakref

import gevent
import pytest
from gevent.event import Event

from tests.fakes import FakeStream, RecordingObserver
from wsproxy_gevent.errors import TargetReset
from wsproxy_gevent.model import Direction
from wsproxy_gevent.observer import Traffic
from wsproxy_gevent.relay.ends import TargetEnd
from wsproxy_gevent.relay.pump import Lane, discard, pump
from wsproxy_gevent.relay.watch import Watch

UP = Direction.UPSTREAM


def ends(*reads: bytes) -> tuple[TargetEnd, FakeStream, TargetEnd, FakeStream]:
    source, sink = FakeStream(*reads), FakeStream()
    return TargetEnd(source), source, TargetEnd(sink), sink


def lane() -> Lane:
    return Lane(UP, Watch())


def test_all_is_carried_and_counted_until_the_source_ends() -> None:
    source, source_stream, sink, sink_stream = ends(b"one", b"three")
    source_stream.end()
    counted = lane()
    pump(source, sink, counted)
    assert sink_stream.writes == [b"one", b"three"]
    assert counted.traffic(2) == Traffic(8, 2)
    assert not sink_stream.finished


def test_nothing_is_read_while_the_sink_is_full() -> None:
    source, source_stream, sink, sink_stream = ends(b"one", b"two", b"three")
    source_stream.end()
    sink_stream.fill()
    pumping = gevent.spawn(pump, source, sink, lane())
    gevent.sleep(0)
    assert source.reads == 1
    sink_stream.drain()
    pumping.join()
    assert sink_stream.writes == [b"one", b"two", b"three"]


def test_a_sink_that_takes_no_more_ends_it_and_counts_nothing() -> None:
    source, _, sink, sink_stream = ends(b"one")
    sink.finish()
    counted = lane()
    pump(source, sink, counted)
    assert counted.traffic(0) == Traffic(0, 0)
    assert sink_stream.writes == []


def test_the_faults_of_either_end_are_raised() -> None:
    source, source_stream, sink, sink_stream = ends(b"one")
    source_stream.break_off()
    with pytest.raises(TargetReset):
        pump(source, sink, lane())
    assert sink_stream.writes == [b"one"]
    source, _, sink, sink_stream = ends(b"two")
    sink_stream.aborted = True
    with pytest.raises(TargetReset):
        pump(source, sink, lane())
    assert sink.write_broke


def test_observers_see_each_payload_and_whether_it_went_out_whole() -> None:
    source, source_stream, sink, sink_stream = ends(b"one", b"two")
    source_stream.end()
    watch, seen = Watch(), RecordingObserver()
    watch.join(seen)
    sink_stream.fill()
    pumping = gevent.spawn(pump, source, sink, Lane(UP, watch))
    gevent.sleep(0)
    sink_stream.drain()
    pumping.join()
    assert seen.calls == [
        ("received", UP, b"one"),
        ("sent", UP, False),
        ("received", UP, b"two"),
        ("sent", UP, True),
    ]


def test_a_pump_that_waits_holds_no_payload() -> None:
    class Once(TargetEnd):
        """Gives one payload that can be watched, then waits."""

        given: weakref.ref[memoryview] | None = None
        waits = Event()

        def read_some(self) -> bytes:
            if self.given is not None:
                self.waits.set()
                return super().read_some()
            view = memoryview(b"payload")
            self.given = weakref.ref(view)
            return view  # type: ignore[return-value]  # any buffer will do

    source = Once(FakeStream())
    pumping = gevent.spawn(pump, source, TargetEnd(FakeStream()), lane())
    source.waits.wait()
    assert source.given is not None
    assert source.given() is None
    pumping.kill()


def test_discarding_reads_to_the_end() -> None:
    source, stream, *_ = ends(b"one", b"two")
    stream.end()
    discard(source)
    assert source.reads == 3
