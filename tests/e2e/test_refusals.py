"""What is refused before the 101: by which status, in which words, and that it is final."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from .programs import Programs, free_port
from .proxy import Proxy, start_proxy
from .targets import echo, tcp_target
from .wire import Wire, any_certificate, masked_frame, upgrade_request

pytestmark = pytest.mark.e2e


@dataclass(frozen=True, slots=True)
class Refusal:
    """`{host}` in the request stands for the proxy's own Host."""

    name: str
    request: str
    status: int
    reason: str
    header: tuple[str, str] = ("", "")


UPGRADE = upgrade_request("{host}").decode()

REFUSALS = [
    Refusal(
        "unknown version",
        UPGRADE.replace("Version: 13", "Version: 99"),
        426,
        "version-refused",
        ("sec-websocket-version", "13"),
    ),
    Refusal(
        "no key",
        UPGRADE.replace("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""),
        400,
        "bad-handshake",
    ),
    Refusal(
        "short key", UPGRADE.replace("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="), 400, "bad-handshake"
    ),
    Refusal(
        "POST",
        "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n",
        405,
        "method-not-allowed",
        ("allow", "GET, HEAD"),
    ),
    Refusal("POST upgrade", UPGRADE.replace("GET", "POST"), 405, "method-not-allowed"),
    Refusal(
        "foreign origin",
        UPGRADE.replace("\r\n\r\n", "\r\nOrigin: http://evil.example\r\n\r\n"),
        403,
        "origin-refused",
    ),
    Refusal(
        "null origin",
        UPGRADE.replace("\r\n\r\n", "\r\nOrigin: null\r\n\r\n"),
        403,
        "origin-refused",
    ),
    Refusal(
        "rebound host",
        UPGRADE.replace("{host}", "evil.example"),
        421,
        "host-refused",
    ),
    Refusal("rebound page", "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421, "host-refused"),
    Refusal(
        "huge header",
        f"GET / HTTP/1.1\r\nHost: {{host}}\r\nCookie: {'c' * 9000}\r\n\r\n",
        431,
        "headers-too-large",
    ),
    Refusal(
        "many headers",
        "GET / HTTP/1.1\r\nHost: {host}\r\n" + "X: y\r\n" * 101 + "\r\n",
        431,
        "headers-too-large",
    ),
    Refusal(
        "long request line",
        f"GET /{'a' * 9000} HTTP/1.1\r\nHost: {{host}}\r\n\r\n",
        414,
        "request-line-too-long",
    ),
    Refusal("no host", "GET / HTTP/1.1\r\n\r\n", 400, "bad-request"),
    Refusal(
        "folded header", "GET / HTTP/1.1\r\nHost: {host}\r\nA: b\r\n c\r\n\r\n", 400, "bad-request"
    ),
    Refusal(
        "a body",
        "GET / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\n\r\nhello",
        400,
        "bad-request",
    ),
    Refusal("no HTTP version", "GET /\r\n\r\n", 400, "bad-request"),
]


@pytest.fixture(scope="module")
def target() -> Iterator[int]:
    with tcp_target(echo) as port:
        yield port


@pytest.fixture(scope="module")
def proxy(lasting: Programs, target: int, tmp_path_factory: pytest.TempPathFactory) -> Proxy:
    return start_proxy(lasting, f"127.0.0.1:{target}", cwd=tmp_path_factory.mktemp("refusals"))


def check_reason_in_words(body: bytes) -> None:
    assert body.strip(), "no reason in the body"
    assert len(body.strip().splitlines()) == 1
    assert b" " in body.strip()


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.name)
def test_a_refusal_names_its_status_and_reason_and_is_final(
    refusal: Refusal, proxy: Proxy
) -> None:
    second = "GET /second HTTP/1.1\r\nHost: {host}\r\n\r\n"
    with Wire.open(proxy.port) as wire:
        wire.send((refusal.request + second).replace("{host}", proxy.host).encode())
        answer = wire.read_answer()
        body = wire.read_to_end()
    assert (answer.status, answer.headers.get("wsproxy-reason")) == (
        refusal.status,
        refusal.reason,
    )
    assert int(answer.headers["content-length"]) == len(body), "the second request was answered"
    check_reason_in_words(body)
    name, value = refusal.header
    assert not name or value in answer.headers[name]


@pytest.mark.parametrize("first", [b"\x00", b"\xff\xfe", b"ssh", b"\r\n"])
def test_bytes_that_are_no_protocol_are_closed_upon(first: bytes, proxy: Proxy) -> None:
    with Wire.open(proxy.port) as wire:
        wire.send(first)
        wire.sock.shutdown(socket.SHUT_WR)
        assert wire.read_to_end() == b""


def test_a_tls_hello_without_a_certificate_is_closed_and_the_log_says_what_to_do(
    proxy: Proxy,
) -> None:
    with Wire.open(proxy.port) as wire:
        wire.send(b"\x16\x03\x01\x00\x05hello")
        assert not wire.read_to_end().startswith(b"HTTP")
    proxy.program.wait_for_output(r"--cert")


def test_a_foreign_origin_that_is_allowed_gets_in(
    programs: Programs, target: int, tmp_path: Path
) -> None:
    allowed = ("--allow-origin", "http://good.example")
    proxy = start_proxy(programs, f"127.0.0.1:{target}", *allowed, cwd=tmp_path)
    with Wire.open(proxy.port) as wire:
        wire.upgrade(proxy.host, "Origin: http://good.example")
    with Wire.open(proxy.port) as wire:
        wire.send(upgrade_request(proxy.host, "Origin: http://bad.example"))
        assert wire.read_answer().status == 403


@pytest.mark.row("the target is down")
def test_a_closed_target_is_told_in_a_close(programs: Programs, tmp_path: Path) -> None:
    proxy = start_proxy(programs, f"127.0.0.1:{free_port()}", cwd=tmp_path)
    with Wire.open(proxy.port) as wire:
        wire.upgrade(proxy.host)
        code, reason = wire.read_close()
    assert code == 1011
    assert reason
    assert "127.0.0.1" not in reason


@pytest.mark.row("the target is down")
def test_a_closed_target_is_told_in_http_where_that_is_wanted(
    programs: Programs, tmp_path: Path
) -> None:
    proxy = start_proxy(programs, f"127.0.0.1:{free_port()}", "--dial-error=http", cwd=tmp_path)
    with Wire.open(proxy.port) as wire:
        wire.send(upgrade_request(proxy.host))
        answer = wire.read_answer()
        check_reason_in_words(wire.read_to_end())
    assert answer.status == 502
    assert answer.headers["wsproxy-reason"] == "target-refused"


@pytest.mark.parametrize("secure", [False, True])
def test_a_client_that_leaves_frees_its_place_before_the_target_answers(
    programs: Programs, tmp_path: Path, secure: bool
) -> None:
    """With room for one connection: it must be free long before the dial has had its time."""
    options = ("--max-connections", "1", "--dial-wait", "60", "--cert", "auto", "--verbose")
    with socket.socket() as refusing:
        refusing.bind(("127.0.0.1", 0))
        proxy = start_proxy(
            programs, f"127.0.0.1:{refusing.getsockname()[1]}", *options, cwd=tmp_path
        )
        with Wire.open(proxy.port, tls=any_certificate() if secure else None) as wire:
            wire.send(upgrade_request(proxy.host) + masked_frame(b"said at once"))
            wire.wait_until_read()
        with Wire.open(proxy.port) as wire:
            wire.send(f"GET /absent HTTP/1.1\r\nHost: {proxy.host}\r\n\r\n".encode())
            assert wire.read_answer().status == 426
    proxy.program.wait_for_output("stage=dial .*reason=peer-left")


def test_a_target_that_is_down_at_start_is_reached_once_it_is_up(
    programs: Programs, tmp_path: Path
) -> None:
    with socket.socket() as late:
        late.bind(("127.0.0.1", 0))
        proxy = start_proxy(programs, f"127.0.0.1:{late.getsockname()[1]}", cwd=tmp_path)
        late.listen()
        with Wire.open(proxy.port) as wire:
            wire.upgrade(proxy.host)


def test_ssl_only_refuses_plain_requests_in_words(
    programs: Programs, target: int, tmp_path: Path
) -> None:
    secure = ("--cert", "auto", "--ssl-only")
    proxy = start_proxy(programs, f"127.0.0.1:{target}", *secure, cwd=tmp_path)
    with Wire.open(proxy.port) as wire:
        wire.send(upgrade_request(proxy.host))
        answer = wire.read_answer()
    assert (answer.status, answer.headers["wsproxy-reason"]) == (403, "tls-required")


def test_a_silent_client_is_cut_at_the_opening_deadline(
    programs: Programs, target: int, tmp_path: Path
) -> None:
    proxy = start_proxy(programs, f"127.0.0.1:{target}", "--opening-timeout", "1", cwd=tmp_path)
    with Wire.open(proxy.port) as silent, Wire.open(proxy.port) as slow:
        slow.send(b"GET / HTTP/1.1\r\n")
        assert silent.read_to_end() == b""
        assert slow.read_answer().status == 408
