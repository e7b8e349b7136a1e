"""The admin listener from settings: whose socket, whose token."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gevent import socket as gsocket

from tests.server.scene import scene, upgrade
from wsproxy_gevent.administration import admin_context, among, read_token
from wsproxy_gevent.config.settings import Settings
from wsproxy_gevent.errors import StartError
from wsproxy_gevent.model import Peer
from wsproxy_gevent.net.pool import NativePool
from wsproxy_gevent.server.connection import serve
from wsproxy_gevent.server.context import Context
from wsproxy_gevent.web.health import Health

GET = b"GET /readyz HTTP/1.1\r\nHost: any.example\r\nConnection: close\r\n"


# -- The token ----------------------------------------------------------------------------


def test_a_token_is_in_a_variable_or_in_a_files_first_line(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("sesame\nand notes\n")
    assert read_token("env:TOKEN", {"TOKEN": "sesame"}) == "sesame"
    assert read_token(f"file:{tmp_path}/token", {}) == "sesame"


@pytest.mark.parametrize("content", [b"", b"\n", b"  \nsesame\n", b"\xff\xfe"])
def test_a_token_that_is_none_is_a_fault(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(StartError, match="--admin-token"):
        read_token(f"file:{tmp_path}/token", {})


@pytest.mark.parametrize("place", ["env:ABSENT", "file:/absent/token"])
def test_a_place_without_a_token_is_named(place: str) -> None:
    with pytest.raises(StartError, match=place.partition(":")[2]):
        read_token(place, {})


# -- What it serves ---------------------------------------------------------------------


def asked(data: bytes, **settings: str) -> bytes:
    def serve_admin(context: Context, sock: gsocket.socket, peer: Peer) -> None:
        made: Any = Settings(**settings)  # type: ignore[arg-type]
        serve(admin_context(made, Health(), NativePool(), None, context.log), sock, peer)

    with scene(serve=serve_admin) as it:
        it.send(data)
        it.client.shutdown(socket.SHUT_WR)
        return it.receive_all()


def test_readiness_is_told_by_any_name() -> None:
    assert asked(GET + b"\r\n").startswith(b"HTTP/1.1 200 ")


def test_with_a_token_it_is_told_to_those_who_send_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "sesame")
    head = b"Authorization: Bearer sesame\r\n\r\n"
    assert asked(GET + head, admin_token="env:TOKEN").startswith(b"HTTP/1.1 200 ")
    assert asked(GET + b"\r\n", admin_token="env:TOKEN").startswith(b"HTTP/1.1 401 ")


def test_nothing_is_proxied_there() -> None:
    assert asked(upgrade()).startswith(b"HTTP/1.1 404 ")
    assert asked(b"<policy-file-request/>\0") == b""


# -- Among sockets that another server has bound ----------------------------------------------


@pytest.fixture
def bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[socket.socket]]:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as unix, socket.create_server(("127.0.0.1", 0)) as tcp:
        unix.bind("admin.sock")
        os.chmod("admin.sock", 0o600)
        yield [unix, tcp]


def test_the_admins_socket_is_known_by_its_address(
    bound: list[socket.socket], tmp_path: Path
) -> None:
    unix, tcp = bound
    found = among(bound, Settings(admin=f"unix:{tmp_path}/admin.sock"))
    assert (found.sockets, found.admin_sockets) == ([tcp], [unix])
    address = f"127.0.0.1:{tcp.getsockname()[1]}"
    found = among(bound, Settings(admin=address, admin_token="env:TOKEN"))
    assert (found.sockets, found.admin_sockets) == ([unix], [tcp])
    assert not found.on_loopback
    found = among(bound, Settings())
    assert (found.sockets, found.admin_sockets) == (bound, [])


def test_an_address_that_the_server_does_not_have_is_a_fault(bound: list[socket.socket]) -> None:
    with pytest.raises(StartError, match="add it to what it binds"):
        among(bound, Settings(admin="unix:/absent"))


def test_a_socket_that_others_may_use_takes_a_token(
    bound: list[socket.socket], tmp_path: Path
) -> None:
    os.chmod("admin.sock", 0o777)
    path = f"unix:{tmp_path}/admin.sock"
    with pytest.raises(StartError, match="others may connect"):
        among(bound, Settings(admin=path))
    assert among(bound, Settings(admin=path, admin_token="env:TOKEN")).admin_sockets
