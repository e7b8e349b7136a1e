"""The PROXY line that we send: what a target is told of the client behind its connection.

The forms are those of `proxyline`, which reads them.  Version 2 also carries
the session's id, by which a line of the target's log finds its line in ours,
and whether the client came over TLS.

Both ends of a line are of one family.  Where the client and the address that
it came to are not, the IPv4 one is written as IPv6 has it (RFC 4291, section
2.5.5.2), as HAProxy does.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from ..model import Peer

_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"

# Version 2, command PROXY; then the family with its transport, a stream.
_PROXY, _UNSPEC, _TCP4, _TCP6 = 0x21, 0x00, 0x11, 0x21

# What may follow the addresses (section 2.2.7): type, length, value.
_TYPE_SSL, _SUBTYPE_SSL_VERSION, _SUBTYPE_SSL_CN, _TYPE_UNIQUE_ID = 0x20, 0x21, 0x22, 0x05
# The certificate came over this connection and belongs to its session.
_CLIENT_SSL, _CLIENT_CERTIFICATE = 0x01, 0x02 | 0x04
# Anything but 0 says that no certificate of the client was verified.
_VERIFIED, _NOT_VERIFIED = 0, 1

# Of a common name (RFC 5280, appendix A.1: ub-common-name), in four bytes each.
LONGEST_NAME = 64 * 4


@dataclass(frozen=True, slots=True)
class Introduction:
    """What a target is told.

    `client` is who is really there, `destination` what it connected to (a
    `Peer` without a host where that is a unix socket); `tls` the version of
    the client's TLS, such as "TLSv1.3", or None.  `verified` says that it
    showed a certificate of its own that was verified, and `common_name` whose.
    """

    client: Peer
    destination: Peer
    session_id: str
    tls: str | None
    verified: bool = False
    common_name: str | None = None


def text_line(introduction: Introduction) -> bytes:
    """Version 1; it has no words for a client on a unix socket."""
    ends = _ends(introduction)
    if ends is None:
        return b"PROXY UNKNOWN\r\n"
    source, destination = ends
    ports = f"{introduction.client.port} {introduction.destination.port}"
    addresses = f"{_text(source)} {_text(destination)}"
    return f"PROXY TCP{source.version} {addresses} {ports}\r\n".encode()


def binary_line(introduction: Introduction) -> bytes:
    """Version 2."""
    family, addresses = _UNSPEC, b""
    if ends := _ends(introduction):
        family = _TCP4 if ends[0].version == 4 else _TCP6
        ports = struct.pack("!HH", introduction.client.port, introduction.destination.port)
        addresses = ends[0].packed + ends[1].packed + ports
    block = addresses + _tlv(_TYPE_UNIQUE_ID, introduction.session_id.encode())
    if introduction.tls is not None:
        block += _tlv(_TYPE_SSL, _ssl(introduction, introduction.tls))
    return _SIGNATURE + struct.pack("!BBH", _PROXY, family, len(block)) + block


def _ssl(introduction: Introduction, version: str) -> bytes:
    """What is known of the client's TLS (section 2.2.6)."""
    flags, verify = _CLIENT_SSL, _NOT_VERIFIED
    if introduction.verified:
        flags, verify = _CLIENT_SSL | _CLIENT_CERTIFICATE, _VERIFIED
    value = struct.pack("!BI", flags, verify) + _tlv(_SUBTYPE_SSL_VERSION, version.encode())
    if introduction.common_name is not None:
        value += _tlv(_SUBTYPE_SSL_CN, introduction.common_name.encode()[:LONGEST_NAME])
    return value


LINES = {"v1": text_line, "v2": binary_line}

_Ends = tuple[IPv4Address, IPv4Address] | tuple[IPv6Address, IPv6Address]


def _ends(introduction: Introduction) -> _Ends | None:
    """Both addresses, of one family; None where the client has none."""
    if not introduction.client.host:
        return None
    source = _address(introduction.client)
    destination = _address(introduction.destination) if introduction.destination.host else None
    if isinstance(source, IPv4Address) and not isinstance(destination, IPv6Address):
        return source, destination or IPv4Address(0)
    return _as_ipv6(source), _as_ipv6(destination or IPv6Address(0))


def _address(peer: Peer) -> IPv4Address | IPv6Address:
    return ip_address(peer.host.partition("%")[0])


def _as_ipv6(address: IPv4Address | IPv6Address) -> IPv6Address:
    if isinstance(address, IPv6Address):
        return address
    return IPv6Address(b"\0" * 10 + b"\xff\xff" + address.packed)


def _text(address: IPv4Address | IPv6Address) -> str:
    """As inet_ntop has it; before 3.13 Python would write the IPv4 part in hex."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return f"::ffff:{mapped}" if mapped else str(address)


def _tlv(kind: int, value: bytes) -> bytes:
    return struct.pack("!BH", kind, len(value)) + value
