"""Which peers are proxies of ours, and what a forwarded request looks like."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from ..errors import UsageError
from ..model import Peer
from ..wire.message import Headers

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_FORWARDED_NAMES = frozenset({"x-real-ip", "via", "forwarded"})
_FORWARDED_PREFIX = "x-forwarded-"


class TrustedProxies:
    """The peers whose `X-Forwarded-*` is believed.

    Loopback and unix peers always are: whoever can connect from this machine
    could send any Origin as well.  `networks` (addresses or CIDR, such as
    `10.0.0.0/8`) are those besides.  Raises `UsageError` for what is neither.
    """

    def __init__(self, networks: Sequence[str] = ()) -> None:
        self._networks = tuple(_network(text) for text in networks)

    def trusts(self, peer: Peer) -> bool:
        if not peer.host:
            return True
        try:
            address = ipaddress.ip_address(peer.host)
        except ValueError:
            return False
        return address.is_loopback or any(address in network for network in self._networks)

    def first(self, headers: Headers, peer: Peer, name: str) -> str | None:
        """The first value of a forwarded list field, None where the peer is not trusted.

        The first is what the outermost proxy saw.  A client may have put it
        there; a page in a browser, against which it is used, may not.
        """
        values = headers.get_list(name)
        return values[0] if values and self.trusts(peer) else None


def is_forwarded(headers: Headers) -> bool:
    """Whether a proxy has passed the request on, by any of the headers that proxies add."""
    names = headers.names
    if not _FORWARDED_NAMES.isdisjoint(names):
        return True
    return f" {_FORWARDED_PREFIX}" in f" {' '.join(names)}"  # no name has a blank in it


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text.strip())
    except ValueError as exc:
        raise UsageError(
            f"trusted proxy {text!r} is no address and no network such as 10.0.0.0/8: {exc}"
        ) from exc
