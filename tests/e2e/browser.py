"""Chromium without a screen, driven by Playwright."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, Playwright, ViewportSize, sync_playwright

from .programs import needs

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# Wide enough for an 800x600 desktop at its own size.
VIEWPORT: ViewportSize = {"width": 1024, "height": 768}

MILLISECONDS = 20_000

# The first canvas inside the given element, or the one last taken out of the
# page: its size and how many colours are on it.
CANVAS = """
(selector) => {
    const canvas = document.querySelector(selector + ' canvas') || window.removedCanvas;
    if (!canvas || !canvas.width || !canvas.height) return null;
    const image = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const colours = new Set(new Uint32Array(image.data.buffer));
    return {width: canvas.width, height: canvas.height, colours: colours.size};
}
"""

# noVNC takes its canvas out of the page when a session ends; keep hold of it.
KEEP_REMOVED_CANVAS = """
new MutationObserver((changes) => {
    for (const change of changes) {
        for (const node of change.removedNodes) {
            if (node.nodeType !== Node.ELEMENT_NODE) continue;
            window.removedCanvas = node.querySelector('canvas') || window.removedCanvas;
        }
    }
}).observe(document, {childList: true, subtree: true});
"""


def _executable(playwright: Playwright) -> str:
    """Debian's Chromium, else the one that `playwright install chromium` brings."""
    own = playwright.chromium.executable_path
    return own if os.path.exists(own) else needs("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser with a profile that nobody used before."""
    with sync_playwright() as playwright:
        executable = _executable(playwright)
        running = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        try:
            yield running
        finally:
            running.close()


@contextmanager
def new_page(browser: Browser) -> Iterator[Page]:
    """A page of its own profile that takes self-signed certificates.

    What its console says and what it throws is printed, so that pytest shows
    it when the test fails.
    """
    context = browser.new_context(ignore_https_errors=True, viewport=VIEWPORT)
    context.set_default_timeout(MILLISECONDS)
    context.add_init_script(KEEP_REMOVED_CANVAS)
    page = context.new_page()
    page.on("console", lambda message: print(f"console {message.type}: {message.text}"))
    page.on("pageerror", lambda error: print(f"page error: {error}"))
    page.on("requestfailed", lambda request: print(f"failed: {request.url} {request.failure}"))
    try:
        yield page
    finally:
        context.close()


def wait_for_colours(page: Page, selector: str, at_least: int) -> dict[str, int]:
    """Wait until that many colours are on the canvas inside the element."""
    page.wait_for_function(
        f"([selector, least]) => {{ const seen = ({CANVAS})(selector);"
        " return seen && seen.colours >= least; }",
        arg=[selector, at_least],
    )
    seen = page.evaluate(CANVAS, selector)
    assert isinstance(seen, dict)
    return seen


def wait_for_text(page: Page, selector: str, text: str) -> str:
    """Wait until the element's text or value holds this; the whole text."""
    handle = page.wait_for_function(
        """([selector, text]) => {
            const element = document.querySelector(selector);
            const shown = element && (element.value || element.textContent);
            return shown && shown.includes(text) ? shown : null;
        }""",
        arg=[selector, text],
    )
    shown = handle.json_value()
    if not isinstance(shown, str):
        pytest.fail(f"{selector} shows {shown!r}")
    return shown
