"""Rows of the migration tables: what websockify itself does, and what we do instead."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from .programs import ROOT, Programs, free_port
from .proxy import Proxy, clean_environment, start_proxy
from .targets import greet_and_close, tcp_target
from .websockify import Websockify, get, talk
from .wire import PING, TEXT, Wire, masked_frame, upgrade_request

pytestmark = pytest.mark.e2e

PEER = ROOT / ".peers" / "websockify"


@pytest.fixture(scope="module")
def theirs(lasting: Programs, target: str, tmp_path_factory: pytest.TempPathFactory) -> Proxy:
    """websockify 0.13.0 from PyPI, with a directory to list."""
    if not PEER.exists():
        pytest.skip(f"websockify is not in {PEER} (make .stamps/websockify puts it there)")
    web = tmp_path_factory.mktemp("theirs")
    (web / "page.html").write_text("hello")
    return start_theirs(lasting, target, "--web", str(web))


def start_theirs(programs: Programs, target: str, *options: str) -> Proxy:
    port = free_port()
    program = programs.start(
        *(sys.executable, "-m", "websockify", *options, f"127.0.0.1:{port}", target),
        name="websockify 0.13.0",
        env={**clean_environment(), "PYTHONPATH": str(PEER)},
    )
    program.wait_for_output("proxying from")
    return Proxy(program, port)


def status_of(proxy: Proxy, *lines: str) -> int:
    """That of a WebSocket handshake with these lines."""
    with Wire.open(proxy.port) as wire:
        wire.send(upgrade_request("console.example", *lines))
        return wire.read_answer().status


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ((), 101),  # whatever the Host
        (("Origin: https://elsewhere.example",), 101),
        (("Sec-WebSocket-Protocol: binary",), 101),
        (("Sec-WebSocket-Protocol: mqtt",), 400),
        (("Sec-WebSocket-Protocol: base64",), 400),
    ],
)
def test_what_websockify_answers_to_a_handshake(
    lines: tuple[str, ...], status: int, theirs: Proxy
) -> None:
    assert status_of(theirs, *lines) == status


def test_websockify_lists_directories_and_refuses_text(theirs: Proxy) -> None:
    status, listing = get(theirs)
    assert (status, b"page.html" in listing) == (200, True)
    with Wire.open(theirs.port) as wire:
        wire.upgrade(theirs.host)
        wire.send(masked_frame(b"text", opcode=TEXT))
        assert wire.read_close()[0] == 1003


def test_websockify_without_pages_and_without_a_target(programs: Programs, theirs: Proxy) -> None:
    proxy = start_theirs(programs, f"127.0.0.1:{free_port()}")
    assert get(proxy)[0] == 405
    with Wire.open(proxy.port) as wire:
        wire.upgrade(proxy.host)
        assert wire.read_close()[0] == 1011


def test_websockify_loses_what_comes_behind_the_targets_end(
    programs: Programs, theirs: Proxy
) -> None:
    with (
        tcp_target(greet_and_close) as port,
        Wire.open(start_theirs(programs, f"127.0.0.1:{port}").port) as wire,
    ):
        wire.upgrade("127.0.0.1")
        assert wire.read_payload(8) == b"good bye"
        assert wire.read_close() == (1000, "Target closed")


# -- Ours -----------------------------------------------------------------------------------


@pytest.mark.row("GET without `--web`")
def test_a_get_without_pages_is_told_what_the_port_is_for(
    websockify: Websockify, target: str
) -> None:
    status, body = get(websockify.serve(target))
    assert status == 426
    assert b"WebSocket" in body


@pytest.mark.row("directory listing under `--web`")
def test_our_own_name_lists_no_directory_unasked(
    programs: Programs, websockify: Websockify, target: str, tmp_path: Path
) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "page.html").write_text("hello")
    outcomes = []
    for options in ((), ("--web-index",)):
        proxy = start_proxy(programs, target, "--web", "web", *options, cwd=tmp_path)
        outcomes.append(get(proxy)[0])
    outcomes.append(get(websockify.serve("--web", "web", target))[0])
    assert outcomes == [404, 200, 200]


@pytest.mark.row("`--heartbeat`")
def test_a_client_that_answered_once_and_then_no_more_is_given_up(
    websockify: Websockify, target: str
) -> None:
    proxy = websockify.serve("--heartbeat", "0.2", "--dead-after", "0.7", target)
    with Wire.open(proxy.port) as wire:
        talk(wire, proxy.host)
        opcode, payload = wire.read_frame()
        assert opcode == PING
        wire.send(masked_frame(payload, opcode=10))
        wire.read_to_end()
    proxy.program.wait_for_output("session closed .*ended_by=client")


@pytest.mark.row("`--verify-client`")
def test_asking_for_certificates_without_one_of_our_own(
    programs: Programs, websockify: Websockify, target: str, tmp_path: Path
) -> None:
    told = websockify.serve("--verify-client", target)
    assert re.search("--verify-client .*need TLS: name a certificate", told.program.output)
    refused = websockify.run("--profile=default", "-f", "--verify-client", "0", target)
    assert refused.exit_status() == 1
