"""curl at the port: what a person tries first."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .programs import Programs, needs
from .proxy import Proxy, start_proxy
from .targets import echo, tcp_target
from .wire import SAMPLE_ACCEPT, SAMPLE_KEY

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("web")
    (directory / "page.html").write_text("<!DOCTYPE html><title>a page</title>")
    (directory / "sub").mkdir()
    (directory / "sub" / "index.html").write_text("<!DOCTYPE html><title>an index</title>")
    (directory.parent / "outside.txt").write_text("not to be served")
    return directory


@pytest.fixture(scope="module")
def proxy(
    lasting: Programs, web: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    cwd, secure = tmp_path_factory.mktemp("curl"), ("--cert", "auto")
    with tcp_target(echo) as port:
        yield start_proxy(lasting, f"127.0.0.1:{port}", *secure, "--web", web, cwd=cwd)


def curl(*arguments: str) -> tuple[int, str, str]:
    """Run curl; the status, the head (or heads) and the body of the answer."""
    ended = subprocess.run(
        [needs("curl"), "--silent", "--insecure", "--include", "--max-time", "20", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    head, _, body = ended.stdout.replace("\r\n", "\n").partition("\n\n")
    return int(head.split()[1]), head.lower(), body


def test_curl_upgrades(programs: Programs, proxy: Proxy) -> None:
    headers = [
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {SAMPLE_KEY}",
    ]
    options = [word for header in headers for word in ("-H", header)]
    # A 101 is no final answer to it: it tells of the head by --verbose alone, and goes on.
    asking = programs.start(
        needs("curl"), "--http1.1", "-v", "-s", "-N", "--max-time", "20", *options, proxy.http
    )
    asking.wait_for_output(r"HTTP/1\.1 101 Switching Protocols\r?\n")
    asking.wait_for_output(f"(?i)sec-websocket-accept: {re.escape(SAMPLE_ACCEPT)}")


def test_curl_speaks_ws(proxy: Proxy) -> None:
    known = subprocess.run(
        [needs("curl"), "--version"], capture_output=True, text=True, timeout=10, check=True
    )
    if " ws " not in known.stdout.replace("\n", " \n"):
        pytest.skip("this curl has no ws://")
    ended = subprocess.run(
        [needs("curl"), "-s", "-i", "--max-time", "2", proxy.ws],
        capture_output=True,
        timeout=30,
        check=False,
    )
    # It stays connected, since an echo has nothing to say first: 28 is its timeout.
    assert ended.returncode in (0, 28)
    assert b" 101 " in ended.stdout


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_curl_gets_files(scheme: str, proxy: Proxy) -> None:
    status, head, body = curl(getattr(proxy, scheme) + "page.html")
    assert (status, body) == (200, "<!DOCTYPE html><title>a page</title>")
    assert "content-type: text/html" in head


def test_curl_gets_a_directorys_index(proxy: Proxy) -> None:
    status, _, body = curl("--location", proxy.http + "sub/")
    assert (status, body) == (200, "<!DOCTYPE html><title>an index</title>")


def test_curl_gets_pieces_and_unchanged_files(proxy: Proxy) -> None:
    status, head, body = curl("--range", "0-8", proxy.http + "page.html")
    assert (status, body) == (206, "<!DOCTYPE")
    [tag] = [line.split(" ", 1)[1] for line in head.splitlines() if line.startswith("etag:")]
    status, _, body = curl("-H", f"If-None-Match: {tag}", proxy.http + "page.html")
    assert (status, body) == (304, "")


def test_curl_gets_heads_without_bodies(proxy: Proxy) -> None:
    status, head, body = curl("--head", proxy.http + "page.html")
    assert (status, body) == (200, "")
    assert "content-length: 36" in head


@pytest.mark.parametrize("path", ["none.html", "../outside.txt", "%2e%2e/outside.txt", "sub"])
def test_curl_gets_no_file_that_is_not_there_to_be_served(path: str, proxy: Proxy) -> None:
    status, _, body = curl("--path-as-is", proxy.http + path)
    assert status in (301, 302, 308) if path == "sub" else status in (400, 403, 404)
    assert "not to be served" not in body


def test_curl_may_not_post(proxy: Proxy) -> None:
    status, head, _ = curl("-X", "POST", proxy.http + "page.html")
    assert status == 405
    assert "allow: get, head" in head
    assert "wsproxy-reason: method-not-allowed" in head


def test_curl_reuses_its_connection_for_files(proxy: Proxy) -> None:
    url = proxy.http + "page.html"
    ended = subprocess.run(
        [needs("curl"), "-s", "-o", "-", "-w", "\n%{num_connects}\n", url, url],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert ended.stdout.split("\n")[1::2] == ["1", "0"]
