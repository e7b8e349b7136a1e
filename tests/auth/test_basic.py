"""HTTP Basic: what is read from the header, and what is made of it."""

from __future__ import annotations

import base64

import gevent
import pytest

from tests.auth.fakes import PEER
from tests.net.test_clock import SetClock
from tests.web.calls import DirectPool
from wsproxy_gevent.auth import basic as module
from wsproxy_gevent.auth.basic import BasicLogin, Passwords, credentials_of
from wsproxy_gevent.auth.brake import FAILURES, Brake
from wsproxy_gevent.auth.login import Visitor
from wsproxy_gevent.auth.users import PlainSecret, Users
from wsproxy_gevent.errors import Busy, LoginBraked, LoginRefused, LoginRequired
from wsproxy_gevent.net.pool import NativePool
from wsproxy_gevent.wire.message import Headers, Request


def request(*authorization: str) -> Request:
    return Request("GET", "/", headers=Headers([("Authorization", v) for v in authorization]))


def basic(text: str, encoding: str = "utf-8") -> str:
    return "Basic " + base64.b64encode(text.encode(encoding)).decode()


@pytest.mark.parametrize(
    ("value", "credentials"),
    [
        (basic("alice:sesame"), ("alice", "sesame")),
        (basic("alice:"), ("alice", "")),
        (basic("alice:a:b"), ("alice", "a:b")),
        (basic("élan:pâté"), ("élan", "pâté")),
        (basic("élan:pâté", "latin-1"), ("élan", "pâté")),
        ("bASIC " + basic("a:b")[6:], ("a", "b")),
        ("Basic   " + basic("a:b")[6:], ("a", "b")),
        ("", None),
        ("Basic", None),
        ("Basic ", None),
        ("Basic !!!", None),
        ("Basic YQ", None),
        ("Basic YTp=i", None),
        (basic("alice"), None),
        (basic(":sesame"), None),
        ("Bearer " + basic("a:b")[6:], None),
        ("Basic\t" + basic("a:b")[6:], None),
        ("Basic \u00e9", None),
    ],
)
def test_the_header_is_read_or_is_none(value: str, credentials: tuple[str, str] | None) -> None:
    assert credentials_of(request(value)) == credentials


def test_of_two_headers_none_counts() -> None:
    assert credentials_of(request(basic("a:b"), basic("a:b"))) is None
    assert credentials_of(request()) is None


class Door:
    """Alice's password is sesame; `pool` counts what was checked on a thread."""

    def __init__(self) -> None:
        self.clock = SetClock()
        self.pool = DirectPool()
        self.users = Users({"alice": PlainSecret.of("sesame")})
        self.login = BasicLogin(
            Passwords(
                lambda: self.users,
                Brake(self.clock),
                pool=self.pool,  # type: ignore[arg-type]
                clock=self.clock,
            )
        )

    def ask(self, password: str, name: str = "alice") -> str | None:
        asked = request(basic(f"{name}:{password}"))
        return self.login.check(asked, Visitor(PEER)).user


def test_the_right_password_names_the_user() -> None:
    assert Door().ask("sesame") == "alice"


@pytest.mark.parametrize(("name", "password"), [("alice", "x"), ("bob", "sesame"), ("Alice", "")])
def test_a_wrong_one_is_asked_for_again(name: str, password: str) -> None:
    with pytest.raises(LoginRefused) as refused:
        Door().ask(password, name)
    assert refused.value.headers == module.BASIC
    assert refused.value.http_status == 401
    assert name not in refused.value.reason + refused.value.detail


@pytest.mark.parametrize("values", [(), ("Bearer x",), ("Basic !!",)])
def test_who_sends_none_is_asked_for_one_and_not_counted(values: tuple[str, ...]) -> None:
    door = Door()
    for _ in range(2 * FAILURES):
        with pytest.raises(LoginRequired) as asked:
            door.login.check(request(*values), Visitor(PEER))
        assert asked.value.slug == "login-required"
        assert asked.value.headers == module.BASIC
    assert door.ask("sesame") == "alice"


def test_who_is_wrong_too_often_is_braked_and_good_credentials_never() -> None:
    door = Door()
    for _ in range(FAILURES):
        with pytest.raises(LoginRefused):
            door.ask("guess")
    for _ in range(3):
        with pytest.raises(LoginBraked):
            door.ask("guess")
        assert door.ask("sesame") == "alice"


def test_a_right_password_is_known_again_for_a_while() -> None:
    door = Door()
    for _ in range(5):
        door.ask("sesame")
    assert door.pool.calls == 1
    door.clock.now += module.REMEMBER_SECONDS + 1
    door.ask("sesame")
    assert door.pool.calls == 2


def test_a_password_that_has_changed_is_known_no_more() -> None:
    door = Door()
    door.ask("sesame")
    door.users = Users({"alice": PlainSecret.of("another")})
    with pytest.raises(LoginRefused):
        door.ask("sesame")
    assert door.ask("another") == "alice"


def test_a_user_who_is_gone_is_known_no_more() -> None:
    door = Door()
    door.ask("sesame")
    door.users = Users({"bob": PlainSecret.of("x")})
    with pytest.raises(LoginRefused):
        door.ask("sesame")


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 2)
    door = Door()
    door.users = Users({name: PlainSecret.of("p") for name in "abcd"})
    for name in "abcd":
        door.ask("p", name)
    assert door.ask("p", "d") == "d"
    assert door.pool.calls == 4
    assert door.ask("p", "a") == "a"
    assert door.pool.calls == 5


def test_a_browser_that_asks_six_times_at_once_costs_one_check() -> None:
    pool = NativePool(6)
    users = Users({"alice": PlainSecret.of("sesame")})
    passwords = Passwords(lambda: users, Brake(), pool=pool)
    login, calls = BasicLogin(passwords), []
    prove = Users.proved_by

    class Counting(Users):
        def proved_by(self, name: str, password: str) -> PlainSecret | None:
            calls.append(name)
            return prove(self, name, password)  # type: ignore[return-value]

    users = Counting(users.secrets)
    asked = request(basic("alice:sesame"))
    several = [gevent.spawn(login.check, asked, Visitor(PEER)) for _ in range(6)]
    gevent.joinall(several, raise_error=True)
    assert len(calls) <= module.CHECKS_AT_ONCE
    pool.close()


def test_a_full_pool_is_a_503_and_no_failure() -> None:
    pool = NativePool(1)
    pool.close()
    users = Users({"alice": PlainSecret.of("sesame")})
    login = BasicLogin(Passwords(lambda: users, Brake(), pool=pool))
    with pytest.raises(Busy) as busy:
        login.check(request(basic("alice:sesame")), Visitor(PEER))
    assert busy.value.http_status == 503


def test_checks_have_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHECKS_AT_ONCE", 0)
    monkeypatch.setattr(module, "CHECK_SECONDS", 0.01)
    with pytest.raises(Busy):
        Door().ask("sesame")
