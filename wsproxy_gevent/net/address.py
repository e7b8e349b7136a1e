"""Addresses as the socket module writes them, and the order to try them in."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from itertools import chain, zip_longest
from typing import Any

from ..model import Peer, join_host_port

IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network

SockAddr = tuple[str, int] | tuple[str, int, int, int] | str


@dataclass(frozen=True, slots=True)
class Address:
    """Where a stream socket can connect to or listen at."""

    family: int
    sockaddr: SockAddr

    def __str__(self) -> str:
        if isinstance(self.sockaddr, str):
            return f"unix:{self.sockaddr}"
        return join_host_port(self.sockaddr[0], self.sockaddr[1])


def network_of(peer: Peer) -> str:
    """What one customer is given, and so counts as one: an IPv4 address, or the /64 of IPv6."""
    if ":" not in peer.host:
        return peer.host
    return str(ipaddress.ip_network((peer.host.partition("%")[0], 64), strict=False))


@lru_cache(maxsize=256)  # targets are dialled again and again
def numeric_or_none(host: str, port: int) -> Address | None:
    """The address that an IP literal writes, or None for a name.

    A literal with a zone ("fe80::1%eth0") counts as a name, for only the
    resolver knows the number of the interface.
    """
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv4Address):
        return Address(socket.AF_INET, (host, port))
    return None if ip.scope_id else Address(socket.AF_INET6, (host, port, 0, 0))


def is_here(ip: IpAddress) -> bool:
    """Whether the address is one of this machine's.  Never switches.

    The kernel answers from the address that it is asked for, if it has it; a
    datagram socket asks it so without sending anything.
    """
    if ip.is_loopback:
        return True
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.setblocking(False)
            asking.connect((str(ip), 9))
            return str(asking.getsockname()[0]).partition("%")[0] == str(ip)
    except OSError:
        return False


def from_addrinfo(found: Iterable[tuple[Any, ...]]) -> list[Address]:
    """The answers of getaddrinfo, in its order, each once; IPv4 and IPv6 only."""
    families = (socket.AF_INET, socket.AF_INET6)
    return list(dict.fromkeys(Address(int(a[0]), a[4]) for a in found if a[0] in families))


def interleaved(addresses: Iterable[Address]) -> list[Address]:
    """Alternate the families, beginning with the first one's (RFC 8305, section 4)."""
    ordered = list(addresses)
    first = [a for a in ordered if a.family == ordered[0].family]
    others = [a for a in ordered if a.family != ordered[0].family]
    pairs = chain.from_iterable(zip_longest(first, others))
    return [address for address in pairs if address is not None]
