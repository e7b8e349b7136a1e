"""gunicorn with our worker behind a balancer that speaks the PROXY protocol."""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from .certificates import make_certificate
from .pools import Pool, is_alive, start_gunicorn
from .programs import Programs
from .targets import echo, tcp_target
from .wire import Wire, any_certificate, masked_frame, upgrade_request

pytestmark = pytest.mark.e2e

CLIENT, PORT = "192.0.2.1", 56324


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with tcp_target(echo) as port:
        yield f"127.0.0.1:{port}"


def text_line(pool: Pool) -> bytes:
    return f"PROXY TCP4 {CLIENT} 127.0.0.1 {PORT} {pool.port}\r\n".encode()


def binary_line(pool: Pool) -> bytes:
    ends = socket.inet_aton(CLIENT) + socket.inet_aton("127.0.0.1")
    block = ends + struct.pack("!HH", PORT, pool.port)
    return b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack("!H", len(block)) + block


LINES = {"v1": text_line, "v2": binary_line}


@pytest.mark.parametrize("mode", ["v1", "v2", "auto"])
def test_the_client_whom_a_line_names_stands_in_both_logs(
    programs: Programs, target: str, tmp_path: Path, mode: str
) -> None:
    pool = start_gunicorn(
        *(programs, target, f"--proxy-protocol={mode}", "--access-logfile", "-"), cwd=tmp_path
    )
    taken = [name for name in LINES if mode in (name, "auto")]
    for name, line in LINES.items():
        with Wire.open(pool.port) as wire:
            wire.send(line(pool) + upgrade_request("console.example") + masked_frame(b"hi"))
            if name in taken:
                assert wire.read_answer().status == 101
                assert wire.read_payload(2) == b"hi"
            else:
                assert wire.read_to_end() == b""
    peer = re.escape(f"peer={CLIENT}:{PORT} ")
    pool.program.wait_for_output(rf"(?s)(session closed id=\w+ {peer}.*){{{len(taken)}}}")
    pool.program.wait_for_output(rf'(?m)^{re.escape(CLIENT)} .*"GET / HTTP/1.1" 101 ')
    refusals = len(LINES) - len(taken)
    pool.program.wait_for_output(rf"(?s)(refused peer=127\.0\.0\.1:.*){{{refusals}}}")
    assert pool.program.output.count("refused peer=") == refusals


def test_tls_and_a_frame_behind_the_line_are_whole(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    certificate = tmp_path / "cert.pem"
    certificate.write_bytes(make_certificate(7))
    pool = start_gunicorn(
        *(programs, target, "--proxy-protocol=v2", "--certfile", str(certificate)), cwd=tmp_path
    )
    with Wire.open(pool.port) as plain:
        plain.send(binary_line(pool))
        with Wire(any_certificate().wrap_socket(plain.sock)) as wire:
            wire.upgrade(pool.host)
            assert is_alive(wire)
    pool.program.wait_for_output(rf"closed .*peer={CLIENT}:{PORT} .* tls=TLSv1.3")


def test_only_who_may_speak_for_others_is_believed(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    pool = start_gunicorn(
        *(programs, target, "--proxy-protocol=auto", "--proxy-allow-from", "10.0.0.0/8"),
        cwd=tmp_path,
    )
    with pool.session() as wire:
        assert is_alive(wire)
    with Wire.open(pool.port) as wire:
        wire.send(text_line(pool) + upgrade_request(pool.host))
        assert wire.read_answer().status == 400
    pool.program.wait_for_output(r"refused peer=127\.0\.0\.1:\d+ stage=request")
    assert CLIENT not in pool.program.output.replace("PROXY", "")
