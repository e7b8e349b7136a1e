from __future__ import annotations

import pytest

from wsproxy_gevent.errors import NotHttp
from wsproxy_gevent.model import Peer
from wsproxy_gevent.wire.proxyline import LONGEST_BINARY, ProxyLine, ProxyLineReader

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
IPV4 = b"\xc0\x00\x02\x01\xc6\x33\x64\x02\xdc\x04\x01\xbb"
IPV6 = (
    b"\x20\x01\x0d\xb8" + bytes(11) + b"\x01\x20\x01\x0d\xb8" + bytes(11) + b"\x02\xdc\x04\x01\xbb"
)
MAPPED = bytes(10) + b"\xff\xff\xc0\x00\x02\x01" + bytes(15) + b"\x01\xdc\x04\x01\xbb"

TCP4 = ProxyLine(Peer("192.0.2.1", 56324), Peer("198.51.100.2", 443))
TCP6 = ProxyLine(Peer("2001:db8::1", 56324), Peer("2001:db8::2", 443))


def binary(command: int, family: int, block: bytes = b"") -> bytes:
    return SIGNATURE + bytes((command, family)) + len(block).to_bytes(2, "big") + block


GOOD: dict[str, tuple[bytes, ProxyLine]] = {
    "TCP4": (b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", TCP4),
    "TCP6": (b"PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n", TCP6),
    "TCP6 in full": (
        b"PROXY TCP6 2001:0DB8:0:0:0:0:0:1 2001:db8:0:0:0:0:0:2 56324 443\r\n",
        TCP6,
    ),
    "an IPv4 address in IPv6": (
        b"PROXY TCP6 ::ffff:192.0.2.1 ::1 0 65535\r\n",
        ProxyLine(Peer("192.0.2.1", 0), Peer("::1", 65535)),
    ),
    "UNKNOWN": (b"PROXY UNKNOWN\r\n", ProxyLine()),
    "UNKNOWN with the rest": (b"PROXY UNKNOWN ffff::1 what ever\r\n", ProxyLine()),
    "the longest text": (b"PROXY UNKNOWN " + b"x" * 91 + b"\r\n", ProxyLine()),
    "version 2, LOCAL": (binary(0x20, 0x00), ProxyLine()),
    "LOCAL, whatever its block": (binary(0x20, 0x11, b"\x01\x02"), ProxyLine()),
    "LOCAL, whatever its family": (binary(0x20, 0xFF), ProxyLine()),
    "no family": (binary(0x21, 0x00, b"\x01"), ProxyLine()),
    "IPv4": (binary(0x21, 0x11, IPV4), TCP4),
    "IPv6": (binary(0x21, 0x21, IPV6), TCP6),
    "IPv4 mapped": (
        binary(0x21, 0x21, MAPPED),
        ProxyLine(Peer("192.0.2.1", 56324), Peer("::1", 443)),
    ),
    "a unix stream": (binary(0x21, 0x31, bytes(216)), ProxyLine(Peer(""), Peer(""))),
    "fields behind the addresses": (
        binary(0x21, 0x11, IPV4 + b"\x02\x00\x01h\x04\x00\x00"),
        TCP4,
    ),
}

BAD: dict[str, bytes] = {
    "a request": b"G",
    "TLS": b"\x16",
    "another word": b"PROXX",
    "small letters": b"p",
    "a tab": b"PROXY\t",
    "no family": b"PROXY \r\n",
    "an unknown family": b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
    "UNKNOWN run together": b"PROXY UNKNOWNS\r\n",
    "a bare LF": b"PROXY UNKNOWN\n",
    "a bare LF behind what UNKNOWN may have": b"PROXY UNKNOWN x\n",
    "a CR within": b"PROXY UNKNOWN \r \r\n",
    "108 bytes": b"PROXY UNKNOWN " + b"x" * 92 + b"\r",
    "two blanks": b"PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n",
    "a blank behind": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n",
    "a port missing": b"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
    "an address of the other family": b"PROXY TCP4 ::1 192.0.2.2 1 2\r\n",
    "an IPv4 address in TCP6": b"PROXY TCP6 192.0.2.1 ::1 1 2\r\n",
    "a zero in front of an address": b"PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n",
    "three numbers": b"PROXY TCP4 192.0.2 192.0.2.2 1 2\r\n",
    "a zone": b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
    "an address in brackets": b"PROXY TCP6 [::1] ::1 1 2\r\n",
    "digits that are not ASCII": "PROXY TCP4 192.0.2.\u0661 192.0.2.2 1 2\r\n".encode(),
    "a zero in front of a port": b"PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
    "a port too many": b"PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n",
    "a port with a sign": b"PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n",
    "another signature": b"\r\n\r\n\x01",
    "an empty line and a request": b"\r\nG",
    "version 1 in binary": SIGNATURE + b"\x11",
    "a command of 2": SIGNATURE + b"\x22",
    "datagrams": SIGNATURE + b"\x21\x12",
    "a family of 4": SIGNATURE + b"\x21\x41",
    "a length over the limit": SIGNATURE + b"\x21\x11" + (LONGEST_BINARY + 1).to_bytes(2, "big"),
    "addresses cut short": binary(0x21, 0x11, IPV4[:-1]),
    "a unix stream cut short": binary(0x21, 0x31, bytes(215)),
    "half a unix stream, which reads as fields": binary(0x21, 0x31, bytes(108)),
    "a field cut short": binary(0x21, 0x11, IPV4 + b"\x02\x00\x02h"),
    "a field without a length": binary(0x21, 0x11, IPV4 + b"\x02\x00"),
}


@pytest.mark.parametrize(("wire", "line"), GOOD.values(), ids=GOOD)
@pytest.mark.parametrize("behind", [b"", b"\n", b"\x16\x03\x01"], ids=repr)
def test_a_line_is_read_to_its_last_byte_however_it_is_cut(
    wire: bytes, line: ProxyLine, behind: bytes
) -> None:
    for cut in range(len(wire)):
        reader = ProxyLineReader()
        assert reader.feed(wire[:cut]) is None
        assert reader.feed(wire[cut:] + behind) == line
        assert reader.leftover == behind


@pytest.mark.parametrize(("wire", "line"), GOOD.values(), ids=GOOD)
def test_a_line_may_come_byte_by_byte(wire: bytes, line: ProxyLine) -> None:
    reader = ProxyLineReader()
    *some, last = (reader.feed(bytes([byte])) for byte in wire)
    assert not any(some)
    assert last == line


def told(wire: bytes, cut: int) -> tuple[int, str]:
    """Which of the two reads found the fault, and the fault."""
    reader = ProxyLineReader()
    for number, piece in enumerate((wire[:cut], wire[cut:])):
        try:
            assert reader.feed(piece) is None
        except NotHttp as error:
            return number, error.detail
    raise AssertionError("no fault")


@pytest.mark.parametrize("wire", BAD.values(), ids=BAD)
def test_a_fault_is_found_at_the_first_byte_that_shows_it(wire: bytes) -> None:
    number, detail = told(wire, len(wire) - 1)
    assert number == 1
    assert {told(wire, cut)[1] for cut in range(len(wire) + 1)} == {detail}


def test_the_longest_block_is_taken_and_let_go() -> None:
    reader = ProxyLineReader()
    assert reader.feed(SIGNATURE + b"\x20\x00" + LONGEST_BINARY.to_bytes(2, "big")) is None
    assert reader.feed(bytes(LONGEST_BINARY)) == ProxyLine()
    assert reader.leftover == b""
