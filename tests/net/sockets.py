"""Loopback addresses that answer, refuse, or are silent."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from wsproxy_gevent.net.address import Address

V4, V6 = socket.AF_INET, socket.AF_INET6
LOOPBACK = {V4: "127.0.0.1", V6: "::1"}


def descriptors() -> int:
    """How many this process has open."""
    return len(os.listdir("/proc/self/fd"))


@contextmanager
def bound(family: socket.AddressFamily = V4) -> Iterator[tuple[socket.socket, Address]]:
    """A port that is taken and does not listen: it refuses."""
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        try:
            sock.bind((LOOPBACK[family], 0))
        except OSError as exc:
            pytest.skip(f"no {family.name} here: {exc}")
        yield sock, Address(family, sock.getsockname())


@contextmanager
def listening(family: socket.AddressFamily = V4) -> Iterator[tuple[socket.socket, Address]]:
    with bound(family) as (sock, address):
        sock.listen()
        yield sock, address


@contextmanager
def silent(family: socket.AddressFamily = V4) -> Iterator[tuple[socket.socket, Address]]:
    """A port whose queue is full: the kernel drops what knocks."""
    with bound(family) as (sock, address), ExitStack() as stack:
        sock.listen(0)
        for _ in range(3):
            filler = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
            filler.setblocking(False)
            filler.connect_ex(sock.getsockname())
        yield sock, address
