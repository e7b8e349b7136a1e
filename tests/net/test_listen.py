"""Listening sockets: which, where, and what is said when there can be none."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from gevent import monkey

from wsproxy_gevent.errors import StartError, UsageError
from wsproxy_gevent.net import listen
from wsproxy_gevent.net.address import Address
from wsproxy_gevent.net.listen import bind, parse_source

from .sockets import V4, V6, descriptors, listening


def has_ipv6() -> bool:
    try:
        with socket.socket(V6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("6080", ("", 6080)),
        (":6080", ("", 6080)),
        ("0", ("", 0)),
        ("65535", ("", 65535)),
        ("127.0.0.1:6080", ("127.0.0.1", 6080)),
        ("[::1]:6080", ("::1", 6080)),
        ("[fe80::1%eth0]:6080", ("fe80::1%eth0", 6080)),
        ("localhost:80", ("localhost", 80)),
        ("[10.0.0.1]:80", ("10.0.0.1", 80)),
    ],
)
def test_a_source_is_an_optional_address_and_a_port(text: str, source: tuple[str, int]) -> None:
    assert parse_source(text) == source


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no port"),
        ("host", "names no port"),
        ("host:", "names no port"),
        ("host:http", "names no port"),
        ("host:-1", "names no port"),
        ("host:\u0663", "names no port"),
        ("1.5", "names no port"),
        ("65536", "0 (any free one) to 65535"),
        ("::1:6080", "in brackets, as in [::1]:6080"),
        ("::1", "in brackets, as in [::1]:6080"),
        ("[]:80", "write 6080, 127.0.0.1:6080 or [::1]:6080"),
        ("[::1:80", "in brackets"),
        ("x]:80", "write 6080"),
        (" host:80", "write 6080"),
    ],
)
def test_what_is_no_source_is_told_what_would_be(text: str, said: str) -> None:
    with pytest.raises(UsageError) as wrong:
        parse_source(text)
    assert said in str(wrong.value)


@contextmanager
def bound(host: str, port: int = 0, *, prefer_ipv6: bool = False) -> Iterator[list[socket.socket]]:
    sockets = bind(host, port, prefer_ipv6=prefer_ipv6)
    try:
        yield sockets
    finally:
        for sock in sockets:
            sock.close()


def where(sockets: list[socket.socket]) -> list[str]:
    return [sock.getsockname()[0] for sock in sockets]


@needs_ipv6
@pytest.mark.parametrize(
    ("host", "prefer_ipv6", "addresses"),
    [
        ("", False, ["0.0.0.0", "::"]),
        ("", True, ["::", "0.0.0.0"]),
        ("localhost", False, ["127.0.0.1", "::1"]),
        ("localhost", True, ["::1", "127.0.0.1"]),
        ("127.0.0.1", True, ["127.0.0.1"]),
        ("::1", False, ["::1"]),
        ("::", False, ["::"]),
    ],
)
def test_a_host_stands_for_its_addresses_on_one_port(
    host: str, prefer_ipv6: bool, addresses: list[str]
) -> None:
    with bound(host, prefer_ipv6=prefer_ipv6) as sockets:
        assert where(sockets) == addresses
        ports = {sock.getsockname()[1] for sock in sockets}
        assert len(ports) == 1
        assert ports != {0}


def test_the_sockets_are_standard_non_blocking_and_not_inherited() -> None:
    with bound("127.0.0.1") as (listener,):
        assert type(listener) is monkey.get_original("socket", "socket")
        assert listener.getblocking() is False
        assert listener.get_inheritable() is False
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == 1
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1


@needs_ipv6
def test_ipv6_leaves_ipv4_to_its_own_socket() -> None:
    with bound("::") as (listener,):
        assert listener.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1


def test_a_taken_port_names_the_address_and_closes_what_was_bound() -> None:
    with listening(V4) as (_, address):
        before = descriptors()
        with pytest.raises(StartError) as taken:
            bind("", int(address.sockaddr[1]), prefer_ipv6=True)
        assert descriptors() == before
    assert str(taken.value).startswith(f"cannot listen on 0.0.0.0:{address.sockaddr[1]}: ")
    assert "ss -ltnp" in str(taken.value)


def test_an_address_of_another_machine_is_told() -> None:
    with pytest.raises(StartError, match=r"192\.0\.2\.1:6080: this machine has no such address"):
        bind("192.0.2.1", 6080)


@pytest.mark.parametrize("host", ["x" * 300, "nul\0"])
def test_what_can_be_no_name_is_told(host: str) -> None:
    with pytest.raises(StartError, match="no address and no name that this machine knows"):
        bind(host, 6080)


# -- Machines that this one is not -------------------------------------------------------


class Machine:
    """Stands for `_listen` on a machine where some addresses fail with an errno."""

    def __init__(self, faults: dict[str, list[int]]) -> None:
        self.faults = faults

    def __call__(self, address: Address, backlog: int, *, reuse_port: bool) -> socket.socket:
        left = self.faults.get(str(address.sockaddr[0]), [])
        if left:
            number = left.pop(0) if len(left) > 1 else left[0]
            if number:
                raise OSError(number, "told by the test")
        return real_listen(Address(V4, ("127.0.0.1", 0)), backlog, reuse_port=reuse_port)


real_listen = listen._listen


@pytest.mark.parametrize("number", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
def test_without_ipv6_there_is_ipv4_alone(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr(listen, "_listen", Machine({"::": [number]}))
    with bound("") as sockets:
        assert len(sockets) == 1


def test_without_any_family_the_last_fault_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    faults = {"::": [errno.EAFNOSUPPORT], "0.0.0.0": [errno.EAFNOSUPPORT]}
    monkeypatch.setattr(listen, "_listen", Machine(faults))
    with pytest.raises(StartError, match="Address family not supported"):
        bind("", 0)


def test_a_privileged_port_is_told_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen, "_listen", Machine({"0.0.0.0": [errno.EACCES]}))
    with pytest.raises(StartError, match=r"0\.0\.0\.0:80: not permitted: choose a port of 1024"):
        bind("", 80)


def test_a_free_port_that_the_other_family_has_not_is_given_up_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        listen, "_listen", Machine({"::": [errno.EADDRINUSE, errno.EADDRINUSE, 0]})
    )
    with bound("") as sockets:
        assert len(sockets) == 2


def test_the_search_for_a_free_port_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen, "_listen", Machine({"::": [errno.EADDRINUSE]}))
    before = descriptors()
    with pytest.raises(StartError, match="the port is taken"):
        bind("", 0)
    assert descriptors() == before
