"""The PROXY line: what a balancer says of the client whose connection it hands on.

It stands before everything else on a connection, TLS included, in one of two
forms (HAProxy's "The PROXY protocol", versions 1 and 2).  It is read exactly
and never guessed: whoever is trusted to send one must, and whoever is not
must not be asked, for "PROXY" would be a fine beginning of a request too.

Every check is made at the first byte that can fail it, so the verdict never
depends on how the bytes were cut.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from ..errors import NotHttp
from ..model import Peer

# Section 2.1: "the worst case", an UNKNOWN line with two full IPv6 addresses.
LONGEST_TEXT = 107
# Section 2.2 has room for 65535; what follows the addresses is for others,
# and what real balancers put there (a certificate's name, a cloud's ids) is
# far under this.
LONGEST_BINARY = 4096

_TEXT = b"PROXY "
_BINARY = b"\r\n\r\n\x00\r\nQUIT\n"
_SIGNATURES = {_TEXT[0]: _TEXT, _BINARY[0]: _BINARY}
_HEADER = struct.Struct("!12sBBH")
_PORTS = struct.Struct("!HH")


def begins(received: bytes) -> bool:
    """Whether these first bytes are a balancer's, which no client's are."""
    return received.startswith((_TEXT, _BINARY))


@dataclass(frozen=True, slots=True)
class ProxyLine:
    """Both ends of the connection that the sender accepted.

    They are None if the connection is the sender's own (a health check) or
    of a kind that it has no words for: then the socket's own addresses hold.
    """

    source: Peer | None = None
    destination: Peer | None = None


class ProxyLineReader:
    """Reads one line of either version, cut anywhere."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.leftover = b""

    def feed(self, data: bytes) -> ProxyLine | None:
        """Take the next bytes; the line, or None while more is needed.

        What came behind it is in `leftover`.  Raises `NotHttp`, after which
        the reader is of no more use: nothing can be answered, for nobody
        knows in which protocol.
        """
        self._buffer += data
        if not self._buffer:
            return None
        signature = _SIGNATURES.get(self._buffer[0], b"")
        begun = bytes(self._buffer[: len(signature)])
        if not signature or not signature.startswith(begun):
            raise _fault("it must begin with PROXY or with the signature of version 2")
        if begun != signature:
            return None
        return self._text() if signature is _TEXT else self._binary()

    def _text(self) -> ProxyLine | None:
        end = self._buffer.find(b"\n", 0, LONGEST_TEXT) + 1
        if end:
            return _read_text(self._cut(end))
        if len(self._buffer) >= LONGEST_TEXT:
            raise _fault(f"it has no end within {LONGEST_TEXT} bytes")
        return None

    def _binary(self) -> ProxyLine | None:
        read = _command(self._buffer)
        if len(self._buffer) < _HEADER.size:
            return None
        size = _HEADER.unpack_from(self._buffer)[-1]
        if size > LONGEST_BINARY:
            raise _fault(f"it announces more than {LONGEST_BINARY} bytes")
        end = _HEADER.size + size
        return None if len(self._buffer) < end else read(self._cut(end)[_HEADER.size :])

    def _cut(self, end: int) -> bytes:
        line, self.leftover = bytes(self._buffer[:end]), bytes(self._buffer[end:])
        self._buffer.clear()
        return line


def _fault(detail: str) -> NotHttp:
    return NotHttp("the PROXY line of the balancer in front is not valid", detail=detail)


# -- Version 1 ------------------------------------------------------------------

_Family = type[IPv4Address] | type[IPv6Address]
_FAMILIES: dict[bytes, _Family] = {b"TCP4": IPv4Address, b"TCP6": IPv6Address}

# "Heading zeroes are not permitted", in addresses neither.
_PORT = re.compile(rb"0|[1-9][0-9]{0,4}")
_ADDRESS = re.compile(rb"[0-9A-Fa-f:.]+")


def _read_text(line: bytes) -> ProxyLine:
    content = line.removesuffix(b"\r\n")
    if content == line or b"\r" in content:
        raise _fault("it must end in CRLF, and hold no other CR or LF")
    family, *words = content.split(b" ")[1:]
    if family == b"UNKNOWN":
        # "The receiver must ignore anything presented before the CRLF".
        return ProxyLine()
    if family not in _FAMILIES or len(words) != 4:
        raise _fault("it must be PROXY, TCP4 or TCP6, two addresses and two ports")
    source, destination = (_address(word, _FAMILIES[family]) for word in words[:2])
    source_port, destination_port = map(_port, words[2:])
    return ProxyLine(Peer(source, source_port), Peer(destination, destination_port))


def _address(word: bytes, family: _Family) -> str:
    try:
        if not _ADDRESS.fullmatch(word):
            raise ValueError(word)
        return _name(family(word.decode("ascii")))
    except ValueError as exc:
        raise _fault("an address is not one of its family") from exc


def _port(word: bytes) -> int:
    if not _PORT.fullmatch(word) or int(word) > 65535:
        raise _fault("a port is not a number up to 65535")
    return int(word)


def _name(address: IPv4Address | IPv6Address) -> str:
    """As in `Peer`: an IPv4 address mapped into IPv6 is unmapped."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


# -- Version 2 ------------------------------------------------------------------


def _command(head: bytearray) -> Callable[[bytes], ProxyLine]:
    """What reads the block behind this header, so far as the header has come."""
    at = len(_BINARY)
    if len(head) > at and head[at] not in _COMMANDS:
        raise _fault("its version is not 2, or its command neither LOCAL nor PROXY")
    if len(head) <= at + 1 or not _COMMANDS[head[at]]:
        return _ignore
    if head[at + 1] not in _BLOCKS:
        raise _fault("its family is neither TCP nor a unix stream")
    return _BLOCKS[head[at + 1]]


def _ignore(block: bytes) -> ProxyLine:
    """LOCAL: "the receiver must [...] discard the protocol block"; UNSPEC alike."""
    return ProxyLine()


def _ipv4(block: bytes) -> ProxyLine:
    return _pair(block, IPv4Address, 4)


def _ipv6(block: bytes) -> ProxyLine:
    return _pair(block, IPv6Address, 16)


def _pair(block: bytes, family: _Family, size: int) -> ProxyLine:
    ports = 2 * size
    _check_rest(block, ports + _PORTS.size)
    source, destination = family(block[:size]), family(block[size:ports])
    source_port, destination_port = _PORTS.unpack_from(block, ports)
    return ProxyLine(Peer(_name(source), source_port), Peer(_name(destination), destination_port))


def _unix(block: bytes) -> ProxyLine:
    """Two paths of 108 bytes each; a `Peer` has none."""
    _check_rest(block, 2 * 108)
    return ProxyLine(Peer(""), Peer(""))


def _check_rest(block: bytes, at: int) -> None:
    """Behind the addresses there is nothing, or a row of type, length, value."""
    if len(block) < at:
        raise _fault("it is too short for its addresses")
    while at < len(block):
        if at + 3 > len(block):
            raise _fault("what follows the addresses is cut short")
        at += 3 + int.from_bytes(block[at + 1 : at + 3])
    if at > len(block):
        raise _fault("what follows the addresses is cut short")


# Version and command in one byte, and whether the block counts.
_COMMANDS = {0x20: False, 0x21: True}
# Family and transport in one byte.  Datagrams cannot come over a connection.
_BLOCKS: dict[int, Callable[[bytes], ProxyLine]] = {
    0x00: _ignore,
    0x11: _ipv4,
    0x21: _ipv6,
    0x31: _unix,
}
