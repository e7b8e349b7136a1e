from __future__ import annotations

from tests.fakes import RecordingObserver
from wsproxy_gevent.model import Buffer, Direction
from wsproxy_gevent.relay.pump import Lane
from wsproxy_gevent.relay.watch import Watch

UP = Direction.UPSTREAM


def test_who_leaves_is_told_once_and_sees_no_more() -> None:
    watch, seen = Watch(), RecordingObserver()
    watch.join(seen)
    watch.leave(seen)
    watch.leave(seen)
    Lane(UP, watch).received(b"x")
    assert seen.calls == [("ended",)]


def test_all_are_told_of_the_end_and_those_who_come_later_too() -> None:
    watch, early, late = Watch(), RecordingObserver(), RecordingObserver()
    watch.join(early)
    watch.end()
    watch.join(late)
    assert early.calls == late.calls == [("ended",)]
    assert watch.observers == ()


def test_an_observer_may_leave_inside_its_call_and_the_others_still_see_it() -> None:
    watch, after = Watch(), RecordingObserver()

    class Shy(RecordingObserver):
        def received(self, direction: Direction, payload: Buffer) -> None:
            watch.leave(self)

    shy = Shy()
    watch.join(shy)
    watch.join(after)
    Lane(UP, watch).received(b"x")
    assert shy.calls == [("ended",)]
    assert after.calls == [("received", UP, b"x")]
