"""The login page: in a browser, and its cookie at each of the three doors."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from playwright.sync_api import Page

from .browser import wait_for_text
from .gates import DOORS, start_gate
from .pools import WEBSOCKET_WORKER, start_gunicorn
from .programs import Programs, free_port
from .proxy import Proxy, start_command, start_proxy
from .test_curl import curl

pytestmark = pytest.mark.e2e

CREDENTIALS = ("alice", "öpen:sesame")


def demo(programs: Programs, cwd: Path, *words: str) -> Proxy:
    port = free_port()
    source = ("--source", f"127.0.0.1:{port}", "--basic-auth", ":".join(CREDENTIALS))
    return start_command(programs, "demo", *source, "--login-page", *words, port=port, cwd=cwd)


def log_in(page: Page, name: str, password: str) -> None:
    page.fill("#name", name)
    page.fill("#password", password)
    page.click("#enter")


@pytest.mark.parametrize("secure", [False, True])
def test_a_person_logs_in_and_the_pages_websocket_with_them(
    programs: Programs, page: Page, tmp_path: Path, secure: bool
) -> None:
    proxy = demo(programs, tmp_path, *(("--cert", "auto", "--ssl-only") if secure else ()))
    url = proxy.https if secure else proxy.http
    answer = page.goto(url)
    assert answer is not None
    assert answer.status == 401
    log_in(page, "alice", "guess")
    assert wait_for_text(page, "#fault", "wrong") == "the name or the password is wrong"
    log_in(page, *CREDENTIALS)
    wait_for_text(page, "#state", "connected")
    proxy.program.wait_for_output("session opened .* user=alice")
    assert page.url == url
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["secure"]) == (True, "Lax", secure)
    assert page.evaluate("document.cookie") == ""


def test_whoever_logs_out_is_out(programs: Programs, page: Page, tmp_path: Path) -> None:
    proxy = demo(programs, tmp_path)
    page.goto(f"{proxy.http}login/")
    log_in(page, *CREDENTIALS)
    wait_for_text(page, "#user", "alice")
    page.click("#leave")
    page.wait_for_selector("#name")
    assert page.context.cookies() == []
    answer = page.goto(proxy.http)
    assert answer is not None
    assert answer.status == 401


def test_a_page_of_another_site_opens_nothing_with_the_cookie(
    programs: Programs, page: Page, tmp_path: Path
) -> None:
    """The rule of origins aside: the cookie does not even come along."""
    proxy = demo(programs, tmp_path, "--origin-check", "any", "--allow-host", "gw.example")
    page.goto(f"{proxy.http}login/")
    log_in(page, *CREDENTIALS)
    wait_for_text(page, "#user", "alice")
    # To a browser, localhost is another site than 127.0.0.1.
    (tmp_path / "evil").mkdir()
    (tmp_path / "evil" / "page.html").write_text("<!DOCTYPE html><title>evil</title>")
    evil = start_proxy(programs, "echo:", "--web", tmp_path / "evil", cwd=tmp_path)
    page.goto(f"http://localhost:{evil.port}/page.html")
    outcome = page.evaluate(
        """(url) => new Promise((resolve) => {
            const socket = new WebSocket(url);
            socket.onopen = () => resolve("open");
            socket.onerror = () => resolve("refused");
        })""",
        proxy.ws,
    )
    assert outcome == "refused"
    proxy.program.wait_for_output("stage=login reason=login-required")


def enter(url: str, jar: Path) -> None:
    credentials = base64.b64encode(":".join(CREDENTIALS).encode()).decode()
    sign = ("-H", f"Authorization: Basic {credentials}", "-H", "Wsproxy-Login: 1")
    assert curl("-c", str(jar), *sign, f"{url}/login/enter")[0] == 204


@pytest.mark.parametrize("door", DOORS)
def test_the_cookie_opens_pages_and_sessions(
    programs: Programs, tmp_path: Path, door: str
) -> None:
    (tmp_path / "page.html").write_text("<!DOCTYPE html><title>a page</title>")
    settings = {"BASIC_AUTH": ":".join(CREDENTIALS), "LOGIN_PAGE": "1", "WEB": str(tmp_path)}
    gate = start_gate(programs, door, "echo:", tmp_path, settings)
    jar = tmp_path / "jar"
    enter(gate.http, jar)
    status, _, body = curl("-b", str(jar), f"{gate.http}/page.html")
    assert (status, "a page" in body) == (200, True)
    name, value = jar.read_text().split()[-2:]
    assert gate.ask(f"Cookie: {name}={value}").status == 101
    assert gate.ask(f"Cookie: {name}={value[:-2]}").status == 401
    gate.program.wait_for_output("session opened .* user=alice")
    status, head, body = curl("-H", "Accept: text/html", f"{gate.http}/page.html")
    assert (status, 'id="login"' in body) == (401, True)
    assert "www-authenticate: form" in head


def test_one_worker_takes_the_cookie_of_another(programs: Programs, tmp_path: Path) -> None:
    words = ("--workers", "2", "--basic-auth", ":".join(CREDENTIALS), "--login-page")
    proxy = start_proxy(programs, "echo:", *words, cwd=tmp_path)
    jar = tmp_path / "jar"
    enter(f"http://127.0.0.1:{proxy.port}", jar)
    for _ in range(12):
        _, _, body = curl("-b", str(jar), f"{proxy.http}login/")
        assert "alice" in body


def test_workers_that_would_not_are_refused_at_start(programs: Programs, tmp_path: Path) -> None:
    pool = start_gunicorn(
        *(programs, "echo:", "-w", "2"),
        cwd=tmp_path,
        worker=WEBSOCKET_WORKER,
        BASIC_AUTH="a:b",
        LOGIN_PAGE="1",
    )
    assert pool.program.exit_status() != 0
    assert "WSPROXY_LOGIN_KEY" in pool.program.output
