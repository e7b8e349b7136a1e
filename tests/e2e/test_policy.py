"""Targets that a hook names, at each door: where no session is led, whoever says so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import quote

import pytest

from .gates import DOORS, Gate, start_gate
from .pools import WEBSOCKET_WORKER
from .programs import Programs
from .targets import echo, tcp_target

pytestmark = pytest.mark.e2e

FORBIDDEN = (403, "target-forbidden")


class Naming(BaseHTTPRequestHandler):
    """A hook that lets everybody in, to the target that the token is: no operator's would."""

    def do_GET(self) -> None:
        body = json.dumps({"target": self.headers["X-Wsproxy-Token"]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def hook() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Naming) as server:
        serving = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        serving.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        serving.join(10)


@pytest.fixture(scope="module")
def service() -> Iterator[int]:
    with tcp_target(echo) as port:
        yield port


def led(gate: Gate, target: str) -> tuple[int, str]:
    answer = gate.ask(path=f"/?token={quote(target, safe='')}")
    return answer.status, answer.headers.get("wsproxy-reason", "")


@pytest.mark.parametrize("door", DOORS)
def test_no_request_is_led_where_none_may_go(
    programs: Programs, tmp_path: Path, hook: str, service: int, door: str
) -> None:
    admin = tmp_path / "admin.sock"
    settings = {"AUTH_URL": hook}
    if door == DOORS[0]:
        settings["ADMIN"] = f"unix:{admin}"
    gate = start_gate(programs, door, "127.0.0.1:1", tmp_path, settings)
    assert led(gate, f"127.0.0.1:{service}")[0] == 101
    assert led(gate, f"localhost:{service}")[0] == 101
    ours = [f"127.0.0.1:{gate.port}", f"localhost:{gate.port}", f"tls://127.0.0.1:{gate.port}"]
    never = ["169.254.169.254:80", "[::ffff:169.254.169.254]:80", "[fe80::1]:80", "224.0.0.1:80"]
    # Spellings that parse as names, and resolve to an address that is forbidden.
    names = ["0xa9fea9fe:80", "0xa9.0xfe.0xa9.0xfe:80"]
    paths = [f"unix:{admin}", f"unix:{tmp_path}/link"]
    (tmp_path / "link").symlink_to(admin)
    for target in (*ours, *never, *names, *(paths if door == DOORS[0] else ())):
        assert led(gate, target) == FORBIDDEN, target
    gate.program.wait_for_output("stage=policy reason=target-forbidden .*169.254.169.254")


@pytest.mark.parametrize("door", [DOORS[0], WEBSOCKET_WORKER])
def test_a_list_leaves_the_others_out(
    programs: Programs, tmp_path: Path, hook: str, service: int, door: str
) -> None:
    allowed = f"127.0.0.0/8:{service},vm.example:1-9"
    settings = {"AUTH_URL": hook, "ALLOW_TARGET": allowed, "DIAL_ERROR": "http"}
    gate = start_gate(programs, door, "127.0.0.1:1", tmp_path, settings)
    assert led(gate, f"127.0.0.1:{service}")[0] == 101
    assert led(gate, f"localhost:{service}")[0] == 101
    assert led(gate, "127.0.0.1:2") == FORBIDDEN
    assert led(gate, "localhost:2") == FORBIDDEN
    assert led(gate, "vm.example:10") == FORBIDDEN
    assert led(gate, "unix:/run/x.sock") == FORBIDDEN
