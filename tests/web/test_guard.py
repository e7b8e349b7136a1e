"""Nothing is answered to whom the logins do not let in."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse

import pytest

from tests.auth.fakes import FakeLogin
from tests.web.calls import ask, environ_of
from wsproxy_gevent.auth.login import Grant
from wsproxy_gevent.errors import HookRefused, LoginRequired
from wsproxy_gevent.net.peercert import PeerCertificate
from wsproxy_gevent.web.guard import Guard, request_of

REFUSES = LoginRequired("log in", headers=(("WWW-Authenticate", "Basic"),))
CERT = PeerCertificate("alice", (), "0" * 64)


class Page:
    """Counts who was let through, and says who they are."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        self.asked += 1
        start("200 OK", [])
        return [f"for {environ['REMOTE_USER']}".encode() if "REMOTE_USER" in environ else b"open"]


def test_who_is_let_in_gets_the_page() -> None:
    login = FakeLogin(Grant(user="alice"))
    assert ask(Guard(Page(), login), "/a?b=c", cookie="x=y").text == "for alice"
    (request,) = login.requests
    assert (request.method, request.headers.get("cookie")) == ("GET", "x=y")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/vnc.html", "/healthz", "//healthz", "/healthz/", "/x"])
def test_whoever_is_not_gets_nothing(method: str, path: str) -> None:
    page = Page()
    answer = ask(Guard(page, FakeLogin(error=REFUSES)), path, method)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Basic"
    assert answer.headers["Wsproxy-Reason"] == "login-required"
    assert answer.headers["Cache-Control"] == "no-store"
    assert page.asked == 0


def test_open_paths_are_for_everybody() -> None:
    guard = Guard(Page(), FakeLogin(error=REFUSES), open_paths=("/healthz",))
    assert ask(guard, "/healthz").text == "open"
    assert ask(guard, "/healthz/x").status_code == 401


def test_a_refusal_has_its_own_status_and_one_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    guard = Guard(Page(), FakeLogin(error=HookRefused("pay first", status=402)))
    with caplog.at_level(logging.INFO):
        answer = ask(guard, "/a\u20ac")
    assert (answer.status_code, answer.text) == (402, "pay first\n")
    (line,) = caplog.messages
    assert line.startswith("hook-refused: ")
    assert line.isascii()


def test_the_target_is_as_it_was_sent() -> None:
    environ = environ_of("/%61?t=%20")
    assert request_of(environ).target == "/%61?t=%20"
