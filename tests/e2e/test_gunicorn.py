"""gunicorn with either worker: sessions, pages, sockets, and what only one of them can."""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .certificates import make_certificate
from .pools import (
    APPLICATION,
    GOING_AWAY,
    GUNICORN,
    PROXY_WORKER,
    WEBSOCKET_WORKER,
    Pool,
    agree_to_close,
    environment,
    is_alive,
    sessions,
    start_gunicorn,
    unix_session,
)
from .programs import Programs
from .targets import echo, tcp_target
from .test_legacy import ANSWER, KEY_1, KEY_2, KEY_3, hixie_frame, read_hixie
from .wire import Wire, any_certificate, masked_frame, upgrade_request

pytestmark = pytest.mark.e2e

both_workers = pytest.mark.parametrize("worker", [PROXY_WORKER, WEBSOCKET_WORKER])

PAYLOAD = bytes(range(256)) * 40


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with tcp_target(echo) as port:
        yield f"127.0.0.1:{port}"


@pytest.fixture(scope="module", params=[PROXY_WORKER, WEBSOCKET_WORKER])
def pool(
    request: pytest.FixtureRequest,
    lasting: Programs,
    target: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Pool:
    """One process with that worker, an access log, records and files."""
    cwd = tmp_path_factory.mktemp("gunicorn")
    (cwd / "page.txt").write_text("a page")
    return start_gunicorn(
        *(lasting, target, "--access-logfile", "-"),
        worker=request.param,
        cwd=cwd,
        WEB=str(cwd),
        RECORD=f"{cwd}/record",
    )


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    path = tmp_path / "cert.pem"
    path.write_bytes(make_certificate(7))
    return path


# -- Sessions --------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["13", "8", "7"])
def test_hybi_is_spoken_in_each_version(pool: Pool, version: str) -> None:
    with Wire.open(pool.port) as wire:
        wire.send(upgrade_request(pool.host, version=version))
        assert wire.read_answer().status == 101
        wire.send(masked_frame(PAYLOAD))
        assert wire.read_payload(len(PAYLOAD)) == PAYLOAD


@pytest.mark.parametrize("offered", ["binary", "base64", "mqtt"])
def test_the_subprotocol_is_one_that_was_offered(pool: Pool, offered: str) -> None:
    with Wire.open(pool.port) as wire:
        answer = wire.upgrade(pool.host, f"Sec-WebSocket-Protocol: {offered}")
        assert answer.headers["sec-websocket-protocol"] == offered
        sent = base64.b64encode(PAYLOAD) if offered == "base64" else PAYLOAD
        wire.send(masked_frame(sent))
        size = len(PAYLOAD) if offered != "base64" else len(sent)
        assert len(wire.read_payload(size)) == size


def test_hixie_76_is_spoken_with_its_key_behind_the_head(pool: Pool) -> None:
    head = [
        "GET /demo HTTP/1.1",
        f"Host: {pool.host}",
        "Connection: Upgrade",
        "Upgrade: WebSocket",
        f"Origin: http://{pool.host}",
        f"Sec-WebSocket-Key2: {KEY_2}",
        f"Sec-WebSocket-Key1: {KEY_1}",
    ]
    with Wire.open(pool.port) as wire:
        wire.send("\r\n".join([*head, "", ""]).encode())
        wire.send(KEY_3)
        assert wire.read_answer().status == 101
        assert wire.read(16) == ANSWER
        wire.send(hixie_frame(PAYLOAD))
        assert read_hixie(wire, len(PAYLOAD)) == PAYLOAD


def test_frames_that_come_with_the_handshake_are_not_lost(pool: Pool) -> None:
    with Wire.open(pool.port) as wire:
        wire.send(upgrade_request(pool.host) + masked_frame(b"one") + masked_frame(b"two"))
        assert wire.read_answer().status == 101
        assert wire.read_payload(6) == b"onetwo"


def test_more_behind_the_handshake_than_a_buffer_holds_is_not_lost(pool: Pool) -> None:
    with Wire.open(pool.port) as wire:
        wire.send(upgrade_request(pool.host) + masked_frame(PAYLOAD) * 4)
        assert wire.read_answer().status == 101
        assert wire.read_payload(4 * len(PAYLOAD)) == PAYLOAD * 4


def test_an_unmasked_frame_is_a_protocol_error(pool: Pool) -> None:
    with Wire.open(pool.port) as wire:
        wire.upgrade(pool.host)
        wire.send(b"\x82\x02no")
        assert wire.read_close()[0] == 1002


@pytest.mark.parametrize(
    ("lines", "status", "slug"),
    [
        (("Origin: http://elsewhere.example",), 403, "origin-refused"),
        (("X-A: " + "a" * 9000,), 431, "headers-too-large"),
        (("Content-Length: 5",), 400, "bad-request"),
        (("Host: second.example",), 400, "bad-request"),
    ],
)
def test_what_is_refused_elsewhere_is_refused_here(
    pool: Pool, lines: tuple[str, ...], status: int, slug: str
) -> None:
    with Wire.open(pool.port) as wire:
        wire.send(upgrade_request(pool.host, *lines))
        answer = wire.read_answer()
        assert (answer.status, answer.headers["wsproxy-reason"]) == (status, slug)


def test_a_foreign_host_is_refused_on_loopback(pool: Pool) -> None:
    for request in (
        upgrade_request("evil.example"),
        b"GET / HTTP/1.0\r\nHost: evil.example\r\n\r\n",
    ):
        with Wire.open(pool.port) as wire:
            wire.send(request)
            assert wire.read_answer().status == 421


def test_pages_come_from_the_same_application(pool: Pool) -> None:
    with Wire.open(pool.port) as wire:
        for _ in range(2):  # on one connection
            wire.send(f"GET /page.txt HTTP/1.1\r\nHost: {pool.host}\r\n\r\n".encode())
            assert wire.read_answer().headers["etag"]
            assert wire.read(6) == b"a page"
        wire.send(upgrade_request(pool.host))
        assert wire.read_answer().status == 101
        assert is_alive(wire)


def test_each_page_and_session_has_a_line_in_the_access_log(pool: Pool) -> None:
    with Wire.open(pool.port) as wire:
        wire.send(f"GET /absent?{pool.port} HTTP/1.1\r\nHost: {pool.host}\r\n\r\n".encode())
        assert wire.read_answer().status == 404
    pool.program.wait_for_output(rf'"GET /absent\?{pool.port} HTTP/1.1" 404 ')
    with Wire.open(pool.port) as wire:
        wire.send(upgrade_request(pool.host, path="/console?token=secret"))
        wire.read_answer()
        assert is_alive(wire, b"eleven byte")
    pool.program.wait_for_output(r'"GET /console HTTP/1.1" 101 11 ')
    assert "secret" not in pool.program.output


def test_sessions_are_recorded(pool: Pool) -> None:
    with pool.session() as wire:
        assert is_alive(wire, b"for the record")

    def recorded() -> bool:
        return any("for the record" in path.read_text() for path in pool.cwd.glob("record.*"))

    pool.program.wait_until(recorded, "record")


# -- Sockets -----------------------------------------------------------------------------


@both_workers
def test_several_clients_share_a_unix_socket_beside_a_port(
    programs: Programs, target: str, tmp_path: Path, worker: str
) -> None:
    path = tmp_path / "proxy.sock"
    pool = start_gunicorn(programs, target, "-b", f"unix:{path}", worker=worker, cwd=tmp_path)
    with unix_session(path) as one, unix_session(path) as two, pool.session() as three:
        for wire in (one, two, three):
            assert is_alive(wire)
    assert "Traceback" not in pool.program.output
    assert pool.program.stop() == 0
    assert not path.exists()


@both_workers
def test_gunicorns_certificate_is_served(
    programs: Programs, target: str, tmp_path: Path, certificate: Path, worker: str
) -> None:
    pool = start_gunicorn(
        programs, target, "--certfile", str(certificate), worker=worker, cwd=tmp_path
    )
    with Wire.open(pool.port, tls=any_certificate()) as wire:
        wire.send(upgrade_request(pool.host) + masked_frame(b"with it"))
        assert wire.read_answer().status == 101
        assert wire.read_payload(7) == b"with it"
        for _ in range(8):
            assert is_alive(wire, PAYLOAD)
        pool.program.wait_for_output("tls=TLSv1.3")
        os.kill(pool.program.pid, signal.SIGTERM)
        assert agree_to_close(wire) == GOING_AWAY
    assert pool.program.exit_status() == 0


def test_our_worker_speaks_everything_on_one_port(
    programs: Programs, target: str, tmp_path: Path, certificate: Path
) -> None:
    pool = start_gunicorn(programs, target, cwd=tmp_path, CERT=str(certificate))
    with Wire.open(pool.port, tls=any_certificate()) as wire:
        wire.upgrade(pool.host)
        assert is_alive(wire)
    with pool.session() as wire:
        assert is_alive(wire)
    with Wire.open(pool.port) as wire:
        wire.send(b"<policy-file-request/>\0")
        assert f'to-ports="{pool.port}"'.encode() in wire.read_to_end()


@pytest.mark.parametrize(
    ("worker", "arguments"),
    [
        (PROXY_WORKER, ("--reuse-port", "-w", "2")),
        (PROXY_WORKER, ("--preload",)),
        (WEBSOCKET_WORKER, ("--preload",)),
    ],
)
def test_it_works_with_sockets_of_each_process_and_preloaded(
    programs: Programs, target: str, tmp_path: Path, worker: str, arguments: tuple[str, ...]
) -> None:
    pool = start_gunicorn(programs, target, *arguments, worker=worker, cwd=tmp_path)
    pool.program.wait_until_listening(pool.port)
    with sessions(pool, 4) as wires:
        assert all(is_alive(wire) for wire in wires)
    assert pool.program.stop() == 0


def test_our_worker_works_in_a_patched_process(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    (tmp_path / "patched.py").write_text(
        "from gevent import monkey; monkey.patch_all()\n"
        "from wsproxy_gevent.wsgi import application\n"
    )
    for preload in ((), ("--preload",)):
        pool = start_gunicorn(
            programs, target, *preload, application="patched", cwd=tmp_path, VERBOSE="1"
        )
        with pool.session() as wire:
            assert is_alive(wire)
        pool.program.wait_for_output("session closed")
        assert pool.program.stop() == 0
        assert "Traceback" not in pool.program.output


# -- Mistakes -----------------------------------------------------------------------------


@pytest.mark.parametrize("worker", ["sync", "gthread", "gevent"])
def test_a_worker_that_cannot_serve_says_which_can(
    programs: Programs, target: str, tmp_path: Path, worker: str
) -> None:
    pool = start_gunicorn(programs, target, worker=worker, cwd=tmp_path)
    for _ in range(2):
        with Wire.open(pool.port) as wire:
            wire.send(upgrade_request(pool.host))
            assert wire.read_answer().status == 500
            assert PROXY_WORKER.encode() in wire.read_until(b"\n")
    pool.program.wait_for_output(re.escape(WEBSOCKET_WORKER))
    assert pool.program.output.count(WEBSOCKET_WORKER) == 1


@pytest.mark.parametrize(
    ("worker", "arguments", "variables", "said"),
    [
        (PROXY_WORKER, (), {}, "no target is named"),
        (PROXY_WORKER, ("--preload",), {}, "no target is named"),
        (WEBSOCKET_WORKER, (), {}, "no target is named"),
        (PROXY_WORKER, (), {"TARGET": "echo:", "CERT": "absent.pem"}, "absent.pem"),
        (WEBSOCKET_WORKER, (), {"TARGET": "echo:", "ORIGIN_CHECK": "no"}, "ORIGIN_CHECK"),
        (WEBSOCKET_WORKER, ("--proxy-protocol=auto",), {"TARGET": "echo:"}, PROXY_WORKER),
        (PROXY_WORKER, ("--cert-reqs", "2"), {"TARGET": "echo:"}, "--verify-client"),
    ],
)
def test_what_cannot_be_served_ends_gunicorn_with_one_line(
    programs: Programs,
    tmp_path: Path,
    worker: str,
    arguments: tuple[str, ...],
    variables: dict[str, str],
    said: str,
) -> None:
    program = programs.start(
        *(GUNICORN, "-k", worker, "--no-control-socket"),
        *("-b", "unix:proxy.sock", *arguments, APPLICATION),
        env=environment(**variables),
        cwd=tmp_path,
    )
    assert program.exit_status() != 0
    assert said in program.output
    assert "Traceback" not in program.output


def test_importing_patches_nothing_and_starts_nothing() -> None:
    script = (
        "import threading; from gevent import _hub_local, monkey; import wsproxy_gevent.wsgi;"
        "print(monkey.is_anything_patched() if hasattr(monkey, 'is_anything_patched')"
        " else monkey.is_module_patched('socket'),"
        " _hub_local.get_hub_if_exists(), threading.active_count())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30
    )
    assert (done.stdout, done.stderr) == ("False None 1\n", "")
