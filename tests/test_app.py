"""A whole proxy in this process: serves, is told to stop, and loses nothing."""

from __future__ import annotations

import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

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


LOCAL = Settings(source="127.0.0.1:0", target="echo:", cert="none")


@contextmanager
def running(reread: Callable[[], Settings] | None = None, **changes: Any) -> Iterator[Running]:
    proxy = Proxy(replace(LOCAL, **changes), reread)
    ready = Event()
    serving = gevent.spawn(proxy.serve, ready.set)
    try:
        assert ready.wait(SECONDS)
        bound = proxy.listening.bound[0]
        assert not isinstance(bound, str)
        yield Running(bound, serving)
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
        with gevent.Timeout(SECONDS):
            while "down for now" not in caplog.text:
                gevent.sleep(0)
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


def test_a_hangup_reloads_and_live_sessions_stay(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    now = [LOCAL]
    with running(lambda: now[0]) as it, it.open_session() as old:
        now[0] = replace(LOCAL, no_legacy=True, heartbeat=0.001)
        os.kill(os.getpid(), signal.SIGHUP)
        old.sendall(b"\x81\x82\0\0\0\0hi")
        # The new heartbeat pings the old session, too.
        assert read_to(old, b"hi") == b"\x81\x02hi"
        assert read_to(old, b"\x89") == b"\x89"
        with it.connect() as client:
            client.sendall(HANDSHAKE.replace(b"Version: 13", b"Version: 8"))
            assert b" 426 " in read_to(client, b"\r\n")
        old.sendall(b"\x88\x80\0\0\0\0")
        old.shutdown(1)
        assert it.stop() == 0
    assert "reloaded: " in caplog.text


def test_a_shared_port_is_left_and_its_sessions_end_when_they_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("wsproxy_gevent.server.listener.SETTLE_SECONDS", 0.0)
    with running(reuse_port=True) as it, it.open_session() as client:
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(3):
            client.sendall(b"\x81\x82\0\0\0\0hi")
            assert read_to(client, b"hi") == b"\x81\x02hi"
        client.sendall(b"\x88\x80\0\0\0\0")
        read_to(client, b"\x88\x02\x03\xe8")
        client.shutdown(1)
        assert it.serving.get(timeout=SECONDS) == 0


def test_the_one_connection_of_inetd_is_served_and_is_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, theirs = gsocket.socketpair()
    given = socket.socket(fileno=theirs.detach())
    monkeypatch.setattr("wsproxy_gevent.listening.take_stdin", lambda: given)
    with ours:
        ours.settimeout(SECONDS)
        serving = gevent.spawn(Proxy(replace(LOCAL, inetd=True)).serve, lambda: None)
        ours.sendall(HANDSHAKE)
        read_to(ours, b"\r\n\r\n")
        ours.sendall(b"\x88\x80\0\0\0\0")
        read_to(ours, b"\x88\x02\x03\xe8")
        ours.shutdown(1)
        assert serving.get(timeout=SECONDS) == 0


def test_readiness_ends_when_the_end_begins() -> None:
    ask = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with running(health=True) as it, it.connect() as probe, it.open_session() as session:
        probe.sendall(ask)
        assert b" 200 " in read_to(probe, b"ok\n")
        os.kill(os.getpid(), signal.SIGTERM)
        read_to(session, GOING_AWAY)
        probe.sendall(ask)
        assert b" 503 " in read_to(probe, b"stopping\n")


def test_a_unix_socket_is_served_and_removed(tmp_path: Path) -> None:
    path = str(tmp_path / "proxy.sock")
    ready = Event()
    serving = gevent.spawn(Proxy(replace(LOCAL, source=None, unix_listen=path)).serve, ready.set)
    assert ready.wait(SECONDS)
    with gsocket.socket(socket.AF_UNIX) as client:
        client.settimeout(SECONDS)
        client.connect(path)
        client.sendall(HANDSHAKE)
        read_to(client, b"\r\n\r\n")
        os.kill(os.getpid(), signal.SIGTERM)
        read_to(client, GOING_AWAY)
        assert not os.path.exists(path)
        client.sendall(b"\x88\x82\0\0\0\0\x03\xe9")
        client.shutdown(1)
        assert serving.get(timeout=SECONDS) == 0


# -- Ending by itself ------------------------------------------------------------------


def close(client: gsocket.socket) -> None:
    client.sendall(b"\x88\x80\0\0\0\0")
    read_to(client, b"\x88\x02\x03\xe8")


def test_it_ends_with_its_single_session() -> None:
    with running(run_once=True) as it:
        with it.connect() as page:
            page.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert read_to(page, b"\r\n").startswith(b"HTTP/1.1 426 ")
        with it.open_session() as first, it.connect() as second:
            second.sendall(HANDSHAKE)
            assert read_to(second, b"\r\n").startswith(b"HTTP/1.1 503 ")
            close(first)
        assert it.serving.get(timeout=SECONDS) == 0


@pytest.mark.parametrize("option", ["timeout", "idle_timeout"])
def test_it_ends_when_nobody_is_connected_any_more(
    option: str, caplog: pytest.LogCaptureFixture
) -> None:
    changes: dict[str, Any] = {option: 0.5}
    with running(**changes) as it:
        with it.open_session() as client:
            close(client)
        assert it.serving.get(timeout=SECONDS) == 0
    assert f"--{option.replace('_', '-')}: " in caplog.text
