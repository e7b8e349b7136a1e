"""Several logins are one, and each must let the client in."""

from __future__ import annotations

import pytest

from tests.auth.fakes import PEER, FakeLogin
from tests.net.test_clock import SetClock
from wsproxy_gevent.auth.login import EveryLogin, Grant, Visitor
from wsproxy_gevent.errors import LoginExpired, LoginRefused
from wsproxy_gevent.model import TcpTarget
from wsproxy_gevent.wire.message import Request

REQUEST = Request("GET", "/")
HERE, THERE = TcpTarget("here", 1), TcpTarget("there", 2)


def test_what_a_later_login_says_wins() -> None:
    first = Grant(user="alice", target=HERE, record=True)
    assert first.then(Grant(user="bob", target=THERE, record=False)) == Grant("bob", THERE, False)


def test_what_a_later_login_does_not_say_stays() -> None:
    first = Grant(user="alice", target=HERE, record=False, expires_at=5.0)
    assert first.then(Grant()) == first


def test_a_session_ends_when_the_first_of_them_wants_it_to() -> None:
    assert Grant(expires_at=5.0).then(Grant(expires_at=9.0)).expires_at == 5.0
    assert Grant(expires_at=9.0).then(Grant(expires_at=5.0)).expires_at == 5.0


def test_each_login_is_asked_and_told_whom_the_one_before_has_named() -> None:
    first, second = FakeLogin(Grant(user="alice")), FakeLogin(Grant(record=True))
    grant = EveryLogin([first, second]).check(REQUEST, Visitor(PEER, secure=True))
    assert grant == Grant(user="alice", record=True)
    assert first.visitors == [Visitor(PEER, secure=True)]
    assert second.visitors == [Visitor(PEER, secure=True, user="alice")]


def test_the_first_that_refuses_has_refused() -> None:
    first, second = FakeLogin(error=LoginRefused("no")), FakeLogin()
    with pytest.raises(LoginRefused):
        EveryLogin([first, second]).check(REQUEST, Visitor(PEER))
    assert second.visitors == []


def test_what_has_expired_already_lets_nobody_in() -> None:
    clock = SetClock()
    login = EveryLogin([FakeLogin(Grant(expires_at=clock.wall() + 5))], clock)
    assert login.check(REQUEST, Visitor(PEER)).expires_at == clock.wall() + 5
    clock.now += 5
    with pytest.raises(LoginExpired):
        login.check(REQUEST, Visitor(PEER))
