"""nginx and HAProxy in front, as people have them: what works, and what the answer says else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from .certificates import make_certificate
from .doors import Door
from .pools import PROXY_WORKER, WEBSOCKET_WORKER, Pool, is_alive, start_gunicorn
from .programs import Program, Programs, free_port
from .proxy import start_proxy
from .servers import documented_location, start_haproxy, start_nginx
from .targets import echo, tcp_target
from .wire import Wire, any_certificate, upgrade_request

pytestmark = pytest.mark.e2e

# A public site, and a browser on another address of this machine.
HOST, ORIGIN = "console.example", "Origin: https://console.example"
NAMED = ("--allow-origin", "https://console.example")
BROWSER = "127.0.0.2"

TWO_LINES = """
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection "upgrade";
"""

DOORS = [Door(), Door(PROXY_WORKER), Door(WEBSOCKET_WORKER), Door(patched=True)]


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with tcp_target(echo) as port:
        yield f"127.0.0.1:{port}"


def location(to: int, lines: str) -> str:
    return f"location / {{ proxy_pass http://127.0.0.1:{to}; {lines} }}"


def asked(port: int, *lines: str) -> tuple[int, bytes]:
    """What a browser's handshake through nginx is answered, and the body of a refusal."""
    with Wire.open_from(BROWSER, port) as wire:
        wire.send(upgrade_request(HOST, *lines))
        answer = wire.read_answer()
        if answer.status == 101:
            assert is_alive(wire)
            return 101, b""
        return answer.status, wire.read(int(answer.headers["content-length"]))


def test_the_documented_lines_for_nginx_are_all_it_takes(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    for door in DOORS:
        cwd = tmp_path / str(door)
        cwd.mkdir()
        proxy = door.start(programs, target, cwd, workers=1)
        port = start_nginx(programs, documented_location(proxy.port), cwd)
        assert asked(port, ORIGIN)[0] == 101
        assert asked(port, "Origin: https://evil.example")[0] == 403
        proxy.program.wait_for_output(rf"session closed id=\w+ peer={re.escape(BROWSER)} ")
        proxy.program.wait_for_output(rf"refused peer={re.escape(BROWSER)} stage=origin")


def test_two_lines_will_do_where_the_origin_is_named_or_the_profile_is_websockifys(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    plain = start_proxy(programs, target, cwd=tmp_path)
    named = start_proxy(programs, target, *NAMED, cwd=tmp_path)
    lenient = start_proxy(programs, target, "--profile", "websockify", cwd=tmp_path)
    answers = [
        asked(start_nginx(programs, location(proxy.port, TWO_LINES), tmp_path), ORIGIN)
        for proxy in (plain, named, lenient)
    ]
    assert [status for status, _ in answers] == [403, 101, 101]
    assert b"--allow-origin https://console.example" in answers[0][1]
    lenient.program.wait_for_output("would be refused by default: .*--allow-origin")


def test_without_them_the_answer_has_the_lines(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    proxy = start_proxy(programs, target, *NAMED, cwd=tmp_path)
    status, body = asked(start_nginx(programs, location(proxy.port, ""), tmp_path), ORIGIN)
    assert status == 400
    for line in TWO_LINES.strip().splitlines():
        assert line.strip().encode() in body


# -- The PROXY protocol --------------------------------------------------------------------


def standalone(programs: Programs, target: str, cert: str, cwd: Path) -> tuple[Program, int]:
    proxy = start_proxy(programs, target, "--proxy-protocol", "--cert", cert, cwd=cwd)
    return proxy.program, proxy.port


def under_gunicorn(programs: Programs, target: str, cert: str, cwd: Path) -> tuple[Program, int]:
    pool: Pool = start_gunicorn(programs, target, cwd=cwd, PROXY_PROTOCOL="1", CERT=cert)
    return pool.program, pool.port


def with_workers(programs: Programs, target: str, cert: str, cwd: Path) -> tuple[Program, int]:
    words = ("--proxy-protocol", "--cert", cert, "--workers", "2")
    proxy = start_proxy(programs, target, *words, cwd=cwd)
    return proxy.program, proxy.port


@pytest.mark.parametrize("start", [standalone, under_gunicorn, with_workers])
@pytest.mark.parametrize("version", ["send-proxy", "send-proxy-v2"])
def test_behind_haproxy_the_client_is_the_client_with_tls_and_without(
    programs: Programs, target: str, tmp_path: Path, start: object, version: str
) -> None:
    assert callable(start)
    certificate = tmp_path / "cert.pem"
    certificate.write_bytes(make_certificate(1))
    program, to = start(programs, target, str(certificate), tmp_path)
    port = free_port()
    section = f"""
listen consoles
    bind 127.0.0.1:{port}
    option tcp-check
    server one 127.0.0.1:{to} {version} check inter 100ms
"""
    haproxy = start_haproxy(programs, section, tmp_path, port)
    for tls in (None, any_certificate()):
        with Wire.open_from(BROWSER, port, tls=tls) as wire:
            wire.upgrade(HOST, ORIGIN)
            assert is_alive(wire)
            mine = f"peer={BROWSER}:{wire.sock.getsockname()[1]} "
        said = "TLSv1.3" if tls else "-"
        program.wait_for_output(rf"session closed .*{re.escape(mine)}.* tls={said}")
    # Its health checks are connections of its own, of which nothing is logged.
    haproxy.stop()
    assert "refused" not in program.output


def test_a_proxy_that_was_not_told_says_so(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    proxy = start_proxy(programs, target, cwd=tmp_path)
    port = free_port()
    section = f"""
listen consoles
    bind 127.0.0.1:{port}
    server one 127.0.0.1:{proxy.port} send-proxy-v2
"""
    start_haproxy(programs, section, tmp_path, port)
    with Wire.open(port) as wire:
        wire.send(upgrade_request(HOST))
        assert wire.read_to_end() == b""
    proxy.program.wait_for_output("refused .*reason=not-http .*--proxy-protocol")
