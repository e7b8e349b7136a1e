"""Media types by name."""

from __future__ import annotations

import pytest

from wsproxy_gevent.web.mime import media_type, must_be_fresh


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rfb.js", "text/javascript; charset=utf-8"),
        ("RFB.JS", "text/javascript; charset=utf-8"),
        ("module.mjs", "text/javascript; charset=utf-8"),
        ("engine.wasm", "application/wasm"),
        ("icon.svg", "image/svg+xml"),
        ("page.html", "text/html"),
        ("page.htm", "text/html"),
        ("style.css", "text/css; charset=utf-8"),
        ("de.json", "application/json"),
        ("a.woff2", "font/woff2"),
        ("a.png", "image/png"),
        ("a.mp3", "audio/mpeg"),
        ("backup.tar.gz", "application/gzip"),
        ("log.bz2", "application/x-bzip2"),
        ("log.Z", "application/octet-stream"),
        ("README", "application/octet-stream"),
        ("page.html.unknown", "application/octet-stream"),
        (".js", "application/octet-stream"),
    ],
)
def test_a_name_tells_the_type(name: str, expected: str) -> None:
    assert media_type(name) == expected


def test_pages_and_scripts_must_be_fresh() -> None:
    names = ["a.html", "A.HTM", "a.js", "a.mjs", "a.css", "a.json", "a.png", "html"]
    assert [name for name in names if must_be_fresh(name)] == ["a.html", "A.HTM", "a.js", "a.mjs"]
