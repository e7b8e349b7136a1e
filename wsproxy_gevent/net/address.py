"""Addresses as the socket module writes them, and the order to try them in."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, zip_longest
from typing import Any

from ..model import join_host_port

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
