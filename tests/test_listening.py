"""Where a process listens, in the words of its start line."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from wsproxy_gevent.config.settings import Settings
from wsproxy_gevent.errors import StartError
from wsproxy_gevent.listening import Listening, why_not


@contextmanager
def listening(source: str, *, named: bool = True) -> Iterator[Listening]:
    opened = Listening.open(Settings(source=source, source_named=named))
    try:
        yield opened
    finally:
        for sock in opened.sockets:
            sock.close()


@contextmanager
def taken() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield f"127.0.0.1:{other.getsockname()[1]}"


def test_no_address_is_every_address_of_both_families() -> None:
    with listening("0") as opened:
        (v4, port), (v6, same_port) = map(tuple, opened.bound)
        assert (v4, v6) == ("0.0.0.0", "::")
        assert port == same_port
        assert not opened.on_loopback
        assert opened.page == f"127.0.0.1:{port}"


@pytest.mark.parametrize(("source", "host"), [("127.0.0.1:0", "127.0.0.1"), ("[::1]:0", "[::1]")])
def test_one_address_is_that_one(source: str, host: str) -> None:
    with listening(source) as opened:
        (address,) = opened.addresses
        assert address == opened.page
        assert address.startswith(f"{host}:")
        assert opened.on_loopback


def test_addresses_outlive_the_sockets() -> None:
    with listening("127.0.0.1:0") as opened:
        before = opened.addresses
        opened.sockets[0].close()
        assert opened.addresses == before


def test_a_port_that_somebody_named_must_be_free() -> None:
    with taken() as source, pytest.raises(StartError, match=source):
        Listening.open(Settings(source=source))


def test_a_port_that_nobody_named_gives_way() -> None:
    with taken() as source, listening(source, named=False) as opened:
        assert opened.addresses != [source]


# -- Not at a source --------------------------------------------------------------------


def test_a_unix_socket_is_bound_and_left(tmp_path: Path) -> None:
    path = str(tmp_path / "proxy.sock")
    opened = Listening.open(Settings(unix_listen=path, unix_listen_mode=0o660))
    assert opened.addresses == [f"unix:{path}"]
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o660
    assert not opened.on_loopback
    assert opened.page is None
    opened.close()
    opened.close()
    assert not os.path.exists(path)


def test_sockets_that_were_passed_are_known_by_what_they_are(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_UNIX) as unix,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        unix.bind(str(tmp_path / "x"))
        abstract.bind(f"\0wsproxy-test-{os.getpid()}")
        opened = Listening.of([unix, tcp, abstract])
        port = tcp.getsockname()[1]
        assert opened.addresses == [
            f"unix:{tmp_path}/x",
            f"127.0.0.1:{port}",
            f"unix:@wsproxy-test-{os.getpid()}",
        ]
        assert opened.on_loopback
        assert opened.page == f"127.0.0.1:{port}"


def test_an_address_of_both_families_is_read_as_what_it_means() -> None:
    with socket.create_server(
        ("::ffff:127.0.0.1", 0), family=socket.AF_INET6, dualstack_ipv6=True
    ) as tcp:
        opened = Listening.of([tcp])
    assert opened.bound[0][0] == "127.0.0.1"
    assert opened.on_loopback


def test_inetd_gives_a_listener_or_a_client(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[socket.socket] = []
    monkeypatch.setattr("wsproxy_gevent.listening.take_stdin", lambda: given[0])
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket() as idle:
        given[:] = [tcp]
        wait = Listening.open(Settings(inetd=True))
        assert (wait.sockets, wait.connection) == ([tcp], None)
        with socket.create_connection(tcp.getsockname()) as client:
            given[:] = [client]
            nowait = Listening.open(Settings(inetd=True))
            assert (nowait.sockets, nowait.connection) == ([], client)
            assert nowait.on_loopback
        given[:] = [idle]
        with pytest.raises(StartError, match="neither listens nor is connected"):
            Listening.open(Settings(inetd=True))


def test_a_port_is_shared_by_those_who_say_so() -> None:
    with listening("127.0.0.1:0") as alone, pytest.raises(StartError, match="taken"):
        Listening.open(Settings(source=alone.addresses[0], reuse_port=True))
    shared = Listening.open(Settings(source="127.0.0.1:0", reuse_port=True))
    beside = Listening.open(Settings(source=shared.addresses[0], reuse_port=True))
    assert beside.addresses == shared.addresses
    shared.close()
    beside.close()


# -- The admin's -----------------------------------------------------------------------------


def test_operators_have_a_socket_of_their_own_for_us_alone(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    opened = Listening.open(Settings(source="127.0.0.1:0", admin=f"unix:{path}"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (public,), (admin,) = opened.sockets, opened.admin_sockets
    assert opened.all_sockets == [public, admin]
    opened.close_public()
    assert (public.fileno(), path.exists()) == (-1, True)
    opened.close()
    assert (admin.fileno(), path.exists()) == (-1, False)


def test_a_port_that_is_taken_leaves_the_admins_address_again(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    with taken() as source, pytest.raises(StartError, match="taken"):
        Listening.open(Settings(source=source, admin=f"unix:{path}"))
    assert not path.exists()
    with taken() as address, pytest.raises(StartError, match="taken"):
        Listening.open(Settings(source="127.0.0.1:0", admin=address))


def test_a_worker_adopts_both_kinds_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    opened = Listening.open(Settings(source="localhost:0", admin=f"unix:{path}"))
    copies = [sock.dup() for sock in opened.all_sockets]
    adopted = opened.adopt(copies)
    assert (adopted.sockets, adopted.admin_sockets) == (copies[:-1], copies[-1:])
    assert adopted.addresses == opened.addresses
    adopted.close()
    assert path.exists()
    opened.close()


def test_the_admins_address_can_be_asked_after_as_well(tmp_path: Path) -> None:
    source = "127.0.0.1:0"
    assert why_not(Settings(source=source, admin=f"unix:{tmp_path}/x")) is None
    assert why_not(Settings(source=source, admin="127.0.0.1:0")) is None
    with taken() as address:
        assert "taken" in str(why_not(Settings(source=source, admin=address)))
    (tmp_path / "file").write_text("gold")
    fault = why_not(Settings(source=source, admin=f"unix:{tmp_path}/file"))
    assert "no socket" in str(fault)


def test_a_port_can_be_asked_after_without_listening(tmp_path: Path) -> None:
    assert why_not(Settings(source="127.0.0.1:0")) is None
    with taken() as source:
        assert "taken" in str(why_not(Settings(source=source)))
    assert "no such address" in str(why_not(Settings(source="192.0.2.1:6080")))
    (tmp_path / "file").write_text("gold")
    assert "no socket" in str(why_not(Settings(unix_listen=str(tmp_path / "file"))))
    assert why_not(Settings(inetd=True)) is None
