from __future__ import annotations

import pytest

from tests.fakes import FakeStream
from wsproxy_gevent.errors import NotHttp, PeerLeft
from wsproxy_gevent.model import Peer
from wsproxy_gevent.net.balancers import Balancers
from wsproxy_gevent.net.stream import StreamBroken
from wsproxy_gevent.wire.proxyline import LONGEST_BINARY, ProxyLine

CLIENT = ProxyLine(Peer("192.0.2.1", 56324), Peer("198.51.100.2", 443))
TEXT = b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n"
BLOCK = b"\xc0\x00\x02\x01\xc6\x33\x64\x02\xdc\x04\x01\xbb"
BINARY = b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + BLOCK
PADDING = LONGEST_BINARY - len(BLOCK) - 3
LONGEST = (
    b"\r\n\r\n\x00\r\nQUIT\n\x21\x11"
    + LONGEST_BINARY.to_bytes(2, "big")
    + (BLOCK + b"\x04" + PADDING.to_bytes(2, "big") + bytes(PADDING))
)


@pytest.mark.parametrize(
    ("trusted", "peer", "trusts"),
    [
        (["127.0.0.1", "::1"], Peer("127.0.0.1", 1), True),
        (["127.0.0.1", "::1"], Peer("::1", 1), True),
        (["127.0.0.1", "::1"], Peer("127.0.0.2", 1), False),
        (["10.0.0.0/8"], Peer("10.1.2.3", 1), True),
        (["10.0.0.1/8"], Peer("11.0.0.1", 1), False),
        (["fe80::/10"], Peer("fe80::1%eth0", 1), True),
        (["*"], Peer("203.0.113.9", 1), True),
        ([], Peer("127.0.0.1", 1), False),
        ([], Peer(""), True),
    ],
)
def test_whoever_has_a_trusted_address_is_a_balancer(
    trusted: list[str], peer: Peer, trusts: bool
) -> None:
    assert Balancers(trusted).trusts(peer) is trusts


def test_what_is_no_address_is_an_error() -> None:
    with pytest.raises(ValueError, match="balancer"):
        Balancers(["balancer.example"])


@pytest.mark.parametrize("line", [TEXT, BINARY], ids=["text", "binary"])
def test_the_line_is_read_however_it_is_cut_and_what_follows_is_handed_on(line: bytes) -> None:
    for cut in range(1, len(line) + 1):
        stream = FakeStream(line[:cut], line[cut:] + b"\x16\x03\x01")
        found, behind = Balancers([]).read_line(stream)
        # A line that was whole leaves the rest to be read.
        assert (found, behind or stream.read_some()) == (CLIENT, b"\x16\x03\x01")


def test_it_is_read_byte_by_byte() -> None:
    stream = FakeStream(*(bytes([byte]) for byte in BINARY))
    assert Balancers([]).read_line(stream) == (CLIENT, b"")


def test_the_longest_is_read_and_what_follows_is_handed_on() -> None:
    assert Balancers([]).read_line(FakeStream(LONGEST + b"GET")) == (CLIENT, b"GET")


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\n", b"\x16\x03\x01", b"PRAXY TCP4 "])
def test_a_balancer_that_sends_no_line_is_refused(first: bytes) -> None:
    with pytest.raises(NotHttp):
        Balancers([]).read_line(FakeStream(first))


@pytest.mark.parametrize(("version", "other"), [(1, BINARY), (2, TEXT)])
def test_only_the_versions_that_were_named_are_taken(version: int, other: bytes) -> None:
    with pytest.raises(NotHttp, match="must come first"):
        Balancers([], versions=[version]).read_line(FakeStream(other))


@pytest.mark.parametrize("begun", [(), (TEXT[:-1],), (BINARY[:20],)])
def test_a_balancer_may_leave(begun: tuple[bytes, ...]) -> None:
    stream = FakeStream(*begun)
    stream.end()
    with pytest.raises(PeerLeft):
        Balancers([]).read_line(stream)


def test_a_connection_that_breaks_is_a_broken_stream() -> None:
    stream = FakeStream(TEXT[:10])
    stream.break_off()
    with pytest.raises(StreamBroken):
        Balancers([]).read_line(stream)
