"""Who sent a request that a proxy has passed on.

Each proxy adds, at the end of a list, whom it got the request from.  Only what
our own proxies added can be believed, so the list is read from its end, and as
long as whoever speaks is trusted; what stands in front of that, the client may
have sent itself.

One header is read.  A proxy that adds to `X-Forwarded-For` hands on a
`Forwarded` (RFC 7239) that the client made up, and the other way round.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Final

from ..model import Peer
from ..wire.message import Headers
from .forwarded import TrustedProxies

AUTO, NONE = "auto", "none"

FORWARDED_FOR, FORWARDED = "x-forwarded-for", "forwarded"

# What proxies add, and nobody else has a reason to.
_SIGNS: Final = ("x-forwarded-for", "forwarded", "x-real-ip")

# Whoever wants to fill the log with lines has more addresses than this.
MOST_TOLD = 32

_FOR = re.compile(r"(?:^|;)\s*for\s*=\s*\"?([^\";]*)\"?", re.IGNORECASE)
_BRACKETED = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::([0-9]{1,5}))?")
_WITH_PORT = re.compile(r"([0-9.]+):([0-9]{1,5})")


class Clients:
    """Finds the client of a request.

    `header` is the one that our proxies add to: its lower-case name; `auto`,
    which is `X-Forwarded-For`, and `Forwarded` where there is none; or `none`.
    `warn` is called with a line for the log when somebody who is not trusted
    forwards requests, once for each address.
    """

    def __init__(
        self,
        trusted: TrustedProxies | None = None,
        header: str = AUTO,
        warn: Callable[[str], None] | None = None,
    ) -> None:
        self._trusted = trusted or TrustedProxies()
        self._names = {AUTO: (FORWARDED_FOR, FORWARDED), NONE: ()}.get(header, (header,))
        self._warn = warn
        self._told: set[str] = set()

    def find(self, headers: Headers, peer: Peer) -> Peer:
        """Who sent the request that came from `peer`: itself, or whom it names.

        The port is 0 where a proxy has not named it.  Never switches.
        """
        seen = next((name for name in (*self._names, *_SIGNS) if name in headers), None)
        if seen is None or not self._names:
            return peer
        if not self._trusted.trusts(peer):
            self._wonder(seen, peer)
            return peer
        return self._walk(headers.get_list(seen), seen, peer) if seen in self._names else peer

    def _walk(self, hops: tuple[str, ...], name: str, peer: Peer) -> Peer:
        """From the last proxy towards the client, as far as is to be believed."""
        found = peer
        for text in reversed(hops):
            hop = hop_or_none(_node(text) if name == FORWARDED else text)
            if hop is None:
                break
            found = hop
            if not self._trusted.trusts(hop):
                break
        return found

    def _wonder(self, name: str, peer: Peer) -> None:
        if self._warn is None or peer.host in self._told or len(self._told) >= MOST_TOLD:
            return
        self._told.add(peer.host)
        self._warn(
            f"{peer.host} forwards requests ({name}) and is not trusted to say whose they are:"
            f" all count as its own; if it is a proxy of yours, --trusted-proxies {peer.host}"
        )


def hop_or_none(text: str) -> Peer | None:
    """`192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`; None for anything else."""
    match = _BRACKETED.fullmatch(text) or _WITH_PORT.fullmatch(text)
    host, port = match.groups() if match else (text, None)
    number = int(port or 0)
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.scope_id is not None:
            return None
        ip = ip.ipv4_mapped or ip
    return Peer(str(ip), number) if number < 65536 else None


def _node(element: str) -> str:
    """The node of an element of `Forwarded`, empty if it names none (RFC 7239, section 6)."""
    match = _FOR.search(element)
    return match[1].strip() if match else ""
