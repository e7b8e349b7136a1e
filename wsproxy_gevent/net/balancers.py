"""The balancers in front: who they are, and what their PROXY line says.

A trusted peer must send the line, and nobody else is asked for one: it is
never guessed from what came.  What was read behind it, TLS or HTTP, is handed
on to whoever is to read it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Sequence
from typing import Final

from ..errors import NotHttp, PeerLeft
from ..model import Peer
from ..wire.proxyline import ProxyLine, ProxyLineReader
from .stream import Stream

# The first byte of each version tells it.
VERSIONS: Final = {1: b"P", 2: b"\r"}

EVERYBODY: Final = "*"

LOOPBACK: Final = ("127.0.0.0/8", "::1/128")


class Balancers:
    """The peers at `trusted` (addresses, networks, or `*`) speak for others.

    They do so in one of the `versions`.  A peer on a unix socket is trusted.
    Raises `ValueError` for what is neither an address nor a network.
    """

    def __init__(
        self, trusted: Sequence[str], *, versions: Collection[int] = tuple(VERSIONS)
    ) -> None:
        self._everybody = EVERYBODY in trusted
        self._networks = [
            ipaddress.ip_network(text, strict=False) for text in trusted if text != EVERYBODY
        ]
        self._firsts = [VERSIONS[version] for version in versions]

    def trusts(self, peer: Peer) -> bool:
        if self._everybody or not peer.host:
            return True
        address = ipaddress.ip_address(peer.host.partition("%")[0])
        return any(address in network for network in self._networks)

    def read_line(self, stream: Stream) -> tuple[ProxyLine, bytes]:
        """The line with which a trusted peer begins, and what came behind it.  May switch.

        Raises `NotHttp` for anything else, `PeerLeft` and `StreamBroken`.
        """
        received = _read(stream)
        if received[:1] not in self._firsts:
            raise NotHttp(
                "a PROXY line must come first", detail=f"this balancer began with {received[:8]!r}"
            )
        reader = ProxyLineReader()
        while (line := reader.feed(received)) is None:
            received = _read(stream)
        return line, reader.leftover


def _read(stream: Stream) -> bytes:
    """May switch."""
    received = stream.read_some()
    if not received:
        raise PeerLeft("the connection ended before or inside a PROXY line")
    return received
