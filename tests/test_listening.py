"""Where a process listens, in the words of its start line."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from wsproxy_gevent.config.settings import Settings
from wsproxy_gevent.errors import StartError
from wsproxy_gevent.listening import Listening


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
        (v4, port), (v6, same_port) = opened.bound
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
