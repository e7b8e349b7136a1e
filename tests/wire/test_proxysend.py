"""The PROXY line we send, byte by byte, and as our own reader takes it."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsproxy_gevent.model import Peer
from wsproxy_gevent.wire.proxyline import ProxyLine, ProxyLineReader
from wsproxy_gevent.wire.proxysend import LINES, Introduction, binary_line, text_line

ID = "0123456789abcdef"
SIGNATURE = b"\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a"
UNIQUE_ID = b"\x05\x00\x100123456789abcdef"
# Over TLS, no certificate of the client verified, then the version.
TLS_13 = b"\x20\x00\x0f\x01\x00\x00\x00\x01\x21\x00\x07TLSv1.3"

UNIX = Peer("")
V4, V6 = Peer("192.0.2.1", 56324), Peer("2001:db8::1", 56324)
TO_V4, TO_V6 = Peer("198.51.100.2", 443), Peer("2001:db8::2", 443)

V6_BYTES = b"\x20\x01\x0d\xb8" + b"\x00" * 11
MAPPED = b"\x00" * 10 + b"\xff\xff"
PORTS = b"\xdc\x04\x01\xbb"

TEXTS = [
    (V4, TO_V4, b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n"),
    (V6, TO_V6, b"PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n"),
    (V6, TO_V4, b"PROXY TCP6 2001:db8::1 ::ffff:198.51.100.2 56324 443\r\n"),
    (V4, TO_V6, b"PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 56324 443\r\n"),
    (Peer("192.0.2.1"), TO_V4, b"PROXY TCP4 192.0.2.1 198.51.100.2 0 443\r\n"),
    (Peer("fe80::1%eth0", 1), TO_V6, b"PROXY TCP6 fe80::1 2001:db8::2 1 443\r\n"),
    (V4, UNIX, b"PROXY TCP4 192.0.2.1 0.0.0.0 56324 0\r\n"),
    (V6, UNIX, b"PROXY TCP6 2001:db8::1 :: 56324 0\r\n"),
    (UNIX, UNIX, b"PROXY UNKNOWN\r\n"),
    (UNIX, TO_V4, b"PROXY UNKNOWN\r\n"),
]

BINARIES = [
    (V4, TO_V4, b"\x21\x11\x00\x1f\xc0\x00\x02\x01\xc6\x33\x64\x02" + PORTS),
    (V6, TO_V6, b"\x21\x21\x00\x37" + V6_BYTES + b"\x01" + V6_BYTES + b"\x02" + PORTS),
    (
        *(V6, TO_V4),
        b"\x21\x21\x00\x37" + V6_BYTES + b"\x01" + MAPPED + b"\xc6\x33\x64\x02" + PORTS,
    ),
    (UNIX, UNIX, b"\x21\x00\x00\x13"),
]


def introduction(client: Peer, destination: Peer, tls: str | None = None) -> Introduction:
    return Introduction(client, destination, ID, tls)


@pytest.mark.parametrize(("client", "destination", "line"), TEXTS)
def test_version_1_to_the_byte(client: Peer, destination: Peer, line: bytes) -> None:
    assert text_line(introduction(client, destination, "TLSv1.3")) == line
    assert len(line) <= 107


@pytest.mark.parametrize(("client", "destination", "head"), BINARIES)
def test_version_2_to_the_byte_with_the_sessions_id(
    client: Peer, destination: Peer, head: bytes
) -> None:
    assert binary_line(introduction(client, destination)) == SIGNATURE + head + UNIQUE_ID


def test_version_2_says_that_the_client_came_over_tls() -> None:
    line = binary_line(introduction(V4, TO_V4, "TLSv1.3"))
    head = b"\x21\x11\x00\x31\xc0\x00\x02\x01\xc6\x33\x64\x02" + PORTS
    assert line == SIGNATURE + head + UNIQUE_ID + TLS_13


def test_version_2_says_whose_certificate_was_verified() -> None:
    told = Introduction(V4, TO_V4, ID, "TLSv1.3", verified=True, common_name="alice")
    head = b"\x21\x11\x00\x39\xc0\x00\x02\x01\xc6\x33\x64\x02" + PORTS
    tls = b"\x20\x00\x17\x07\x00\x00\x00\x00\x21\x00\x07TLSv1.3\x22\x00\x05alice"
    assert binary_line(told) == SIGNATURE + head + UNIQUE_ID + tls


@pytest.mark.parametrize("version", LINES)
@pytest.mark.parametrize("tls", [None, "TLSv1.2"])
@pytest.mark.parametrize(("client", "destination"), [(V4, TO_V4), (V6, TO_V6), (V6, TO_V4)])
def test_what_we_send_we_read(
    version: str, tls: str | None, client: Peer, destination: Peer
) -> None:
    reader = ProxyLineReader()
    line = reader.feed(LINES[version](introduction(client, destination, tls)) + b"RFB")
    assert line == ProxyLine(client, destination)
    assert reader.leftover == b"RFB"


HOSTS = st.ip_addresses().map(str)
PEERS = st.builds(Peer, HOSTS, st.integers(0, 65535))


@given(PEERS, PEERS | st.just(UNIX), st.sampled_from([None, "TLSv1.3"]), st.text(max_size=300))
def test_whoever_it_is_what_we_send_is_read_as_that(
    client: Peer, destination: Peer, tls: str | None, name: str
) -> None:
    told = Introduction(client, destination, ID, tls, verified=True, common_name=name)
    for line in LINES.values():
        read = ProxyLineReader().feed(line(told))
        assert read is not None
        assert read.source is not None
        # Of an IPv4 address inside IPv6 the reader knows the IPv4 one.
        assert embedded(read.source.host) == embedded(client.host)
        assert read.source.port == client.port


def embedded(host: str) -> object:
    address = ip_address(host)
    return getattr(address, "ipv4_mapped", None) or address


@pytest.mark.parametrize("version", LINES)
def test_a_client_without_an_address_is_unknown(version: str) -> None:
    assert ProxyLineReader().feed(LINES[version](introduction(UNIX, UNIX))) == ProxyLine()
