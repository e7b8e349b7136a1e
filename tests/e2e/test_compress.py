"""Compression and text with other people's clients, and bombs against a real process."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    PerMessageDeflate,
)
from websockets.sync.client import ClientConnection, connect

from .programs import ROOT, Program, Programs, needs, needs_file
from .proxy import Proxy, start_proxy
from .targets import echo, tcp_target
from .wire import Wire

pytestmark = pytest.mark.e2e

E2E = ROOT / "tests/e2e"
MEGABYTE = 1 << 20
BOTTLES = b"".join(b"%d green bottles\n" % number * 200 for number in range(200))

OFFER = "Sec-WebSocket-Extensions: permessage-deflate"
COMPRESSED_BINARY = 0xC2


@pytest.fixture(scope="module")
def proxy(lasting: Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """In front of a TCP echo."""
    cwd = tmp_path_factory.mktemp("compress")
    with tcp_target(echo) as port:
        yield start_proxy(lasting, f"127.0.0.1:{port}", "--compress", cwd=cwd)


@pytest.fixture(scope="module")
def embedded(lasting: Programs, tmp_path_factory: pytest.TempPathFactory) -> Proxy:
    cwd = tmp_path_factory.mktemp("embedded")
    return start_proxy(lasting, "echo:", "--compress", cwd=cwd)


def agreed_on(session: ClientConnection) -> PerMessageDeflate:
    (extension,) = session.protocol.extensions
    assert isinstance(extension, PerMessageDeflate)
    return extension


def receive(session: ClientConnection, size: int) -> bytes:
    got = b""
    while len(got) < size:
        message = session.recv(timeout=15)
        assert isinstance(message, bytes)
        got += message
    return got


# -- --compress with other clients ------------------------------------------------------------


def test_websockets_compresses_both_ways(proxy: Proxy) -> None:
    with connect(proxy.ws, proxy=None, max_size=None) as session:
        assert agreed_on(session).local_max_window_bits == 15
        for _ in range(3):
            session.send(BOTTLES)
            assert receive(session, len(BOTTLES)) == BOTTLES
        session.send([BOTTLES[:10], b"", BOTTLES[10:70000]])
        assert receive(session, 70000) == BOTTLES[:70000]
        assert session.ping(b"are you there").wait(10)


@pytest.mark.parametrize("server_anew", [False, True])
@pytest.mark.parametrize("client_anew", [False, True])
@pytest.mark.parametrize(("server_bits", "client_bits"), [(None, None), (9, 9), (15, 15)])
def test_websockets_agrees_on_what_it_offers(
    proxy: Proxy,
    server_anew: bool,
    client_anew: bool,
    server_bits: int | None,
    client_bits: int | None,
) -> None:
    offer = ClientPerMessageDeflateFactory(server_anew, client_anew, server_bits, client_bits)
    with connect(proxy.ws, proxy=None, compression=None, extensions=[offer]) as session:
        agreed = agreed_on(session)
        assert agreed.remote_no_context_takeover is server_anew
        assert agreed.local_no_context_takeover is client_anew
        for message in (BOTTLES[:5000], b"x", BOTTLES[:5000]):
            session.send(message)
            assert receive(session, len(message)) == message


def test_the_embedded_echo_keeps_messages_and_their_kind(embedded: Proxy) -> None:
    with connect(embedded.ws, proxy=None, max_size=None) as session:
        for message in ("grüße", b"\x00\xff", "", b"", BOTTLES, bytes(MEGABYTE)):
            session.send(message)
            assert session.recv(timeout=15) == message


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"serverNoContextTakeover": True, "clientNoContextTakeover": True},
        {"serverMaxWindowBits": 9, "clientMaxWindowBits": 10},
    ],
    ids=str,
)
def test_node_ws_gets_back_what_it_sent(options: dict[str, object], proxy: Proxy) -> None:
    node = needs("node", "nodejs")
    needs_file(E2E / "node_modules/ws", "npm ci in tests/e2e")
    ended = subprocess.run(
        [node, E2E / "peers/deflate.js", proxy.ws, json.dumps(options)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert (told["same"], told["code"]) == (True, 1000)
    assert told["extensions"].startswith("permessage-deflate")
    assert told["read"] < told["size"] / 10


ECHOES = """
url => new Promise((resolve, reject) => {
    const session = new WebSocket(url);
    const said = ["grüße", "", "x".repeat(3000000), "grüße"];
    const heard = [];
    session.onopen = () => said.forEach(message => session.send(message));
    session.onerror = () => reject(new Error("the session failed"));
    session.onmessage = ({data}) => {
        heard.push(data);
        if (heard.length < said.length) return;
        const same = heard.every((message, at) => message === said[at]);
        resolve([session.extensions, same]);
        session.close();
    };
})
"""


def test_a_browser_compresses_both_ways(page: Page, embedded: Proxy) -> None:
    page.goto(embedded.http)
    extensions, same = page.evaluate(ECHOES, embedded.ws)
    assert extensions == "permessage-deflate"
    assert same


def test_a_client_is_not_compressed_without_the_option(programs: Programs, tmp_path: Path) -> None:
    proxy = start_proxy(programs, "echo:", cwd=tmp_path)
    with connect(proxy.ws, proxy=None) as session:
        assert session.protocol.extensions == []
        session.send("as ever")
        assert session.recv(timeout=15) == "as ever"


# -- Bombs --------------------------------------------------------------------------------------


def peak_memory(program: Program) -> int:
    """The most bytes of memory that the process has ever held."""
    for line in Path(f"/proc/{program.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


def zeros(megabytes: int, level: int) -> bytes:
    encoder = zlib.compressobj(level, zlib.DEFLATED, -15)
    one = encoder.compress(bytes(MEGABYTE)) + encoder.flush(zlib.Z_SYNC_FLUSH)
    return (one * megabytes)[:-4]


# A client's Close.
GOODBYE = struct.pack("!BB4xH", 0x88, 0x82, 1000)


def compressed_frame(payload: bytes) -> bytes:
    """A client's frame, under a key of zeros."""
    return struct.pack("!BBQ4x", COMPRESSED_BINARY, 0xFF, len(payload)) + payload


class Counter:
    """A target that takes what comes, once it may."""

    def __init__(self) -> None:
        self.taken = 0
        self.may_read = threading.Event()
        self.ended = threading.Event()

    def __call__(self, sock: socket.socket) -> None:
        self.may_read.wait(15)
        while data := sock.recv(MEGABYTE):
            self.taken += len(data)
        self.ended.set()


@contextmanager
def in_front_of(target: Counter, programs: Programs, cwd: Path) -> Iterator[Proxy]:
    """The proxy, once a first session has brought in what each one uses, buffers included."""
    first = Counter()
    first.may_read.set()
    handlers = iter([first, target])
    with tcp_target(lambda sock: next(handlers)(sock)) as port:
        proxy = start_proxy(programs, f"127.0.0.1:{port}", "--compress", cwd=cwd)
        with Wire.open(proxy.port) as wire:
            wire.upgrade(proxy.host, OFFER)
            wire.send(compressed_frame(zeros(64, 1)) + GOODBYE)
            assert wire.read_close() == (1000, "")
        assert first.ended.wait(15)
        proxy.program.wait_for_output("session closed")
        yield proxy


@pytest.mark.fault(39)
def test_a_gigabyte_in_a_megabyte_ends_in_1009_and_costs_no_memory(
    programs: Programs, tmp_path: Path
) -> None:
    target = Counter()
    target.may_read.set()
    bomb = compressed_frame(zeros(1024, 9))
    assert len(bomb) < 1.1 * MEGABYTE
    with in_front_of(target, programs, tmp_path) as proxy:
        with Wire.open(proxy.port) as wire:
            assert OFFER.endswith(
                wire.upgrade(proxy.host, OFFER).headers["sec-websocket-extensions"]
            )
            before = peak_memory(proxy.program)
            wire.send(bomb)
            assert wire.read_close() == (1009, "a message unfolds to over 1000 times its size")
        assert target.ended.wait(15)
        assert peak_memory(proxy.program) - before < 4 * MEGABYTE
    assert 8 * MEGABYTE < target.taken < 16 * MEGABYTE
    proxy.program.wait_for_output("reason=payload-too-large")


def test_what_a_message_unfolds_to_waits_for_a_target_that_does_not_read(
    programs: Programs, tmp_path: Path
) -> None:
    target = Counter()
    with in_front_of(target, programs, tmp_path) as proxy:
        with Wire.open(proxy.port) as wire:
            wire.upgrade(proxy.host, OFFER)
            before = peak_memory(proxy.program)
            wire.send(compressed_frame(zeros(64, 1)))
            target.may_read.set()
            wire.send(GOODBYE)
            assert wire.read_close() == (1000, "")
        assert target.ended.wait(15)
        assert peak_memory(proxy.program) - before < 4 * MEGABYTE
    assert target.taken == 64 * MEGABYTE


# -- --text ---------------------------------------------------------------------------------------


def test_a_line_based_client_is_sent_text(programs: Programs, tmp_path: Path) -> None:
    with tcp_target(echo) as port:
        proxy = start_proxy(programs, f"127.0.0.1:{port}", "--text", cwd=tmp_path)
        with connect(proxy.ws, proxy=None) as session:
            session.send("grüße\n")
            assert session.recv(timeout=15) == "grüße\n"
            session.send("€".encode()[:2])
            session.send("€".encode()[2:])
            assert session.recv(timeout=15) == "€"


def test_a_target_that_speaks_no_text_is_named_in_close_and_log(
    programs: Programs, tmp_path: Path
) -> None:
    with tcp_target(lambda sock: sock.sendall(b"RFB 003.008\n\xff\xfe")) as port:
        proxy = start_proxy(programs, f"127.0.0.1:{port}", "--text", "--compress", cwd=tmp_path)
        with connect(proxy.ws, proxy=None) as session:
            assert session.recv(timeout=15) == "RFB 003.008\n"
            with pytest.raises(ConnectionClosed) as caught:
                session.recv(timeout=15)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1011
    assert "--text" in caught.value.rcvd.reason
    proxy.program.wait_for_output("reason=target-not-text .*byte 12 ")
