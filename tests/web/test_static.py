"""The user's files, and never one outside their directory."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from wsgiref.types import WSGIApplication

import pytest
from werkzeug.http import http_date

from tests.auditing import opened_during
from tests.cases.paths import OUTWARD, SECRET
from tests.web.calls import DirectPool, ask, environ_of
from wsproxy_gevent.errors import StartError
from wsproxy_gevent.net.pool import NativePool
from wsproxy_gevent.web.app import WebApp
from wsproxy_gevent.web.disk import CHUNK
from wsproxy_gevent.web.static import StaticFiles

SCRIPT = b"export default 1;\n"
SECRET_TEXT = b"nobody may read this"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A directory with all kinds of things in it, and secrets around it."""
    root = tmp_path / "root"
    for directory in (root / "sub" / "deeper", root / ".hidden", tmp_path / "rooted"):
        directory.mkdir(parents=True)
    (root / "index.html").write_text("<p>home")
    (root / "app.js").write_bytes(SCRIPT)
    (root / "sub" / "data.bin").write_bytes(bytes(range(256)))
    (root / ".hidden" / SECRET).write_bytes(SECRET_TEXT)
    (root / ".env").write_bytes(SECRET_TEXT)
    for outside in (tmp_path, tmp_path / "rooted"):
        (outside / SECRET).write_bytes(SECRET_TEXT)
    (root / "out").symlink_to(tmp_path)
    (root / "link.txt").symlink_to(tmp_path / SECRET)
    (root / "loop").symlink_to("loop")
    (root / "sibling").symlink_to("../rooted")
    (root / "same.js").symlink_to("app.js")
    os.mkfifo(root / "fifo")
    return root


def serve(root: Path, *, listing: bool = False) -> WSGIApplication:
    return WebApp(static=StaticFiles(str(root), listing=listing, pool=DirectPool()))


@pytest.fixture
def app(root: Path) -> WSGIApplication:
    return serve(root)


# -- What is served ----------------------------------------------------------------


def test_a_file_is_sent_as_it_is(app: WSGIApplication) -> None:
    answer = ask(app, "/app.js")
    assert (answer.status_code, answer.data) == (200, SCRIPT)
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Content-Length"] == str(len(SCRIPT))
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Cache-Control"] == "no-cache"


def test_other_files_than_pages_and_scripts_may_be_kept(app: WSGIApplication) -> None:
    assert "Cache-Control" not in ask(app, "/sub/data.bin").headers


def test_the_users_files_bear_no_headers_of_ours(app: WSGIApplication) -> None:
    names = {name.lower() for name, _ in ask(app, "/index.html").headers}
    assert names == {
        *("content-type", "content-length", "last-modified", "etag", "cache-control"),
        *("accept-ranges", "date"),
    }


def test_a_directory_serves_its_index(app: WSGIApplication) -> None:
    assert ask(app, "/").data == b"<p>home"
    assert ask(app, "").data == b"<p>home"


def test_a_link_inside_the_directory_is_followed(app: WSGIApplication) -> None:
    assert ask(app, "/same.js").data == SCRIPT


def test_the_directory_itself_may_be_a_link_that_is_turned(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").write_text(name)
    current = tmp_path / "current"
    current.symlink_to("one")
    app = serve(current)
    assert ask(app, "/").data == b"one"
    current.unlink()
    current.symlink_to("two")
    assert ask(app, "/").data == b"two"


@pytest.mark.parametrize("name", ["bücher & mehr.txt", "a?b#c.txt", "%2e%2e", "~", "b\udcfc.txt"])
def test_odd_names_are_names_like_others(name: str, root: Path) -> None:
    (root / name).write_bytes(b"odd")
    quoted = "".join(f"%{byte:02x}" for byte in os.fsencode(name))
    assert ask(serve(root), f"/{quoted}").data == b"odd"


def test_head_is_get_without_the_body(root: Path) -> None:
    pool = DirectPool()
    app = WebApp(static=StaticFiles(str(root), listing=False, pool=pool))
    head, calls = ask(app, "/app.js", "HEAD"), pool.calls
    get = ask(app, "/app.js")
    assert (head.status_code, head.data) == (200, b"")
    assert [f for f in head.headers if f[0] != "Date"] == [
        f for f in get.headers if f[0] != "Date"
    ]
    assert calls == 1


def test_an_empty_file_is_sent(root: Path) -> None:
    (root / "empty.txt").touch()
    answer = ask(serve(root), "/empty.txt")
    assert (answer.status_code, answer.data) == (200, b"")


# -- Conditions and ranges ------------------------------------------------------------


def test_what_the_browser_has_is_not_sent_again(app: WSGIApplication) -> None:
    etag = ask(app, "/app.js").headers["ETag"]
    for header in (etag, f'"other", {etag}', "*", f"W/{etag}"):
        answer = ask(app, "/app.js", if_none_match=header)
        assert (answer.status_code, answer.data) == (304, b""), header
        assert answer.headers["ETag"] == etag
    assert ask(app, "/app.js", if_none_match='"other"').status_code == 200


def test_the_etag_changes_with_the_file(root: Path) -> None:
    app = serve(root)
    first = ask(app, "/app.js").headers["ETag"]
    os.utime(root / "app.js", ns=(1, 1))
    second = ask(app, "/app.js").headers["ETag"]
    (root / "app.js").write_bytes(b"longer than it was before\n")
    os.utime(root / "app.js", ns=(1, 1))
    assert len({first, second, ask(app, "/app.js").headers["ETag"]}) == 3


def test_what_was_not_modified_is_not_sent_again(root: Path) -> None:
    app = serve(root)
    os.utime(root / "app.js", (1_000_000, 1_000_000))
    assert ask(app, "/app.js").headers["Last-Modified"] == http_date(1_000_000)
    unchanged = ask(app, "/app.js", if_modified_since=http_date(1_000_000))
    changed = ask(app, "/app.js", if_modified_since=http_date(999_999))
    assert (unchanged.status_code, changed.status_code) == (304, 200)


def test_a_failed_precondition_sends_no_file(app: WSGIApplication) -> None:
    answer = ask(app, "/app.js", if_match='"other"')
    assert (answer.status_code, answer.headers["Wsproxy-Reason"]) == (412, "precondition-failed")
    assert SCRIPT not in answer.data


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-9", 0, 9),
        ("bytes=250-", 250, 255),
        ("bytes=-6", 250, 255),
        ("bytes=0-0", 0, 0),
        ("bytes=255-9999", 255, 255),
        ("bytes=-9999", 0, 255),
        ("bytes= 7-8 ", 7, 8),
    ],
)
def test_a_range_is_that_part(header: str, first: int, last: int, app: WSGIApplication) -> None:
    answer = ask(app, "/sub/data.bin", range=header)
    assert (answer.status_code, answer.data) == (206, bytes(range(first, last + 1)))
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/256"
    assert answer.headers["Content-Length"] == str(last + 1 - first)


def test_a_range_may_cross_chunks(root: Path) -> None:
    content = os.urandom(3 * CHUNK)
    (root / "big").write_bytes(content)
    app = serve(root)
    for first, last in ((CHUNK - 1, CHUNK), (CHUNK, 2 * CHUNK - 1), (5, 3 * CHUNK - 5)):
        answer = ask(app, "/big", range=f"bytes={first}-{last}")
        assert answer.data == content[first : last + 1]


@pytest.mark.parametrize("header", ["bytes=256-", "bytes=999-1000", "bytes=-0"])
def test_a_range_behind_the_end_is_refused(header: str, app: WSGIApplication) -> None:
    answer = ask(app, "/sub/data.bin", range=header)
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, "bytes */256")
    assert answer.headers["Wsproxy-Reason"] == "range-refused"


@pytest.mark.parametrize(
    "header",
    [
        *("bytes=5-2", "bytes=0-1,5-6", "lines=1-2", "bytes", "bytes=", "bytes=a-b", "bytes=--1"),
        *("bytes=" + "9" * 5000 + "-", "bytes=1-" + "9" * 5000, "\xff"),
    ],
)
def test_other_ranges_are_ignored(header: str, app: WSGIApplication) -> None:
    answer = ask(app, "/sub/data.bin", range=header)
    assert (answer.status_code, len(answer.data)) == (200, 256)


def test_head_has_no_range(app: WSGIApplication) -> None:
    assert ask(app, "/sub/data.bin", "HEAD", range="bytes=0-1").status_code == 200


def test_a_range_of_another_version_is_the_whole_file(app: WSGIApplication) -> None:
    etag = ask(app, "/sub/data.bin").headers["ETag"]
    same = ask(app, "/sub/data.bin", range="bytes=0-1", if_range=etag)
    other = ask(app, "/sub/data.bin", range="bytes=0-1", if_range='"other"')
    assert (same.status_code, other.status_code) == (206, 200)


# -- Directories -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "location"),
    [("/sub", "./sub/"), ("/sub/deeper", "./deeper/"), ("/sub?a=//b", "./sub/?a=//b")],
)
def test_a_directory_without_its_slash_is_elsewhere(
    target: str, location: str, app: WSGIApplication
) -> None:
    answer = ask(app, target)
    assert (answer.status_code, answer.headers["Location"]) == (301, location)


def test_a_directory_without_an_index_is_not_found(app: WSGIApplication) -> None:
    assert ask(app, "/sub/").status_code == 404


def test_the_root_without_an_index_leads_to_vnc_html(root: Path) -> None:
    (root / "index.html").unlink()
    (root / "vnc.html").write_text("a desktop")
    (root / "sub" / "vnc.html").write_text("another")
    for listing in (False, True):
        answer = ask(serve(root, listing=listing), "/?autoconnect=1")
        assert answer.status_code == 302
        assert answer.headers["Location"] == "vnc.html?autoconnect=1"
    assert ask(serve(root), "/sub/").status_code == 404


def test_the_older_name_of_an_index_serves_too(root: Path) -> None:
    (root / "sub" / "index.htm").write_text("old")
    assert ask(serve(root), "/sub/").data == b"old"


def test_an_index_that_links_outside_is_not_served(root: Path) -> None:
    (root / "index.html").unlink()
    (root / "index.html").symlink_to(f"../{SECRET}")
    assert ask(serve(root), "/").status_code == 404


def test_a_listing_shows_names_and_nothing_hidden(root: Path) -> None:
    (root / "index.html").unlink()
    answer = ask(serve(root, listing=True), "/")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert '<a href="./app.js">app.js</a>' in answer.text
    assert '<a href="./sub/">sub/</a>' in answer.text
    assert "hidden" not in answer.text
    assert ".env" not in answer.text
    assert "object-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("name", ["<script>x", '"onload=x', "javascript:x", "a&b", "\udcff"])
def test_a_name_in_a_listing_starts_nothing(name: str, root: Path) -> None:
    (root / "sub" / name).touch()
    page = ask(serve(root, listing=True), "/sub/").text
    assert "<script" not in page
    assert '"onload' not in page
    assert 'href="javascript' not in page
    assert page.count('href="./') == 3  # deeper/, data.bin and this one


# -- What is not served -------------------------------------------------------------------


def test_the_audit_sees_what_is_opened(root: Path) -> None:
    app = serve(root, listing=True)
    assert opened_during(partial(ask, app, "/app.js"))[0] == [str(root / "app.js")]
    assert opened_during(partial(ask, app, "/sub/"))[0] == [str(root / "sub")]


def test_the_corpus_is_not_small() -> None:
    assert len(set(OUTWARD)) > 300


@pytest.mark.fault(45)
@pytest.mark.parametrize("listing", [False, True])
def test_nothing_outside_the_directory_is_opened_or_told(listing: bool, root: Path) -> None:
    app = serve(root, listing=listing)
    for target in OUTWARD:
        opened, answer = opened_during(partial(ask, app, target))
        assert answer.status_code in (400, 404), target
        assert SECRET_TEXT not in answer.data, target
        assert "Location" not in answer.headers, target
        assert opened == [], target


def test_a_fifo_is_not_found_and_nobody_waits(app: WSGIApplication, root: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        here = os.getcwd()
        os.chdir(root)  # a socket's path has little room
        try:
            bound.bind("socket")
        finally:
            os.chdir(here)
        assert ask(app, "/fifo").status_code == 404
        assert ask(app, "/socket").status_code == 404


def test_what_we_may_not_read_is_not_found(root: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (root / "app.js").chmod(0)
    assert ask(serve(root), "/app.js").status_code == 404


def test_a_missing_directory_is_an_error_at_start(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="nowhere"):
        serve(tmp_path / "nowhere")


def test_no_descriptor_is_left_open(app: WSGIApplication) -> None:
    before = os.listdir("/proc/self/fd")
    for headers in ({}, {"range": "bytes=0-1"}, {"range": "bytes=999-"}, {"if_none_match": "*"}):
        ask(app, "/sub/data.bin", **headers)
    ask(app, "/app.js", "HEAD")
    ask(app, "/app.js", if_match='"other"')
    abandoned = app(environ_of("/app.js"), lambda *_: lambda _: None)
    del abandoned
    assert os.listdir("/proc/self/fd") == before


@pytest.fixture
def pool() -> Iterator[NativePool]:
    pool = NativePool(2)
    yield pool
    pool.close()


def test_files_come_over_native_threads_as_well(root: Path, pool: NativePool) -> None:
    app = WebApp(static=StaticFiles(str(root), listing=False, pool=pool))
    assert ask(app, "/app.js").data == SCRIPT
    assert ask(app, "/missing").status_code == 404


def test_a_full_pool_is_a_503(root: Path) -> None:
    pool = NativePool(0)
    app = WebApp(static=StaticFiles(str(root), listing=False, pool=pool))
    answer = ask(app, "/app.js")
    assert (answer.status_code, answer.headers["Wsproxy-Reason"]) == (503, "gateway-busy")
