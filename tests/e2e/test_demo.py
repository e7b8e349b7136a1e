"""The embedded demo, in a browser."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from playwright.sync_api import Page

from .browser import wait_for_text
from .programs import Programs, free_port
from .proxy import Proxy, start_command

pytestmark = pytest.mark.e2e


@pytest.fixture
def demo(programs: Programs, tmp_path: Path) -> Proxy:
    port = free_port()
    return start_command(
        programs, "demo", "--source", f"127.0.0.1:{port}", port=port, cwd=tmp_path
    )


def connect(page: Page, demo: Proxy) -> None:
    page.goto(demo.http)
    wait_for_text(page, "#state", "connected")


def test_it_prints_the_address_of_its_page(demo: Proxy) -> None:
    demo.program.wait_for_output(rf"http://(127\.0\.0\.1|localhost):{demo.port}/")


def test_the_page_connects_by_itself_and_shows_its_echo(demo: Proxy, page: Page) -> None:
    connect(page, demo)
    page.fill("#message", "grüße <b>")
    page.click("#send")
    assert "grüße <b>" in wait_for_text(page, "#log", "grüße <b>")
    page.wait_for_function("/[0-9]/.test(document.querySelector('#round-trip').textContent)")


def test_each_message_is_shown_with_its_echo(demo: Proxy, page: Page) -> None:
    connect(page, demo)
    for message in ("one", "two", "three"):
        page.fill("#message", message)
        page.click("#send")
        wait_for_text(page, "#log", message)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda n: n.name)
def test_the_page_says_in_words_that_its_server_went_away(
    number: signal.Signals, demo: Proxy, page: Page
) -> None:
    connect(page, demo)
    demo.program.stop(number)
    handle = page.wait_for_function(
        """() => {
            const state = document.querySelector('#state').innerText;
            return state === 'connected' ? null : state;
        }"""
    )
    assert str(handle.json_value()).strip()
    told = page.inner_text("body")
    assert "closed" in told or "lost" in told or "ended" in told


def test_the_page_says_in_words_that_the_websocket_did_not_open(demo: Proxy, page: Page) -> None:
    connect(page, demo)
    # The page loads from its server, and only its WebSocket fails.
    page.route_web_socket("**", lambda route: route.close(code=1011, reason="no"))
    page.reload()
    assert "did not open" in wait_for_text(page, "body", "did not open")
    assert page.inner_text("#state") != "connected"
