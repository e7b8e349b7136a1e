"""The WSGI application: methods, order, refusals, headers."""

from __future__ import annotations

import logging
from pathlib import Path
from wsgiref.validate import validator

import pytest

from tests.web.calls import DirectPool, ask, environ_of
from wsproxy_gevent.errors import UsageError
from wsproxy_gevent.web.app import WebApp, parse_header
from wsproxy_gevent.web.pages import Pages
from wsproxy_gevent.web.static import StaticFiles


@pytest.fixture
def static(tmp_path: Path) -> StaticFiles:
    (tmp_path / "page.css").write_text("the user's")
    (tmp_path / "more.txt").write_text("more")
    return StaticFiles(str(tmp_path), listing=False, pool=DirectPool())


@pytest.mark.parametrize("target", ["/", "/websockify", "//", "/%00", "*", "/?token=x"])
def test_a_port_without_pages_says_what_it_speaks(target: str) -> None:
    answer = ask(WebApp(), target)
    assert answer.status_code == 426
    assert answer.headers["Sec-WebSocket-Version"] == "13"
    assert answer.headers["Wsproxy-Reason"] == "upgrade-required"
    assert answer.text == "this port speaks WebSocket; --web DIR serves files beside it\n"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "get"])
def test_only_get_and_head_are_served(method: str, static: StaticFiles) -> None:
    for app in (WebApp(), WebApp(static=static), WebApp(pages=Pages.demo())):
        environ = environ_of("/more.txt")
        environ["REQUEST_METHOD"] = method
        statuses: list[str] = []
        headers: list[tuple[str, str]] = []

        def start(status: str, fields: list[tuple[str, str]], *_: object) -> object:
            statuses.append(status)  # noqa: B023 - called in this turn of the loop
            headers.extend(fields)  # noqa: B023
            return lambda _: None

        b"".join(app(environ, start))  # type: ignore[arg-type]
        assert statuses == ["405 METHOD NOT ALLOWED"]
        assert ("Allow", "GET, HEAD") in headers


def test_our_pages_come_before_the_users_files(static: StaticFiles) -> None:
    app = WebApp(static=static, pages=Pages.demo())
    assert ask(app, "/page.css").data != b"the user's"
    assert ask(app, "/more.txt").data == b"more"
    assert ask(app, "/none.txt").status_code == 404


@pytest.mark.parametrize(
    ("target", "status", "slug"),
    [("/none", 404, "not-found"), ("/../x", 400, "bad-request"), ("/.env", 404, "not-found")],
)
def test_a_refusal_is_constant_plain_text(
    target: str, status: int, slug: str, static: StaticFiles
) -> None:
    answer = ask(WebApp(static=static), f"{target}?<script>")
    assert (answer.status_code, answer.headers["Wsproxy-Reason"]) == (status, slug)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "script" not in answer.text
    assert "none" not in answer.text


def test_extra_headers_go_with_files_and_pages_and_not_with_refusals(static: StaticFiles) -> None:
    extra = [("Cache-Control", "max-age=60"), ("X-A", "1"), ("X-A", "2")]
    app = WebApp(static=static, pages=Pages.demo(), extra_headers=extra)
    for target in ("/more.txt", "/"):
        headers = ask(app, target).headers
        assert headers.getlist("Cache-Control") == ["max-age=60"]
        assert headers.getlist("X-A") == ["1", "2"]
    refusal = ask(app, "/none").headers
    assert refusal["Cache-Control"] == "no-store"
    assert "X-A" not in refusal


def test_extra_headers_go_with_a_304(static: StaticFiles) -> None:
    app = WebApp(static=static, extra_headers=[("Access-Control-Allow-Origin", "*")])
    answer = ask(app, "/more.txt", if_none_match="*")
    assert answer.status_code == 304
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_a_log_line_holds_no_query_and_no_control_characters(
    static: StaticFiles, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ask(WebApp(static=static), "/a%0a%1b[2J?token=secret")
    assert len(caplog.messages) == 1
    assert caplog.messages[0].isprintable()
    assert "secret" not in caplog.text


@pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_it_keeps_to_the_rules_of_wsgi(method: str, static: StaticFiles) -> None:
    app = validator(WebApp(static=static, pages=Pages.demo()))
    for target in ("/", "/more.txt", "/none", "/%2e%2e/"):
        assert ask(app, target, method).status_code in (200, 400, 404)
    assert ask(app, "/more.txt", method, if_none_match="*").status_code == 304
    assert ask(validator(WebApp()), "/", method).status_code == 426


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("X-Frame-Options: DENY", ("X-Frame-Options", "DENY")),
        ("x:y", ("x", "y")),
        ("X-A:  b: c  ", ("X-A", "b: c")),
        ("X-Empty:", ("X-Empty", "")),
        ('Link: <a>; rel="b"', ("Link", '<a>; rel="b"')),
    ],
)
def test_a_header_is_a_name_and_a_value(text: str, header: tuple[str, str]) -> None:
    assert parse_header(text) == header


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "X",
            ": y",
            "X Y: z",
            "X\r\n: y",
            "X: a\r\nY: b",
            "X: a\nb",
            "X: a\x00",
            "X: \u0101",
        ),
        *(
            "X : y",
            "Content-Length: 5",
            "transfer-encoding: chunked",
            "Connection: close",
            "Date: x",
        ),
    ],
)
def test_a_header_that_could_break_a_response_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="--header"):
        parse_header(text)
