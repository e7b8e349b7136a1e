"""A whole proxy in this process: serves, is told to stop, and loses nothing."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import gevent
import pytest
from gevent import socket as gsocket
from gevent.event import Event

from wsproxy_gevent.app import Proxy
from wsproxy_gevent.config.settings import Mode, Settings

SECONDS = 10.0

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
GOING_AWAY = b"\x88\x17\x03\xe9the proxy is stopping"


@dataclass
class Running:
    address: tuple[str, int]
    serving: gevent.Greenlet[..., int]

    def connect(self) -> gsocket.socket:
        return gsocket.create_connection(self.address, timeout=SECONDS)

    def open_session(self) -> gsocket.socket:
        client = self.connect()
        client.sendall(HANDSHAKE)
        read_to(client, b"\r\n\r\n")
        return client

    def stop(self) -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        return int(self.serving.get(timeout=SECONDS))


def read_to(sock: gsocket.socket, end: bytes) -> bytes:
    data = b""
    while not data.endswith(end):
        more = sock.recv(1)
        assert more, f"the connection ended behind {data!r}"
        data += more
    return data


@contextmanager
def running(**changes: object) -> Iterator[Running]:
    settings = {"source": "127.0.0.1:0", "target": "echo:", "cert": "none", **changes}
    proxy = Proxy(Settings(**settings))  # type: ignore[arg-type]
    ready = Event()
    serving = gevent.spawn(proxy.serve, ready.set)
    try:
        assert ready.wait(SECONDS)
        yield Running(proxy.listening.bound[0], serving)
    finally:
        serving.kill()


def test_it_serves_and_stops_with_0() -> None:
    with running() as it:
        with it.open_session() as client:
            client.sendall(b"\x81\x82\0\0\0\0hi")
            assert read_to(client, b"hi") == b"\x81\x02hi"
            client.sendall(b"\x88\x80\0\0\0\0")
            read_to(client, b"\x88\x02\x03\xe8")
        assert it.stop() == 0


def test_live_sessions_are_told_to_go() -> None:
    with running() as it, it.open_session() as client:
        os.kill(os.getpid(), signal.SIGTERM)
        assert read_to(client, GOING_AWAY) == GOING_AWAY
        client.sendall(b"\x88\x82\0\0\0\0\x03\xe9")
        client.shutdown(1)
        assert it.serving.get(timeout=SECONDS) == 0


def test_nobody_is_accepted_while_it_stops() -> None:
    with running() as it, it.open_session() as client:
        os.kill(os.getpid(), signal.SIGTERM)
        read_to(client, GOING_AWAY)
        with pytest.raises(ConnectionRefusedError):
            it.connect()


def test_those_who_do_not_go_are_cut_when_the_grace_is_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with running(grace=0.05) as it, it.open_session():
        assert it.stop() == 0
    assert "sessions cut: 1" in caplog.text


def test_a_target_that_is_down_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with running(target="unix:/nowhere/vnc.sock") as it:
        with it.connect() as client:
            client.shutdown(1)
            client.recv(1)
        assert it.stop() == 0
    assert [r.levelname for r in caplog.records if "down for now" in r.message] == ["WARNING"]


def test_the_start_line_and_the_page_are_told(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    with running(mode=Mode.DEMO, foreground=True) as it:
        host, port = it.address
        assert it.stop() == 0
    assert f"{host}:{port} -> echo:" in caplog.text
    assert f"http://{host}:{port}/" in capfd.readouterr().out


def test_records_are_whole_when_the_process_ends(tmp_path: Path) -> None:
    with running(record=f"{tmp_path}/") as it:
        with it.open_session() as client:
            client.sendall(b"\x81\x82\0\0\0\0hi" + b"\x88\x80\0\0\0\0")
            read_to(client, b"\x88\x02\x03\xe8")
        assert it.stop() == 0
    (record,) = tmp_path.iterdir()
    assert record.read_text().endswith("hi',\n'EOF'];\n")
