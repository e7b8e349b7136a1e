"""The cookie of the login page: whose it is, for how long, and that it is ours."""

from __future__ import annotations

import sys
from http.cookies import SimpleCookie

import pytest
from itsdangerous import URLSafeSerializer

from tests.net.test_clock import SetClock
from wsproxy_gevent.auth.cookie import NAME, LoginCookies
from wsproxy_gevent.auth.users import PlainSecret, Secret
from wsproxy_gevent.errors import StartError
from wsproxy_gevent.wire.message import Headers, Request

KEY = b"0123456789abcdef"
SESAME = PlainSecret.of("sesame")


class Office:
    """Alice's password is sesame."""

    def __init__(self, key: bytes = KEY, seconds: float = 60.0) -> None:
        self.clock = SetClock()
        self.users: dict[str, Secret] = {"alice": SESAME, "éva:x": SESAME}
        self.cookies = LoginCookies(
            lambda name: self.users.get(name), seconds=seconds, key=key, clock=self.clock
        )

    def value(self, user: str = "alice") -> str:
        return value_of(self.cookies.issue(user, SESAME, secure=False))

    def user(self, *fields: str) -> str | None:
        request = Request("GET", "/", headers=Headers([("Cookie", field) for field in fields]))
        return self.cookies.user_of(request)


def value_of(field: str) -> str:
    return SimpleCookie(field)[NAME].value


@pytest.mark.parametrize("user", ["alice", "éva:x"])
def test_who_has_one_is_known(user: str) -> None:
    office = Office()
    assert office.user(f"{NAME}={office.value(user)}") == user


@pytest.mark.parametrize("form", ["a=b; {}", "{}; a=b", "a=b;{};c", " {} ", "a={}; {}"])
def test_it_is_found_among_others(form: str) -> None:
    office = Office()
    assert office.user(form.replace("{}", f"{NAME}={office.value()}")) == "alice"


def test_one_that_a_neighbour_has_set_beside_it_does_no_harm() -> None:
    office = Office()
    assert office.user(f"{NAME}=x; {NAME}={office.value()}") == "alice"
    assert office.user(f"{NAME}=x", f"{NAME}={office.value()}") == "alice"


def test_it_is_good_for_a_while() -> None:
    office = Office(seconds=60)
    cookie = f"{NAME}={office.value()}"
    office.clock.now += 59
    assert office.user(cookie) == "alice"
    office.clock.now += 2
    assert office.user(cookie) is None


def test_a_password_that_has_changed_ends_it() -> None:
    office = Office()
    cookie = f"{NAME}={office.value()}"
    office.users["alice"] = PlainSecret.of("another")
    assert office.user(cookie) is None
    del office.users["alice"]
    assert office.user(cookie) is None


def test_another_key_does_not_know_it() -> None:
    assert Office(b"f" * 16).user(f"{NAME}={Office().value()}") is None


def test_no_character_of_it_may_be_another() -> None:
    office = Office()
    value = office.value()
    for place in range(len(value)):
        other = "A" if value[place] != "A" else "B"
        changed = value[:place] + other + value[place + 1 :]
        # The last character of a signature has bits that nothing depends on.
        if place < len(value) - 1:
            assert office.user(f"{NAME}={changed}") is None
        assert office.user(f"{NAME}={value[:place]}") is None


@pytest.mark.parametrize("value", ["", ".", "a.b", "alice", "é.é", "a" * 8000, "." * 50, "\x00"])
def test_rubbish_is_nobody(value: str) -> None:
    assert Office().user(f"{NAME}={value}") is None
    assert Office().user(value) is None
    assert Office().user() is None


@pytest.mark.parametrize("payload", [[], ["alice"], "alice", {"user": "alice"}, [1, 2, 3], None])
def test_what_was_signed_for_another_purpose_is_nobody(payload: object) -> None:
    serializer = URLSafeSerializer(KEY, salt="another purpose")
    assert Office().user(f"{NAME}={serializer.dumps(payload)}") is None
    ours = Office().cookies._signed.dumps(payload)
    assert Office().user(f"{NAME}={ours}") is None


def test_neither_scripts_nor_other_sites_get_at_it() -> None:
    field = Office().cookies.issue("alice", SESAME, secure=True)
    assert field.startswith(f"{NAME}=")
    assert field.endswith("; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure")
    assert "Secure" not in Office().cookies.issue("alice", SESAME, secure=False)


def test_it_holds_nothing_of_the_password() -> None:
    office = Office()
    assert SESAME.identity[:16] not in str(office.cookies._signed.loads_unsafe(office.value()))


def test_it_can_be_taken_back() -> None:
    field = Office().cookies.end(secure=True)
    assert field == f"{NAME}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure"


def test_a_key_that_could_be_guessed_is_an_error() -> None:
    with pytest.raises(StartError, match=r"--login-key .* openssl rand"):
        Office(b"short")


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "itsdangerous", None)
    with pytest.raises(StartError, match=r"pip install 'wsproxy-gevent\[login\]'"):
        Office()
