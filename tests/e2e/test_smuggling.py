"""Requests that two readers could take for different ones: refused, and nothing behind them read.

Each comes in one segment with a second request behind it, which a front that
was fooled would believe to be another user's.  It must never be answered.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from .programs import Programs
from .proxy import Proxy, start_proxy
from .wire import SAMPLE_KEY, Wire, masked_frame, upgrade_request

pytestmark = pytest.mark.e2e

PAGE = b"a page that only the second request asks for\n"
SECOND = b"GET /second.txt HTTP/1.1\r\nHost: {host}\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Case:
    """`{host}` in the bytes stands for the proxy's own Host."""

    name: str
    request: bytes
    status: int = 400


def get(*lines: bytes, target: bytes = b"/second.txt", version: bytes = b"HTTP/1.1") -> bytes:
    """A GET with a good Host and these header lines."""
    return b"\r\n".join((b"GET " + target + b" " + version, b"Host: {host}", *lines, b"", b""))


def upgrade(*lines: bytes, version: bytes = b"13") -> bytes:
    """An RFC 6455 handshake that would be accepted, but for these lines."""
    return get(
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Key: " + SAMPLE_KEY.encode(),
        b"Sec-WebSocket-Version: " + version,
        *lines,
        target=b"/",
    )


HIXIE = (b"Upgrade: WebSocket", b"Connection: Upgrade", b"Origin: http://{host}")
CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"

LINES = [
    Case("LF ends the request line", get().replace(b"HTTP/1.1\r\n", b"HTTP/1.1\n")),
    Case("LF ends a header line", get(b"X: y\nZ: z")),
    Case("LF as the empty line", get()[:-2] + b"\n"),
    Case("LF LF", get().replace(b"\r\n", b"\n")),
    Case("LF before the empty line", get(b"X: y\n")),
    Case("CR in a value", get(b"X: a\rContent-Length: 5")),
    Case("CR CR LF", get(b"X: a\r")),
    Case("CR in the target", get(target=b"/\r/second.txt")),
    Case("NUL in a value", get(b"X: a\0b")),
    Case("NUL in the target", get(target=b"/\0")),
    Case("folded by a blank", get(b"X: a", b" b")),
    Case("folded by a tab", get(b"X: a", b"\tb")),
    Case("folded behind the request line", b"GET / HTTP/1.1\r\n Host: {host}\r\n\r\n"),
    Case("a coding on a folded line", get(b"Transfer-Encoding:", b" chunked") + CHUNKS),
    Case("a line of blanks", get(b"X: a", b"  ")),
    Case("no colon", get(b"X")),
    Case("no name", get(b": x")),
    Case("blank before the colon", get(b"Content-Length : 5") + b"hello"),
    Case("tab before the colon", get(b"Transfer-Encoding\t: chunked") + CHUNKS),
    Case("vertical tab before the colon", get(b"Transfer-Encoding\x0b: chunked") + CHUNKS),
    Case("vertical tab before the value", get(b"Transfer-Encoding:\x0bchunked") + CHUNKS),
    Case("a blank in a name", get(b"Content Length: 5") + b"hello"),
    Case("a name above ASCII", get(b"Transf\xe9r-Encoding: chunked") + CHUNKS),
]

REQUEST_LINES = [
    Case("no version", b"GET /second.txt\r\nHost: {host}\r\n\r\n"),
    Case("HTTP/0.9", get(version=b"HTTP/0.9")),
    Case("HTTP/1.2", get(version=b"HTTP/1.2")),
    Case("HTTP/1.10", get(version=b"HTTP/1.10")),
    Case("http in small letters", get(version=b"http/1.1")),
    Case("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    Case("two blanks", get().replace(b"GET ", b"GET  ")),
    Case("tab for a blank", get().replace(b"GET ", b"GET\t")),
    Case("a blank at the end", get(version=b"HTTP/1.1 ")),
    Case("a blank in the target", get(target=b"/a b")),
    Case("a second version", get(target=b"/second.txt HTTP/1.1")),
    Case("bytes above ASCII in the target", get(target=b"/\xff")),
    Case("a target of another authority", get(target=b"//evil.example/")),
    Case("a target with a user", get(target=b"http://{host}@evil.example/")),
    Case("a target without a host", get(target=b"http:///second.txt")),
    Case("a fragment", get(target=b"/#/second.txt")),
    Case("authority form", get(target=b"{host}")),
]

HOSTS = [
    Case("no Host", b"GET / HTTP/1.1\r\n\r\n"),
    Case("no Host in HTTP/1.0", b"GET / HTTP/1.0\r\n\r\n"),
    Case("two Hosts", get(b"Host: evil.example")),
    Case("the same Host twice", get(b"host: {host}")),
    Case("a list of Hosts", b"GET / HTTP/1.1\r\nHost: {host}, evil.example\r\n\r\n"),
    Case("an empty Host", b"GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    Case("a Host with a path", b"GET / HTTP/1.1\r\nHost: {host}/x\r\n\r\n"),
    Case("a Host with a user", b"GET / HTTP/1.1\r\nHost: x@{host}\r\n\r\n"),
    Case("a target of another host", get(target=b"http://evil.example/second.txt"), 421),
]

BODIES = [
    Case("a length with a coding", get(b"Content-Length: 5", b"Transfer-Encoding: chunked")),
    Case("a coding with a length", get(b"Transfer-Encoding: chunked", b"Content-Length: 5")),
    Case("a length of nothing with a coding", get(b"Content-Length: 0", b"Transfer-Encoding: x")),
    Case("a body", get(b"Content-Length: 5") + b"hello"),
    Case("a body that is a request", get(b"Content-Length: 51") + SECOND),
    Case("the same length twice", get(b"Content-Length: 0", b"Content-Length: 0")),
    Case("two lengths", get(b"Content-Length: 0", b"Content-Length: 44")),
    Case("a list of lengths", get(b"Content-Length: 0, 44")),
    Case("a length with a plus", get(b"Content-Length: +0")),
    Case("a length with a minus", get(b"Content-Length: -0")),
    Case("a hexadecimal length", get(b"Content-Length: 0x0")),
    Case("a length with a line", get(b"Content-Length: 0_0")),
    Case("a length of two zeros", get(b"Content-Length: 00")),
    Case("an empty length", get(b"Content-Length:")),
    Case("a length over 64 bits", get(b"Content-Length: 18446744073709551616")),
    Case("chunks", get(b"Transfer-Encoding: chunked") + CHUNKS),
    Case("chunks with extensions", get(b"Transfer-Encoding: chunked") + b"0;a=\nb\r\n\r\n"),
    Case("identity", get(b"Transfer-Encoding: identity")),
    Case("an unknown coding", get(b"Transfer-Encoding: xchunked")),
    Case("two codings", get(b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked")),
    Case("chunks in HTTP/1.0", get(b"Transfer-Encoding: chunked", version=b"HTTP/1.0") + CHUNKS),
    Case("a HEAD with a body", get(b"Content-Length: 5").replace(b"GET", b"HEAD") + b"hello"),
    Case("a POST with a body", get(b"Content-Length: 5").replace(b"GET", b"POST") + b"hello", 405),
    Case("a POST in chunks", get(b"Transfer-Encoding: chunked").replace(b"GET", b"POST"), 405),
    Case(
        "a POST with both",
        get(b"Content-Length: 5", b"Transfer-Encoding: chunked").replace(b"GET", b"POST"),
    ),
    Case("OPTIONS", b"OPTIONS * HTTP/1.1\r\nHost: {host}\r\n\r\n", 405),
    Case("CONNECT", b"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n", 405),
]

# A front that believes in an upgrade which was refused sends on all that follows.
UPGRADES = [
    Case("an unknown version", upgrade(version=b"777"), 426),
    Case("two versions", upgrade(b"Sec-WebSocket-Version: 8")),
    Case("two keys", upgrade(b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")),
    Case("a list of versions", upgrade(version=b"13, 8"), 426),
    Case("no key", upgrade().replace(b"Sec-WebSocket-Key", b"X-Key")),
    Case("a key of 15 bytes", upgrade().replace(SAMPLE_KEY.encode(), b"AAAAAAAAAAAAAAAAAAAA")),
    Case("an upgrade with a body", upgrade(b"Content-Length: 5") + b"hello"),
    Case("an upgrade in chunks", upgrade(b"Transfer-Encoding: chunked") + CHUNKS),
    Case("an upgrade in HTTP/1.0", upgrade().replace(b"HTTP/1.1", b"HTTP/1.0")),
    Case("an upgrade by POST", upgrade().replace(b"GET", b"POST"), 405),
    Case("an upgrade without Connection", upgrade().replace(b"Connection: Upgrade\r\n", b"")),
    Case("an upgrade without Upgrade", upgrade().replace(b"Upgrade: websocket\r\n", b"")),
    Case(
        "an upgrade to something else", upgrade().replace(b"Upgrade: websocket", b"Upgrade: h2c")
    ),
    Case("two origins", upgrade(b"Origin: http://{host}", b"Origin: http://evil.example")),
    Case("a foreign origin", upgrade(b"Origin: http://evil.example"), 403),
    Case("Hixie-76 with one key", get(*HIXIE, b"Sec-WebSocket-Key1: 1 2")),
    Case(
        "Hixie-76 without spaces",
        get(*HIXIE, b"Sec-WebSocket-Key1: 12", b"Sec-WebSocket-Key2: 1 2"),
    ),
    Case("Hixie-75 without an origin", get(*HIXIE[:2])),
]

SIZES = [
    Case("a long request line", get(target=b"/" + b"a" * 8190), 414),
    Case("a long header line", get(b"X: " + b"a" * 8190), 431),
    Case("many header lines", get(*[b"X: y"] * 100), 431),
    Case("a large head", get(*[b"X: " + b"a" * 8000] * 5), 431),
]

CASES = [*LINES, *REQUEST_LINES, *HOSTS, *BODIES, *UPGRADES, *SIZES]


@pytest.fixture(scope="module")
def proxy(lasting: Programs, tmp_path_factory: pytest.TempPathFactory) -> Proxy:
    pages: Path = tmp_path_factory.mktemp("smuggling")
    (pages / "second.txt").write_bytes(PAGE)
    return start_proxy(lasting, "echo:", "--web", pages, cwd=pages)


def for_host(request: bytes, proxy: Proxy) -> bytes:
    return request.replace(b"{host}", proxy.host.encode())


@pytest.mark.fault(42)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_is_refused_and_nothing_behind_it_is_answered(case: Case, proxy: Proxy) -> None:
    with Wire.open(proxy.port) as wire:
        wire.send(for_host(case.request + SECOND, proxy))
        answer = wire.read_answer()
        body = wire.read_to_end()  # the connection ends
    assert answer.status == case.status, body
    assert "close" in answer.headers["connection"].split(", ")
    if not case.request.startswith(b"HEAD"):
        assert len(body) == int(answer.headers["content-length"])
        assert body.endswith(b"\n")
    assert not re.search(rb"HTTP/1\.1 \d", body)
    assert PAGE not in body


def test_a_second_request_behind_a_good_one_is_answered(proxy: Proxy) -> None:
    """What the cases above would show if they were taken for good requests."""
    with Wire.open(proxy.port) as wire:
        wire.send(for_host(SECOND + SECOND, proxy))
        for _ in range(2):
            answer = wire.read_answer()
            assert answer.status == 200
            assert wire.read(int(answer.headers["content-length"])) == PAGE


LAST = {
    "Connection: close": get(b"Connection: close"),
    "HTTP/1.0": get(b"Connection: keep-alive", version=b"HTTP/1.0"),
    "an upgrade that is not made": get(b"Connection: Upgrade", b"Upgrade: h2c"),
}


@pytest.mark.parametrize("last", LAST.values(), ids=LAST)
def test_nothing_behind_a_last_request_is_answered(last: bytes, proxy: Proxy) -> None:
    with Wire.open(proxy.port) as wire:
        wire.send(for_host(last + SECOND, proxy))
        assert wire.read_answer().status == 200
        assert wire.read_to_end() == PAGE


def test_a_request_behind_an_accepted_handshake_is_no_request(proxy: Proxy) -> None:
    with Wire.open(proxy.port) as wire:
        wire.send(upgrade_request(proxy.host) + for_host(SECOND, proxy))
        assert wire.read_answer().status == 101
        code, _ = wire.read_close()
        assert code == 1002
        assert wire.read_to_end() == b""


def test_frames_behind_a_handshake_belong_to_its_session(proxy: Proxy) -> None:
    with Wire.open(proxy.port) as wire:
        wire.send(upgrade_request(proxy.host) + masked_frame(SECOND))
        assert wire.read_answer().status == 101
        assert wire.read_payload(len(SECOND)) == SECOND


def test_the_proxy_lives_on(proxy: Proxy) -> None:
    assert proxy.program.running
    assert "Traceback" not in proxy.program.output
