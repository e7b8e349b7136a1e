"""What limits refuse is counted, and told in one line for many."""

from __future__ import annotations

import logging

import pytest

from tests.fakes import RecordingLog, session_info
from wsproxy_gevent.errors import NotHttp, TargetFull, TooManyPending
from wsproxy_gevent.limits.bites import SECONDS_BETWEEN_LINES, Bites, LimitLog
from wsproxy_gevent.model import Peer
from wsproxy_gevent.observer import SessionSummary, Traffic

PEER = Peer("192.0.2.1", 7)


class HandClock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now


def test_each_limit_has_a_line_now_and_one_for_all_that_follow(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = HandClock()
    bites = Bites(clock)
    with caplog.at_level(logging.WARNING):
        for _ in range(1000):
            bites.note(PEER, TooManyPending("too many", detail="192.0.2.1 has 64 pending"))
        bites.note(PEER, TargetFull("full", detail="vm:1: 5 sessions"))
        clock.now += SECONDS_BETWEEN_LINES
        bites.note(PEER, TooManyPending("too many", detail="192.0.2.1 has 64 pending"))
    said = "refused by a limit: reason=%s count=%d, the last peer=192.0.2.1:7 (%s)"
    pending = "192.0.2.1 has 64 pending"
    assert caplog.messages == [
        said % ("too-many-pending", 1, pending),
        said % ("target-full", 1, "vm:1: 5 sessions"),
        said % ("too-many-pending", 1000, pending),
    ]
    assert bites.counts == {"too-many-pending": 1001, "target-full": 1}


def test_a_log_notes_limits_and_passes_everything_on() -> None:
    kept, bites = RecordingLog(), Bites(HandClock())
    log = LimitLog(kept, bites)
    limit, other = TargetFull("full"), NotHttp("rubbish")
    info = session_info()
    summary = SessionSummary(info, 1.0, Traffic(), Traffic(), "client", None, "closed")
    log.opened(info)
    log.refused(PEER, "target", limit)
    log.refused(PEER, "opening", other)
    log.closed(summary)
    assert kept.opened_sessions == [info]
    assert kept.refusals == [(PEER, "target", limit), (PEER, "opening", other)]
    assert kept.summaries == [summary]
    assert bites.counts == {"target-full": 1}
