"""Other people's WebSocket clients through the proxy, and how their sessions end."""

from __future__ import annotations

import base64
import json
import random
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import websocket
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from .programs import ROOT, Programs, free_port, needs, needs_file
from .proxy import COMMAND, Proxy, clean_environment, start_proxy
from .targets import echo, greet_and_close, tcp_target
from .wire import CLOSE, TEXT, Wire, any_certificate, masked_frame

pytestmark = pytest.mark.e2e

E2E = ROOT / "tests/e2e"
BYTES = random.Random(6455).randbytes(300_000)


@pytest.fixture(scope="module")
def proxy(lasting: Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """In front of a TCP echo; TLS and plain on the one port."""
    cwd = tmp_path_factory.mktemp("peers")
    with tcp_target(echo) as port:
        yield start_proxy(lasting, f"127.0.0.1:{port}", "--cert", "auto", cwd=cwd)


@pytest.fixture(scope="module")
def embedded(lasting: Programs, tmp_path_factory: pytest.TempPathFactory) -> Proxy:
    """The target `echo:`, which keeps messages and opcodes."""
    return start_proxy(lasting, "echo:", cwd=tmp_path_factory.mktemp("embedded"))


def open_session(url: str, *subprotocols: str) -> ClientConnection:
    return connect(
        url,
        ssl=any_certificate() if url.startswith("wss") else None,
        subprotocols=[Subprotocol(name) for name in subprotocols] or None,
        max_size=None,
        proxy=None,
        close_timeout=10,
    )


def receive(session: ClientConnection, size: int) -> bytes:
    got = b""
    while len(got) < size:
        message = session.recv(timeout=15)
        assert isinstance(message, bytes)
        got += message
    return got


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_websockets_carries_bytes_on_one_port_plain_and_secure(scheme: str, proxy: Proxy) -> None:
    with open_session(getattr(proxy, scheme), "binary") as session:
        assert session.subprotocol == "binary"
        session.send(BYTES)
        assert receive(session, len(BYTES)) == BYTES
        session.send([BYTES[:10], b"", BYTES[10:70000]])
        assert receive(session, 70000) == BYTES[:70000]
        assert session.ping(b"are you there").wait(10)


@pytest.mark.row("text frames")
def test_text_reaches_a_tcp_target_as_its_bytes(proxy: Proxy) -> None:
    with open_session(proxy.ws) as session:
        session.send("grüße")
        assert receive(session, 7) == "grüße".encode()


def test_the_embedded_echo_keeps_messages_and_their_kind(embedded: Proxy) -> None:
    with open_session(embedded.ws) as session:
        for message in ("grüße", b"\x00\xff", "", b"", BYTES):
            session.send(message)
            assert session.recv(timeout=15) == message
        session.send(["in ", "pie", "ces"])
        assert session.recv(timeout=15) == "in pieces"


def test_the_embedded_echo_refuses_text_that_is_none(embedded: Proxy) -> None:
    with Wire.open(embedded.port) as wire:
        wire.upgrade(embedded.host)
        wire.send(masked_frame(b"\xff\xfe", TEXT))
        code, _ = wire.read_close()
    assert code == 1007


@pytest.mark.row("subprotocols other than `binary`")
@pytest.mark.parametrize(
    ("offered", "answered"),
    [
        ((), None),
        (("binary",), "binary"),
        (("base64", "binary"), "binary"),
        (("base64",), "base64"),
        (("mqtt",), "mqtt"),
        (("token.c2VjcmV0", "xmpp"), "xmpp"),
        (("v1.stomp", "base64"), "base64"),
    ],
    ids=str,
)
def test_the_subprotocol_that_comes_back(
    offered: tuple[str, ...], answered: str | None, proxy: Proxy
) -> None:
    with open_session(proxy.ws, *offered) as session:
        assert session.subprotocol == answered


def test_a_clients_close_code_is_echoed(proxy: Proxy) -> None:
    with open_session(proxy.ws) as session:
        session.send(b"x")
        assert session.recv(timeout=15) == b"x"
        session.close(4321, "enough")
        assert session.protocol.close_code == 4321


def test_websocket_client_speaks_base64(proxy: Proxy) -> None:
    session = websocket.create_connection(proxy.ws, subprotocols=["base64"], timeout=15)
    try:
        assert session.subprotocol == "base64"
        session.send(base64.b64encode(BYTES).decode())
        got = b""
        while len(got) < len(BYTES):
            opcode, text = session.recv_data()
            assert opcode == websocket.ABNF.OPCODE_TEXT
            got += base64.b64decode(text, validate=True)
        assert got == BYTES
    finally:
        session.close()


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_websocket_client_speaks_binary(scheme: str, proxy: Proxy) -> None:
    session = websocket.create_connection(
        getattr(proxy, scheme),
        subprotocols=["binary"],
        timeout=15,
        sslopt={"context": any_certificate()},
    )
    try:
        session.send_binary(BYTES)
        got = b""
        while len(got) < len(BYTES):
            got += session.recv_data()[1]
        assert got == BYTES
    finally:
        session.close()


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_node_ws_gets_a_large_message_back(scheme: str, proxy: Proxy) -> None:
    node = needs("node", "nodejs")
    needs_file(E2E / "node_modules/ws", "npm ci in tests/e2e")
    ended = subprocess.run(
        [node, E2E / "peers/ws.js", getattr(proxy, scheme), "binary"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == {
        "protocol": "binary",
        "same": True,
        "pong": "are you there",
        "code": 1000,
    }


def test_a_targets_end_is_an_orderly_close_after_its_last_byte(
    programs: Programs, tmp_path: Path
) -> None:
    with tcp_target(greet_and_close) as port:
        proxy = start_proxy(programs, f"127.0.0.1:{port}", cwd=tmp_path)
        with open_session(proxy.ws) as session:
            assert session.recv(timeout=15) == b"good bye"
            with pytest.raises(ConnectionClosed) as caught:
                session.recv(timeout=15)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1000


@pytest.mark.row("the target resets the connection")
def test_a_target_that_breaks_off_is_told_after_what_it_said(
    programs: Programs, tmp_path: Path
) -> None:
    def break_off(sock: socket.socket) -> None:
        sock.sendall(b"said")
        # The client has it, so the reset cannot overtake it.
        sock.recv(1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with tcp_target(break_off) as port:
        proxy = start_proxy(programs, f"127.0.0.1:{port}", cwd=tmp_path)
        with Wire.open(proxy.port) as wire:
            wire.upgrade(proxy.host)
            assert wire.read_payload(4) == b"said"
            wire.send(masked_frame(b"x"))
            assert wire.read_close() == (1011, "target reset")


def test_it_listens_on_ipv6_as_well(programs: Programs, tmp_path: Path) -> None:
    port = free_port("::1")
    with tcp_target(echo) as target:
        program = programs.start(
            *(*COMMAND, "-f", f"[::1]:{port}", f"127.0.0.1:{target}"),
            env=clean_environment(),
            cwd=tmp_path,
        )
        program.wait_until_listening(port, "::1")
        with open_session(f"ws://[::1]:{port}/") as session:
            session.send(b"six")
            assert receive(session, 3) == b"six"


@pytest.mark.row("the target closes")
def test_a_target_that_has_ended_its_half_still_gets_the_clients_bytes(
    programs: Programs, tmp_path: Path
) -> None:
    got, ended = bytearray(), threading.Event()

    def half_close(sock: socket.socket) -> None:
        sock.sendall(b"done here")
        sock.shutdown(socket.SHUT_WR)
        while data := sock.recv(65536):
            got.extend(data)
        ended.set()

    with tcp_target(half_close) as port:
        proxy = start_proxy(programs, f"127.0.0.1:{port}", cwd=tmp_path)
        with Wire.open(proxy.port) as wire:
            wire.upgrade(proxy.host)
            assert wire.read_payload(9) == b"done here"
            assert wire.read_close()[0] == 1000
            wire.send(masked_frame(BYTES) + masked_frame(struct.pack("!H", 1000), CLOSE))
            assert wire.read_to_end() == b""
        assert ended.wait(15)
    assert bytes(got) == BYTES


@pytest.mark.fault(7)
def test_a_target_gets_all_that_was_sent_before_the_clients_close(
    programs: Programs, tmp_path: Path
) -> None:
    got, ended = bytearray(), threading.Event()

    def collect(sock: socket.socket) -> None:
        while data := sock.recv(65536):
            got.extend(data)
        ended.set()

    with tcp_target(collect) as port:
        proxy = start_proxy(programs, f"127.0.0.1:{port}", cwd=tmp_path)
        with Wire.open(proxy.port) as wire:
            wire.upgrade(proxy.host)
            wire.send(masked_frame(BYTES) + masked_frame(struct.pack("!H", 1001), CLOSE))
            assert wire.read_close()[0] == 1001
        assert ended.wait(15)
    assert bytes(got) == BYTES
