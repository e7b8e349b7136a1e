"""Our own pages: whole, self-contained, and under their headers."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from importlib import resources

import pytest

from tests.web.calls import ask
from wsproxy_gevent.web.app import WebApp
from wsproxy_gevent.web.memory import MemoryFiles
from wsproxy_gevent.web.pages import Pages

NOVNC = MemoryFiles({"/core/rfb.js": b"export default class {}", "/vnc.html": b"noVNC's own"})
DEMO = WebApp(pages=Pages.demo())
DESKTOP = WebApp(pages=Pages.desktop(NOVNC))
NAMES = sorted(
    entry.name for entry in resources.files("wsproxy_gevent.web").joinpath("pages").iterdir()
)

# What tests and people's scripts hold on to.
IDS = {
    "demo.html": {"state", "message", "send", "log", "round-trip", "connect", "stages", "advice"},
    "vnc.html": {"screen", "status", "reconnect", "ctrl-alt-del", "full-screen", "credentials"},
}


class Tags(HTMLParser):
    """Each tag of a page with its attributes, and the text inside scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.inline = ""
        self._in_script = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._in_script = tag == "script"

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        self.inline += data.strip() if self._in_script else ""


def read(name: str) -> str:
    return resources.files("wsproxy_gevent.web").joinpath("pages", name).read_text("utf-8")


def page_app(name: str) -> WebApp:
    return DEMO if name.startswith("demo") else DESKTOP


@pytest.mark.parametrize("name", sorted(IDS))
def test_a_page_has_the_ids_that_others_hold_on_to(name: str) -> None:
    ids = {attributes.get("id") for _, attributes in Tags(read(name)).found}
    assert IDS[name] <= ids


@pytest.mark.parametrize("name", sorted(IDS))
def test_a_page_runs_under_its_policy(name: str) -> None:
    tags = Tags(read(name))
    assert tags.inline == ""
    handlers = [key for _, attributes in tags.found for key in attributes if key.startswith("on")]
    assert handlers == []


@pytest.mark.parametrize("name", sorted(IDS))
def test_all_that_a_page_refers_to_is_served_beside_it(name: str) -> None:
    app = page_app(name)
    for _, attributes in Tags(read(name)).found:
        for reference in filter(None, (attributes.get("src"), attributes.get("href"))):
            answer = ask(app, f"/{reference}")
            assert answer.status_code == 200, reference


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".js")])
def test_all_that_a_script_imports_is_served_beside_it(name: str) -> None:
    for reference in re.findall(r"""(?:from|import\() ?["']\./([^"']+)["']""", read(name)):
        assert ask(page_app(name), f"/{reference}").status_code == 200, reference


@pytest.mark.parametrize("name", NAMES)
def test_nothing_comes_from_another_host(name: str) -> None:
    text = read(name).replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert re.findall(r"(?:https?|wss?)://|\burl\(|@import", text) == []


@pytest.mark.parametrize("name", ["demo.js", "vnc.js"])
def test_scripts_look_up_only_ids_that_their_page_has(name: str) -> None:
    page = name.replace(".js", ".html")
    ids = {attributes.get("id") for _, attributes in Tags(read(page)).found}
    wanted = set(re.findall(r"""element\("([a-z-]+)"\)""", read(name)))
    assert wanted
    assert wanted <= ids


@pytest.mark.parametrize("target", ["/", "/demo.js", "/page.css", "/icon.svg"])
def test_a_page_of_ours_bears_security_headers(target: str) -> None:
    headers = ask(DEMO, target).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'self'; ")
    assert "frame-ancestors 'self'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-cache"


def test_the_first_page_is_at_the_root() -> None:
    assert ask(DEMO, "/").data == ask(DEMO, "/demo.html").data
    assert ask(DESKTOP, "/").data == ask(DESKTOP, "/vnc.html?path=x").data
    assert ask(DEMO, "/").headers["Content-Type"] == "text/html"


def test_each_kind_serves_its_own_pages_only() -> None:
    assert ask(DEMO, "/vnc.html").status_code == 404
    assert ask(DEMO, "/novnc/core/rfb.js").status_code == 404
    assert ask(DESKTOP, "/demo.html").status_code == 404


def test_of_novnc_the_library_is_served_and_no_more() -> None:
    answer = ask(DESKTOP, "/novnc/core/rfb.js")
    assert (answer.status_code, answer.data) == (200, b"export default class {}")
    assert "Content-Security-Policy" in answer.headers
    for target in ("/novnc", "/novnc/", "/novnc/vnc.html", "/novnc/core/none.js", "/core/rfb.js"):
        assert ask(DESKTOP, target).status_code == 404, target
