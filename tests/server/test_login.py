"""The logins' place in a connection, and what becomes of what they say."""

from __future__ import annotations

import pytest

from tests.auth.fakes import FakeLogin
from tests.server.scene import PEER, TARGET, scene, upgrade
from tests.server.test_tunnel import HIXIE_75, HIXIE_76, HIXIE_76_KEY
from wsproxy_gevent.auth.login import Grant, Visitor
from wsproxy_gevent.errors import HookRefused, LoginRequired
from wsproxy_gevent.model import TcpTarget
from wsproxy_gevent.net.clock import wall

REFUSES = LoginRequired("log in", headers=(("WWW-Authenticate", 'Basic realm="x"'),))
HANDSHAKES = [upgrade(), HIXIE_75, HIXIE_76 + HIXIE_76_KEY]


@pytest.mark.parametrize("handshake", HANDSHAKES)
def test_each_dialect_is_refused_before_a_target_is_looked_for(handshake: bytes) -> None:
    with scene(login=FakeLogin(error=REFUSES)) as it:
        it.send(handshake)
        answer = it.receive_all()
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert b'\r\nWWW-Authenticate: Basic realm="x"\r\n' in answer
        assert it.refusal() == ("login", "login-required")
        assert it.dialer.dialled == []


def test_a_foreign_page_is_refused_before_the_logins_are_asked() -> None:
    login = FakeLogin()
    with scene(login=login) as it:
        it.send(upgrade(b"Origin: http://evil.example"))
        assert it.receive_all().startswith(b"HTTP/1.1 403 ")
    assert login.requests == []


def test_a_login_sees_the_request_and_who_sent_it() -> None:
    login = FakeLogin()
    with scene(login=login) as it:
        it.send(upgrade(b"Cookie: a=b"))
        it.receive_until(b"\r\n\r\n")
    ((request,), (visitor,)) = login.requests, login.visitors
    assert (request.target, request.headers.get("cookie")) == ("/console?token=secret", "a=b")
    assert visitor == Visitor(PEER, secure=False)


def test_the_status_and_the_text_of_a_refusal_reach_the_client() -> None:
    error = HookRefused("your contract has ended", status=402)
    with scene(login=FakeLogin(error=error)) as it:
        it.send(upgrade())
        answer = it.receive_all()
    assert answer.startswith(b"HTTP/1.1 402 ")
    assert answer.endswith(b"\r\n\r\nyour contract has ended\n")


def test_user_and_record_stand_in_what_is_known_of_the_session() -> None:
    with scene(login=FakeLogin(Grant(user="alice", record=False))) as it:
        it.send(upgrade())
        it.receive_until(b"\r\n\r\n")
        (info,) = it.log.opened_sessions
    assert (info.user, info.record, info.target) == ("alice", False, TARGET)


def test_the_login_may_name_the_target() -> None:
    target = TcpTarget("elsewhere.example", 5901)
    with scene(login=FakeLogin(Grant(target=target))) as it:
        it.send(upgrade())
        it.receive_until(b"\r\n\r\n")
        assert it.dialer.dialled == [target]


def test_a_session_ends_when_its_login_expires() -> None:
    with scene(login=FakeLogin(Grant(expires_at=wall() + 0.05))) as it:
        it.send(upgrade())
        it.receive_until(b"\r\n\r\n")
        frame = it.client.recv(100)
        assert frame[2:4] == (1008).to_bytes(2, "big")
        assert frame[4:] == b"your login has expired; log in again"
        it.client.close()
        assert it.ended()
        (summary,) = it.log.summaries
    assert (summary.reason, summary.close_code, summary.ended_by) == (
        "login-expired",
        1008,
        "proxy",
    )


def test_a_client_that_leaves_ends_the_login() -> None:
    with scene(login=FakeLogin(seconds=60)) as it:
        it.send(upgrade())
        it.client.close()
        assert it.refusal() == ("login", "peer-left")
