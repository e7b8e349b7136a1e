"""What browsers spoke before RFC 6455, and Flash, by raw bytes to the real process."""

from __future__ import annotations

import base64
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from .programs import Programs
from .proxy import Proxy, start_proxy
from .targets import tcp_target
from .wire import SAMPLE_ACCEPT, Answer, Wire, any_certificate, masked_frame, upgrade_request

pytestmark = pytest.mark.e2e

# draft-hixie-thewebsocketprotocol-76, its own example.
KEY_1 = "18x 6]8vM;54 *(5:  {   U1]8  z [  8"
KEY_2 = "1_ tx7X d  <  nw  334J702) 7]o}` 0"
KEY_3 = b"Tm[K T2u"
ANSWER = b"fQJ,fN/4F4!~K~MH"

PAYLOAD = bytes([0, 255, 13, 10, 60, 200]) + b"RFB 003.008\n"
PLUS_ONE = bytes((byte + 1) & 0xFF for byte in PAYLOAD)


def plus_one(sock: socket.socket) -> None:
    """Unlike an echo it tells decoded payload from payload passed on as it came."""
    while data := sock.recv(65536):
        sock.sendall(bytes((byte + 1) & 0xFF for byte in data))


@pytest.fixture(scope="module")
def target() -> Iterator[int]:
    with tcp_target(plus_one) as port:
        yield port


@pytest.fixture(scope="module")
def proxy(lasting: Programs, target: int, tmp_path_factory: pytest.TempPathFactory) -> Proxy:
    cwd: Path = tmp_path_factory.mktemp("legacy")
    return start_proxy(lasting, f"127.0.0.1:{target}", "--cert", "auto", cwd=cwd)


def hixie_request(proxy: Proxy, *lines: str, scheme: str = "http") -> bytes:
    head = [
        "GET /demo HTTP/1.1",
        f"Host: {proxy.host}",
        "Connection: Upgrade",
        "Upgrade: WebSocket",
        f"Origin: {scheme}://{proxy.host}",
        *lines,
    ]
    return "\r\n".join([*head, "", ""]).encode()


def hixie_76(proxy: Proxy, scheme: str = "http") -> bytes:
    keys = (f"Sec-WebSocket-Key2: {KEY_2}", f"Sec-WebSocket-Key1: {KEY_1}")
    return hixie_request(proxy, *keys, scheme=scheme) + KEY_3


def hixie_frame(payload: bytes) -> bytes:
    return b"\x00" + base64.b64encode(payload) + b"\xff"


def read_hixie(wire: Wire, size: int) -> bytes:
    got = b""
    while len(got) < size:
        assert wire.read(1) == b"\x00"
        got += base64.b64decode(wire.read_until(b"\xff")[:-1], validate=True)
    return got


def check_76(wire: Wire, proxy: Proxy, scheme: str = "ws") -> Answer:
    """The answer to `hixie_76`, digest and all."""
    answer = wire.read_answer()
    assert answer.status == 101
    assert answer.headers["upgrade"] == "WebSocket"
    assert answer.headers["connection"] == "Upgrade"
    assert answer.headers["sec-websocket-location"] == f"{scheme}://{proxy.host}/demo"
    assert wire.read(16) == ANSWER
    return answer


@pytest.mark.row("clients before RFC 6455")
def test_hixie_76_gives_the_drafts_own_answer(proxy: Proxy) -> None:
    with Wire.open(proxy.port) as wire:
        wire.send(hixie_76(proxy))
        answer = check_76(wire, proxy)
        assert answer.headers["sec-websocket-origin"] == f"http://{proxy.host}"
        wire.send(hixie_frame(PAYLOAD))
        assert read_hixie(wire, len(PAYLOAD)) == PLUS_ONE


def test_hixie_76_over_tls_names_wss(proxy: Proxy) -> None:
    with Wire.open(proxy.port, tls=any_certificate()) as wire:
        wire.send(hixie_76(proxy, "https"))
        check_76(wire, proxy, "wss")
        wire.send(hixie_frame(PAYLOAD))
        assert read_hixie(wire, len(PAYLOAD)) == PLUS_ONE


@pytest.mark.deadline(120)
def test_a_hixie_76_handshake_may_be_cut_anywhere(proxy: Proxy) -> None:
    request = hixie_76(proxy)
    for cut in range(1, len(request)):
        with Wire.open(proxy.port) as wire:
            wire.send(request[:cut])
            wire.wait_until_read()
            wire.send(request[cut:] + hixie_frame(PAYLOAD))
            check_76(wire, proxy)
            assert read_hixie(wire, len(PAYLOAD)) == PLUS_ONE, f"cut at {cut}"


def test_a_hixie_76_handshake_may_come_byte_by_byte(proxy: Proxy) -> None:
    with Wire.open(proxy.port) as wire:
        for byte in hixie_76(proxy):
            wire.send(bytes([byte]))
            wire.wait_until_read()
        check_76(wire, proxy)


@pytest.mark.parametrize("key_3", [b"\r\n\r\n\x00\xff\r\n", bytes(8), b"\xff" * 8, b"GET / HT"])
def test_the_eight_key_bytes_may_be_any(key_3: bytes, proxy: Proxy) -> None:
    with Wire.open(proxy.port) as wire:
        wire.send(hixie_76(proxy)[:-8])
        wire.wait_until_read()
        wire.send(key_3)
        assert wire.read_answer().status == 101
        assert len(wire.read(16)) == 16
        wire.send(hixie_frame(b"x"))
        assert read_hixie(wire, 1) == b"y"


def test_hixie_frames_may_be_cut_anywhere(proxy: Proxy) -> None:
    frames = hixie_frame(PAYLOAD) + hixie_frame(PAYLOAD[:5])
    with Wire.open(proxy.port) as wire:
        wire.send(hixie_76(proxy))
        check_76(wire, proxy)
        for cut in range(len(frames) + 1):
            wire.send(frames[:cut])
            wire.wait_until_read()
            wire.send(frames[cut:])
            got = read_hixie(wire, len(PAYLOAD) + 5)
            assert got == PLUS_ONE + PLUS_ONE[:5], f"cut at {cut}"


def test_a_hixie_76_close_is_answered(proxy: Proxy) -> None:
    with Wire.open(proxy.port) as wire:
        wire.send(hixie_76(proxy))
        check_76(wire, proxy)
        wire.send(hixie_frame(PAYLOAD) + b"\xff\x00")
        answered = wire.read_to_end()
        assert answered.endswith(b"\xff\x00")


def test_hixie_75_has_no_challenge(proxy: Proxy) -> None:
    with Wire.open(proxy.port) as wire:
        wire.send(hixie_request(proxy))
        answer = wire.read_answer()
        assert answer.status == 101
        assert answer.headers["websocket-origin"] == f"http://{proxy.host}"
        assert answer.headers["websocket-location"] == f"ws://{proxy.host}/demo"
        wire.send(hixie_frame(PAYLOAD))
        assert read_hixie(wire, len(PAYLOAD)) == PLUS_ONE


@pytest.mark.row("clients before RFC 6455")
@pytest.mark.parametrize("version", ["7", "8"])
def test_hybi_drafts_are_spoken(version: str, proxy: Proxy) -> None:
    origin = f"Sec-WebSocket-Origin: http://{proxy.host}"
    with Wire.open(proxy.port) as wire:
        wire.send(upgrade_request(proxy.host, origin, version=version))
        answer = wire.read_answer()
        assert answer.status == 101
        assert answer.headers["sec-websocket-accept"] == SAMPLE_ACCEPT
        wire.send(masked_frame(PAYLOAD))
        assert wire.read_payload(len(PAYLOAD)) == PLUS_ONE


POLICY_REQUEST = b"<policy-file-request/>"


def check_policy(policy: bytes, proxy: Proxy) -> None:
    assert policy.endswith(b"\x00")
    assert re.search(rb'<allow-access-from domain="\*" to-ports="(\d+)" ?/>', policy)
    assert f'to-ports="{proxy.port}"'.encode() in policy


@pytest.mark.row("Flash policy request")
@pytest.mark.parametrize("end", [b"\x00", b""], ids=["with NUL", "without"])
def test_flash_gets_its_policy_for_our_own_port(end: bytes, proxy: Proxy) -> None:
    with Wire.open(proxy.port) as wire:
        wire.send(POLICY_REQUEST + end)
        check_policy(wire.read_to_end(), proxy)


def test_flash_may_ask_byte_by_byte(proxy: Proxy) -> None:
    with Wire.open(proxy.port) as wire:
        for byte in POLICY_REQUEST:
            wire.send(bytes([byte]))
            wire.wait_until_read()
        check_policy(wire.read_to_end(), proxy)


def test_no_legacy_refuses_flash_and_all_dialects_but_rfc_6455(
    programs: Programs, target: int, tmp_path: Path
) -> None:
    strict = start_proxy(programs, f"127.0.0.1:{target}", "--no-legacy", cwd=tmp_path)
    drafts = [
        hixie_request(strict),
        hixie_76(strict),
        upgrade_request(strict.host, version="7"),
        upgrade_request(strict.host, version="8"),
    ]
    for request in drafts:
        with Wire.open(strict.port) as wire:
            wire.send(request)
            answer = wire.read_answer()
            assert answer.status == 426
            assert answer.headers["sec-websocket-version"] == "13"
            assert answer.headers["wsproxy-reason"] == "legacy-refused"
    with Wire.open(strict.port) as wire:
        wire.upgrade(strict.host)
    with Wire.open(strict.port) as wire:
        wire.send(POLICY_REQUEST)
        assert wire.read_to_end() == b""
