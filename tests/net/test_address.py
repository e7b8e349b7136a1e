"""Addresses: what is a literal, and in which order they are tried."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest

from wsproxy_gevent.model import Peer
from wsproxy_gevent.net.address import (
    Address,
    from_addrinfo,
    interleaved,
    is_here,
    network_of,
    numeric_or_none,
)

V4, V6 = socket.AF_INET, socket.AF_INET6


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("10.0.0.1", Address(V4, ("10.0.0.1", 5900))),
        ("::1", Address(V6, ("::1", 5900, 0, 0))),
        ("::ffff:10.0.0.1", Address(V6, ("::ffff:10.0.0.1", 5900, 0, 0))),
        ("localhost", None),
        ("", None),
        ("127.1", None),
        ("fe80::1%lo", None),
        ("[::1]", None),
    ],
)
def test_literals_are_told_from_names(host: str, address: Address | None) -> None:
    assert numeric_or_none(host, 5900) == address


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (Address(V4, ("10.0.0.1", 80)), "10.0.0.1:80"),
        (Address(V6, ("::1", 80, 0, 0)), "[::1]:80"),
        (Address(socket.AF_UNIX, "/run/x"), "unix:/run/x"),
    ],
)
def test_an_address_is_written_as_people_do(address: Address, text: str) -> None:
    assert str(address) == text


def test_the_resolvers_answers_keep_their_order_and_come_once() -> None:
    answers = [
        (V6, 1, 6, "", ("::1", 80, 0, 0)),
        (V4, 1, 6, "", ("127.0.0.1", 80)),
        (V6, 1, 6, "", ("::1", 80, 0, 0)),
        (socket.AF_UNIX, 1, 0, "", "/not/asked/for"),
    ]
    assert from_addrinfo(answers) == [
        Address(V6, ("::1", 80, 0, 0)),
        Address(V4, ("127.0.0.1", 80)),
    ]


@pytest.mark.parametrize(
    ("families", "order"),
    [
        ("", ""),
        ("4", "4"),
        ("6644", "6464"),
        ("4466", "4646"),
        ("6664", "6466"),
        ("46666", "46666"),
        ("664444", "646444"),
    ],
)
def test_families_alternate_from_the_first(families: str, order: str) -> None:
    made = [Address(V6 if f == "6" else V4, (f, n)) for n, f in enumerate(families)]
    tried = interleaved(made)
    assert "".join(a.sockaddr[0] for a in tried) == order
    for family in (V4, V6):
        assert [a for a in tried if a.family == family] == [a for a in made if a.family == family]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1"])
def test_loopback_is_here(host: str) -> None:
    assert is_here(ip_address(host))


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "240.0.0.1"])
def test_other_machines_are_not_here(host: str) -> None:
    assert not is_here(ip_address(host))


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_an_ipv6_address_stands_for_its_64(host: str, key: str) -> None:
    assert network_of(Peer(host)) == key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8::1", "2001:db8::ffff:1"),
        ("fe80::1%eth0", "fe80::2%eth0"),
        ("192.0.2.1", "192.0.2.1"),
        ("", ""),
    ],
)
def test_one_guesser_has_one_record(one: str, other: str) -> None:
    assert network_of(Peer(one, 1)) == network_of(Peer(other, 2))


@pytest.mark.parametrize(
    ("one", "other"), [("2001:db8::1", "2001:db8:0:1::1"), ("192.0.2.1", "192.0.2.2")]
)
def test_neighbours_have_their_own(one: str, other: str) -> None:
    assert network_of(Peer(one)) != network_of(Peer(other))
