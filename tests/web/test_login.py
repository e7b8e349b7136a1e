"""The login page, in front of a page that only those see who have logged in."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse

import pytest

from tests.net.test_clock import SetClock
from tests.web.calls import Answer, DirectPool, ask, environ_of
from wsproxy_gevent.auth.basic import FORM, BasicLogin, Passwords
from wsproxy_gevent.auth.brake import FAILURES, Brake
from wsproxy_gevent.auth.cookie import NAME, LoginCookies
from wsproxy_gevent.auth.forwarded import TrustedProxies
from wsproxy_gevent.auth.login import SchemeOf, Visitor
from wsproxy_gevent.auth.users import PlainSecret, Users
from wsproxy_gevent.model import Peer
from wsproxy_gevent.web.guard import VISITOR, Guard
from wsproxy_gevent.web.login import LoginPage

HTML = "text/html,application/xhtml+xml,*/*;q=0.8"
LOOPBACK = Visitor(Peer("127.0.0.1", 50000))


def page(environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
    start("200 OK", [])
    return [f"the page, for {environ['REMOTE_USER']}".encode()]


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


class Site:
    def __init__(self) -> None:
        clock = SetClock()
        users = Users({"alice": PlainSecret.of("sesame"), "<b>": PlainSecret.of("x")})
        passwords = Passwords(
            lambda: users,
            Brake(clock),
            pool=DirectPool(),  # type: ignore[arg-type]
            challenge=FORM,
            clock=clock,
        )
        cookies = LoginCookies(passwords.secret_of, seconds=60, clock=clock)
        form = LoginPage(passwords, cookies, SchemeOf(TrustedProxies()).is_secure)
        self.app = Guard(page, BasicLogin(passwords, cookies), page=form)

    def enter(self, name: str = "alice", password: str = "sesame", **headers: str) -> Answer:
        sign = {"wsproxy_login": "1", "authorization": basic(name, password), **headers}
        return ask(self.app, "/login/enter", **sign)

    def cookie(self, name: str = "alice", password: str = "sesame") -> str:
        field = self.enter(name, password).headers["Set-Cookie"]
        return field.partition(";")[0]


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.mark.parametrize("path", ["/", "/vnc.html", "/a/b/c.html?x=y", "/absent", "/%2F"])
def test_the_form_stands_in_the_place_of_a_page(site: Site, path: str) -> None:
    answer = ask(site.app, path, accept=HTML)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Form ")
    assert answer.headers["Wsproxy-Reason"] == "login-required"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert '<form id="login"' in answer.text
    assert "{" not in answer.text


@pytest.mark.parametrize(
    ("path", "up"),
    [
        ("/", ""),
        ("/vnc.html", ""),
        ("/login", ""),
        ("/login/", "../"),
        ("/a/b/c.html?d=/e/f", "../../"),
        ("/a%2Fb", ""),
    ],
)
def test_what_the_form_needs_is_found_from_wherever_it_stands(
    site: Site, path: str, up: str
) -> None:
    text = ask(site.app, path, accept=HTML).text
    references = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert references
    for reference in references:
        assert reference.startswith(f"{up}login/")
        assert ask(site.app, "/" + reference.removeprefix(up)).status_code == 200


def test_who_is_no_person_is_told_in_a_line(site: Site) -> None:
    answer = ask(site.app, "/script.js", accept="*/*")
    assert (answer.status_code, answer.text) == (401, "log in with a name and a password\n")


def test_a_right_password_is_worth_a_cookie_that_opens_pages(site: Site) -> None:
    entered = site.enter()
    assert (entered.status_code, entered.text) == (204, "")
    assert entered.headers["Cache-Control"] == "no-store"
    cookie = site.cookie()
    assert ask(site.app, "/vnc.html", cookie=cookie).text == "the page, for alice"


def test_programs_may_send_the_password_itself(site: Site) -> None:
    assert ask(site.app, "/", authorization=basic("alice", "sesame")).text == "the page, for alice"


def test_a_wrong_one_is_told_without_a_box_of_the_browsers(site: Site) -> None:
    answer = site.enter(password="wrong")
    assert (answer.status_code, answer.text) == (401, "the name or the password is wrong\n")
    assert answer.headers["WWW-Authenticate"].startswith("Form ")
    assert "Set-Cookie" not in answer.headers


def test_guessing_is_braked_and_good_credentials_never_are(site: Site) -> None:
    for _ in range(FAILURES):
        assert site.enter(password="wrong").status_code == 401
    assert site.enter(password="wrong").status_code == 429
    assert site.enter().status_code == 204


def test_without_credentials_nothing_is_entered(site: Site) -> None:
    answer = ask(site.app, "/login/enter", wsproxy_login="1")
    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("what", ["enter", "leave"])
def test_the_page_of_another_site_cannot_log_anybody_in_or_out(site: Site, what: str) -> None:
    """It can make a browser ask, with credentials even, but not with our field."""
    answer = ask(site.app, f"/login/{what}", authorization=basic("alice", "sesame"))
    assert answer.status_code == 404
    assert "Set-Cookie" not in answer.headers
    asked_first = ask(site.app, f"/login/{what}", "OPTIONS", origin="https://evil.example")
    assert not any(
        name.lower().startswith("access-control")
        for name in asked_first.headers.keys()  # noqa: SIM118  pairs otherwise
    )


@pytest.mark.parametrize(
    ("visitor", "headers", "secure"),
    [
        (Visitor(Peer("192.0.2.1"), secure=True), {}, True),
        (Visitor(Peer("192.0.2.1")), {}, False),
        (Visitor(Peer("192.0.2.1")), {"x_forwarded_proto": "https"}, False),
        (LOOPBACK, {"x_forwarded_proto": "https"}, True),
        (LOOPBACK, {"x_forwarded_proto": "http"}, False),
        (Visitor(Peer("192.0.2.1"), via=Peer("127.0.0.1")), {"x_forwarded_proto": "HTTPS"}, True),
    ],
)
def test_the_cookie_is_for_tls_alone_where_there_is_tls(
    site: Site, visitor: Visitor, headers: dict[str, str], secure: bool
) -> None:
    sign = {"wsproxy_login": "1", "authorization": basic("alice", "sesame"), **headers}
    environ = {**environ_of("/login/enter", **sign), VISITOR: visitor}
    fields: list[tuple[str, str]] = []
    site.app(environ, lambda _status, found, *_: fields.extend(found))  # type: ignore[arg-type]
    assert ("; Secure" in dict(fields)["Set-Cookie"]) == secure


def test_at_its_own_address_it_says_who_is_in_and_lets_out(site: Site) -> None:
    assert ask(site.app, "/login/", accept=HTML).status_code == 200
    inside = ask(site.app, "/login/", cookie=site.cookie())
    assert '<strong id="user">alice</strong>' in inside.text
    left = ask(site.app, "/login/leave", wsproxy_login="1", cookie=site.cookie())
    assert left.status_code == 204
    assert left.headers["Set-Cookie"].startswith(f"{NAME}=; Path=/; Max-Age=0;")


def test_a_name_is_text_and_no_markup(site: Site) -> None:
    inside = ask(site.app, "/login/", cookie=site.cookie("<b>", "x"))
    assert '<strong id="user">&lt;b&gt;</strong>' in inside.text


@pytest.mark.parametrize("path", ["/login/x", "/login/enter/", "/login/login.html", "/login//"])
def test_nothing_else_is_below_its_address(site: Site, path: str) -> None:
    assert ask(site.app, path, accept=HTML, wsproxy_login="1").status_code == 404


@pytest.mark.parametrize("path", ["/login/", "/", "/login/?next=https://evil.example"])
def test_nobody_is_sent_anywhere(site: Site, path: str) -> None:
    for cookie in ("", site.cookie()):
        answer = ask(site.app, path, accept=HTML, cookie=cookie)
        assert answer.status_code in (200, 401)
        assert "Location" not in answer.headers
        assert "evil" not in answer.text
