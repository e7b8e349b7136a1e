"""Targets as people have them: behind TLS, behind a PROXY line, and late."""

from __future__ import annotations

import hashlib
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from .certificates import make_certificate
from .doors import Door
from .pools import PROXY_WORKER, WEBSOCKET_WORKER, is_alive, start_gunicorn
from .programs import Programs, free_port
from .proxy import Proxy, start_proxy
from .servers import start_haproxy, start_stunnel
from .targets import echo, tcp_target
from .wire import SECONDS, Wire, any_certificate, masked_frame, upgrade_request

pytestmark = pytest.mark.e2e

BROWSER = "127.0.0.2"


@pytest.fixture(scope="module")
def service() -> Iterator[int]:
    with tcp_target(echo) as port:
        yield port


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    """The certificate of the service behind TLS, and its key."""
    path = tmp_path / "service.pem"
    path.write_bytes(make_certificate(1, ["localhost", "vm.example"]))
    return path


@pytest.fixture
def ca(pem: Path) -> Path:
    path = pem.with_name("ca.pem")
    path.write_bytes(pem.read_bytes().partition(b"-----BEGIN PRIVATE")[0])
    return path


def fingerprint(programs: Programs, pem: Path) -> str:
    """As openssl prints it."""
    words = ("openssl", "x509", "-in", pem, "-noout", "-fingerprint", "-sha256")
    return programs.start(*words).wait_for_output("=([0-9A-F:]+)")[1]


# -- Over TLS ------------------------------------------------------------------------------


def carries(proxy: Proxy) -> bool:
    with Wire.open(proxy.port) as wire:
        wire.upgrade(proxy.host)
        return is_alive(wire)


def refusal(proxy: Proxy) -> tuple[int, str]:
    with Wire.open(proxy.port) as wire:
        wire.upgrade(proxy.host)
        return wire.read_close()


def test_a_service_behind_stunnel_is_reached_if_it_is_who_it_should_be(
    programs: Programs, service: int, tmp_path: Path, pem: Path, ca: Path
) -> None:
    port = start_stunnel(programs, f"cert = {pem}", tmp_path, service)
    pin = fingerprint(programs, pem)
    for arguments in (
        [f"tls://localhost:{port}?ca={ca}"],
        [f"tls://127.0.0.1:{port}?ca={ca}&sni=vm.example"],
        [f"tls://127.0.0.1:{port}?pin={pin}"],
        [f"localhost:{port}", "--ssl-target", "--target-ca", str(ca)],
        [f"tls://127.0.0.1:{port}", "--target-ca", str(ca), "--target-sni", "vm.example"],
        [f"tls://127.0.0.1:{port}", "--target-pin", pin],
    ):
        proxy = start_proxy(programs, *arguments, cwd=tmp_path)
        assert carries(proxy), arguments
        proxy.program.stop()


def test_one_that_is_somebody_else_is_not(
    programs: Programs, service: int, tmp_path: Path, pem: Path, ca: Path
) -> None:
    port = start_stunnel(programs, f"cert = {pem}", tmp_path, service)
    for target, why in (
        (f"tls://localhost:{port}", "self-signed certificate"),
        (f"tls://127.0.0.1:{port}?ca={ca}", "mismatch"),
        (f"tls://localhost:{port}?pin={'0' * 64}", "another digest"),
        (f"tls://localhost:{service}?ca={ca}", "TLS handshake failed"),
    ):
        proxy = start_proxy(programs, target, cwd=tmp_path)
        code, reason = refusal(proxy)
        assert (code, "localhost" in reason) == (1011, False)
        proxy.program.wait_for_output(rf"stage=dial reason=target-untrusted .*({why})")
        proxy.program.stop()


def test_no_verification_is_to_be_had_with_a_warning(
    programs: Programs, service: int, tmp_path: Path, pem: Path
) -> None:
    port = start_stunnel(programs, f"cert = {pem}", tmp_path, service)
    proxy = start_proxy(programs, f"tls://127.0.0.1:{port}", "--target-insecure", cwd=tmp_path)
    assert carries(proxy)
    proxy.program.wait_for_output("not verified")


def test_a_service_that_asks_for_a_certificate_gets_ours(
    programs: Programs, service: int, tmp_path: Path, pem: Path, ca: Path
) -> None:
    ours = tmp_path / "ours.pem"
    ours.write_bytes(make_certificate(2))
    options = f"cert = {pem}\nverifyPeer = yes\nCAfile = {ours}"
    port = start_stunnel(programs, options, tmp_path, service)
    target = f"tls://localhost:{port}?ca={ca}"
    assert carries(start_proxy(programs, f"{target}&cert={ours}", cwd=tmp_path))
    # TLS 1.3 refuses behind the handshake: the session opens and ends.
    code, _ = refusal(start_proxy(programs, target, cwd=tmp_path))
    assert code == 1011


@pytest.mark.parametrize(
    "door", [Door(PROXY_WORKER), Door(WEBSOCKET_WORKER), Door(patched=True)], ids=str
)
def test_every_door_leads_to_targets_over_tls(
    programs: Programs, service: int, tmp_path: Path, pem: Path, ca: Path, door: Door
) -> None:
    port = start_stunnel(programs, f"cert = {pem}", tmp_path, service)
    pool = door.start(programs, f"tls://localhost:{port}?ca={ca}", tmp_path, workers=1)
    with pool.session() as wire:
        assert is_alive(wire)


def test_eight_mebibytes_pass_tls_on_both_sides_whole(
    programs: Programs, service: int, tmp_path: Path, pem: Path, ca: Path
) -> None:
    port = start_stunnel(programs, f"cert = {pem}", tmp_path, service)
    target = f"tls://localhost:{port}?ca={ca}"
    proxy = start_proxy(programs, target, "--cert", pem, cwd=tmp_path)
    piece = os.urandom(64 * 1024)
    sent, got = hashlib.sha256(), hashlib.sha256()
    with Wire.open(proxy.port, tls=any_certificate()) as wire:
        wire.upgrade(proxy.host)
        for number in range(128):
            payload = number.to_bytes(4, "big") + piece
            wire.send(masked_frame(payload))
            sent.update(payload)
            got.update(wire.read_payload(len(payload)))
    assert got.digest() == sent.digest()


# -- A PROXY line ------------------------------------------------------------------------

LOG_FORMAT = (
    'log-format "told client=%ci:%cp to=%[dst]:%[dst_port]'
    ' id=%[fc_pp_unique_id] sni=%[ssl_fc_sni]"'
)


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("kind", ["tcp", "unix", "tls"])
def test_haproxy_behind_is_told_who_the_client_is(
    programs: Programs, service: int, tmp_path: Path, pem: Path, kind: str, version: str
) -> None:
    port, ready, path = free_port(), free_port(), tmp_path / "service.sock"
    binds = {
        "tcp": f"127.0.0.1:{port} accept-proxy",
        "unix": f"unix@{path} accept-proxy",
        "tls": f"127.0.0.1:{port} accept-proxy ssl crt {pem}",
    }
    section = f"""
listen services
    bind {binds[kind]}
    bind 127.0.0.1:{ready}
    {LOG_FORMAT}
    server one 127.0.0.1:{service}
"""
    haproxy = start_haproxy(programs, section, tmp_path, ready)
    targets = {
        "tcp": f"127.0.0.1:{port}",
        "unix": f"unix:{path}",
        "tls": f"tls://127.0.0.1:{port}?pin={fingerprint(programs, pem)}&sni=vm.example",
    }
    proxy = start_proxy(programs, targets[kind], "--send-proxy", version, cwd=tmp_path)
    with Wire.open_from(BROWSER, proxy.port) as wire:
        wire.upgrade(proxy.host)
        assert is_alive(wire)
        client = f"{BROWSER}:{wire.sock.getsockname()[1]}"
    session = proxy.program.wait_for_output(rf"session opened id=(\w+) peer={re.escape(client)} ")
    told_id = session[1] if version == "v2" else "-"
    ends = re.escape(f"client={client} to=127.0.0.1:{proxy.port}")
    sni = "vm.example" if kind == "tls" else "-"
    haproxy.wait_for_output(rf"told {ends} id={told_id} sni={sni}")


@pytest.mark.parametrize("worker", [PROXY_WORKER, WEBSOCKET_WORKER])
def test_under_gunicorn_a_target_is_told_too(
    programs: Programs, tmp_path: Path, worker: str
) -> None:
    heard: list[bytes] = []

    def listen(sock: socket.socket) -> None:
        with sock.makefile("rb", buffering=0) as first:  # reads no byte behind the line
            heard.append(first.readline())
        echo(sock)

    with tcp_target(listen) as to:
        target = f"127.0.0.1:{to}"
        pool = start_gunicorn(programs, target, cwd=tmp_path, worker=worker, SEND_PROXY="v1")
        with pool.session() as wire:
            mine = wire.sock.getsockname()[1]
            assert is_alive(wire)
    assert heard == [f"PROXY TCP4 127.0.0.1 127.0.0.1 {mine} {pool.port}\r\n".encode()]


# -- Not there yet -----------------------------------------------------------------------


def test_a_service_that_starts_late_is_waited_for(programs: Programs, tmp_path: Path) -> None:
    with socket.socket() as late:
        late.settimeout(SECONDS)
        late.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{late.getsockname()[1]}"
        proxy = start_proxy(programs, target, "--dial-wait", "30", cwd=tmp_path)
        with Wire.open(proxy.port) as wire:
            wire.send(upgrade_request(proxy.host) + masked_frame(b"early"))
            wire.wait_until_read()
            late.listen()
            accepted, _ = late.accept()
            with accepted:
                assert wire.read_answer().status == 101
                assert accepted.recv(5) == b"early"


def test_one_that_is_down_is_told_by_close_or_by_status(
    programs: Programs, tmp_path: Path
) -> None:
    with socket.socket() as down:
        down.bind(("127.0.0.1", 0))  # and nobody else has the port
        target = f"127.0.0.1:{down.getsockname()[1]}"
        closing = start_proxy(programs, target, cwd=tmp_path)
        code, reason = refusal(closing)
        assert (code, reason) == (1011, "the target refused the connection: is its server up?")
        telling = start_proxy(programs, target, "--dial-error", "http", cwd=tmp_path)
        with Wire.open(telling.port) as wire:
            wire.send(upgrade_request(telling.host))
            answer = wire.read_answer()
        assert (answer.status, answer.headers["wsproxy-reason"]) == (502, "target-refused")


def test_one_that_is_silent_is_504(programs: Programs, tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        target = f"tls://127.0.0.1:{silent.getsockname()[1]}"
        words = (target, "--dial-error", "http", "--dial-timeout", "0.3")
        proxy = start_proxy(programs, *words, cwd=tmp_path)
        with Wire.open(proxy.port) as wire:
            wire.send(upgrade_request(proxy.host))
            answer = wire.read_answer()
        assert (answer.status, answer.headers["wsproxy-reason"]) == (504, "target-timeout")
