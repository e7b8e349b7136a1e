"""Who sent a request: the peer, or whom trusted proxies name, and nobody else."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsproxy_gevent.auth.clients import MOST_TOLD, Clients, hop_or_none
from wsproxy_gevent.auth.forwarded import TrustedProxies
from wsproxy_gevent.model import Peer
from wsproxy_gevent.wire.message import Headers

PROXY = Peer("10.0.0.1", 40000)
TRUSTED = TrustedProxies(["10.0.0.0/8"])


def found(*lines: tuple[str, str], peer: Peer = PROXY, header: str = "auto") -> str:
    return str(Clients(TRUSTED, header).find(Headers(lines), peer))


def xff(*values: str) -> list[tuple[str, str]]:
    return [("X-Forwarded-For", value) for value in values]


# What came, and who sent it.
CHAINS = [
    (xff("192.0.2.1"), "192.0.2.1"),
    (xff(" 192.0.2.1 "), "192.0.2.1"),
    (xff("192.0.2.1:5000"), "192.0.2.1:5000"),
    (xff("2001:db8::1"), "2001:db8::1"),
    (xff("[2001:db8::1]:80"), "[2001:db8::1]:80"),
    (xff("[2001:db8::1]"), "2001:db8::1"),
    (xff("::ffff:192.0.2.1"), "192.0.2.1"),
    # The client's own words stand in front of what our proxy added.
    (xff("6.6.6.6, 192.0.2.1"), "192.0.2.1"),
    (xff("6.6.6.6", "192.0.2.1"), "192.0.2.1"),
    (xff("6.6.6.6, 10.9.9.9, 192.0.2.1"), "192.0.2.1"),
    # Each further proxy of ours hands on what it was told.
    (xff("6.6.6.6, 192.0.2.1, 10.0.0.2"), "192.0.2.1"),
    (xff("192.0.2.1, 10.0.0.2, 127.0.0.1"), "192.0.2.1"),
    (xff("10.0.0.3, 10.0.0.2"), "10.0.0.3"),
    # What is no address ends the walk at the one who said it.
    (xff("unknown"), "10.0.0.1:40000"),
    (xff("192.0.2.1, unknown, 10.0.0.2"), "10.0.0.2"),
    (xff("192.0.2.1, evil\\x1b[2J"), "10.0.0.1:40000"),
    (xff("fe80::1%eth0"), "10.0.0.1:40000"),
    (xff("192.0.2.1:70000"), "10.0.0.1:40000"),
    (xff("192.0.2.1:"), "10.0.0.1:40000"),
    (xff("0x7f000001"), "10.0.0.1:40000"),
    (xff(""), "10.0.0.1:40000"),
    ([("Forwarded", "for=192.0.2.1")], "192.0.2.1"),
    ([("Forwarded", "proto=https; For = 192.0.2.1 ;by=10.0.0.1")], "192.0.2.1"),
    ([("Forwarded", 'for="[2001:db8::1]:4711"')], "[2001:db8::1]:4711"),
    ([("Forwarded", 'for=6.6.6.6, for="192.0.2.1:80";proto=http')], "192.0.2.1:80"),
    ([("Forwarded", "for=6.6.6.6"), ("Forwarded", "for=192.0.2.1, for=10.0.0.2")], "192.0.2.1"),
    ([("Forwarded", 'for="6.6.6.6, for=192.0.2.1')], "192.0.2.1"),
    ([("Forwarded", "for=_hidden")], "10.0.0.1:40000"),
    ([("Forwarded", "for=unknown, for=10.0.0.2")], "10.0.0.2"),
    ([("Forwarded", "by=192.0.2.1;host=for=192.0.2.2")], "10.0.0.1:40000"),
    ([("X-Real-IP", "192.0.2.1")], "10.0.0.1:40000"),
    ([("Host", "a.example")], "10.0.0.1:40000"),
]


@pytest.mark.parametrize(("lines", "client"), CHAINS)
def test_the_client_is_whom_the_last_of_our_proxies_names(
    lines: list[tuple[str, str]], client: str
) -> None:
    assert found(*lines) == client


@pytest.mark.parametrize("lines", [lines for lines, _ in CHAINS])
@pytest.mark.parametrize("peer", [Peer("203.0.113.9", 7), Peer("11.0.0.1", 7)])
def test_who_is_not_trusted_speaks_for_itself(lines: list[tuple[str, str]], peer: Peer) -> None:
    assert found(*lines, peer=peer) == str(peer)


@pytest.mark.parametrize("peer", [Peer("127.0.0.1", 1), Peer("::1", 1), Peer("")])
def test_loopback_and_unix_peers_are_trusted(peer: Peer) -> None:
    assert found(("X-Forwarded-For", "192.0.2.1"), peer=peer) == "192.0.2.1"


def test_of_two_headers_the_one_counts_that_proxies_add_to() -> None:
    both = [("Forwarded", "for=6.6.6.6"), ("X-Forwarded-For", "192.0.2.1")]
    assert found(*both) == "192.0.2.1"
    assert found(*both, header="forwarded") == "6.6.6.6"
    assert found(*both, header="none") == str(PROXY)


def test_another_header_can_be_the_one() -> None:
    lines = [("X-Real-IP", "192.0.2.1"), ("X-Forwarded-For", "6.6.6.6")]
    assert found(*lines, header="x-real-ip") == "192.0.2.1"
    assert found(("X-Forwarded-For", "6.6.6.6"), header="x-real-ip") == str(PROXY)


# -- One line for who may be a proxy -----------------------------------------------------


def test_an_untrusted_forwarder_is_told_once_with_the_option() -> None:
    said: list[str] = []
    clients = Clients(TRUSTED, warn=said.append)
    for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded"):
        clients.find(Headers([(name, "192.0.2.1")]), Peer("192.168.7.7", 1))
    (line,) = said
    assert "--trusted-proxies 192.168.7.7" in line
    assert "x-forwarded-for" in line


@pytest.mark.parametrize(
    ("headers", "peer", "header"),
    [
        ([("Via", "1.1 squid")], Peer("192.168.7.7", 1), "auto"),
        ([("X-Real-IP", "192.0.2.1")], PROXY, "auto"),
        ([("X-Forwarded-For", "192.0.2.1")], Peer("192.168.7.7", 1), "none"),
    ],
)
def test_nothing_is_said_of_others(
    headers: list[tuple[str, str]], peer: Peer, header: str
) -> None:
    said: list[str] = []
    Clients(TRUSTED, header, said.append).find(Headers(headers), peer)
    assert said == []


def test_a_crowd_does_not_fill_the_log() -> None:
    said: list[str] = []
    clients = Clients(TRUSTED, warn=said.append)
    for number in range(1000):
        clients.find(Headers(xff("192.0.2.1")), Peer(f"198.51.{number // 250}.{number % 250}", 1))
    assert len(said) == MOST_TOLD


# A field's value as h11 hands it on, made of what addresses are made of, or of anything.
VALUES = st.text(st.sampled_from('0123456789abcf.:[]," ;=for'), max_size=40) | st.text(
    st.characters(min_codepoint=32, max_codepoint=255), max_size=40
)


@given(VALUES, st.sampled_from(["X-Forwarded-For", "Forwarded"]))
def test_whatever_a_header_says_the_client_has_an_address(value: str, name: str) -> None:
    client = Clients(TRUSTED).find(Headers([(name, value)]), PROXY)
    assert ip_address(client.host)
    assert 0 <= client.port < 65536


@given(VALUES, st.ip_addresses().map(str))
def test_what_a_client_says_of_itself_changes_nothing(value: str, host: str) -> None:
    expected = Clients(TRUSTED).find(Headers(xff(host)), PROXY)
    if not TRUSTED.trusts(expected):
        assert Clients(TRUSTED).find(Headers(xff(value, host)), PROXY) == expected
        assert Clients(TRUSTED).find(Headers(xff(f"{value}, {host}")), PROXY) == expected


@pytest.mark.parametrize("text", ["", "a", "1.2.3", "[1.2.3.4", "1.2.3.4:99999", "::1%lo"])
def test_what_names_nobody(text: str) -> None:
    assert hop_or_none(text) is None
