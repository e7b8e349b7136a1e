"""One session, and no other."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from wsproxy_gevent.errors import Busy, OriginRefused
from wsproxy_gevent.server.single import Single


@dataclass
class FakeVisit:
    speaks_http: bool = True


def refused(single: Single) -> bool:
    try:
        with single.admit(FakeVisit()):
            return False
    except Busy as error:
        return "--run-once" in error.reason


def test_who_comes_second_is_refused_and_told_why() -> None:
    single = Single()
    with single.admit(FakeVisit()):
        assert refused(single)
    assert not single.over.is_set()


def test_it_is_over_when_the_session_is() -> None:
    single, visit = Single(), FakeVisit()
    with single.admit(visit):
        visit.speaks_http = False  # the 101 is out
        assert not single.over.is_set()
    assert single.over.is_set()
    assert refused(single)


def test_a_session_that_breaks_was_one_all_the_same() -> None:
    single, visit = Single(), FakeVisit()
    with suppress(ConnectionResetError), single.admit(visit):
        visit.speaks_http = False
        raise ConnectionResetError
    assert single.over.is_set()


def test_who_is_refused_before_the_101_leaves_the_place_to_the_next() -> None:
    single = Single()
    with suppress(OriginRefused), single.admit(FakeVisit()):
        raise OriginRefused("not yours")
    assert not single.over.is_set()
    with single.admit(FakeVisit()):
        pass
