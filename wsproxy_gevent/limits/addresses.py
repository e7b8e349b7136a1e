"""Which addresses may come at all: `--allow-from` and `--deny-from`."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from ..errors import AddressRefused, UsageError
from ..model import Peer


class AddressRule:
    """Refuses clients by their address.

    Those in `denied` are refused, and where anything is `allowed`, so are
    those outside it.  A client on a unix socket has no address and is never
    refused.  Raises `UsageError` for what is no address and no network.
    """

    def __init__(self, allowed: Sequence[str] = (), denied: Sequence[str] = ()) -> None:
        self._allowed = [_network(text, "--allow-from") for text in allowed]
        self._denied = [_network(text, "--deny-from") for text in denied]

    def check(self, client: Peer) -> None:
        """Raises `AddressRefused`.  Never switches."""
        if not (self._allowed or self._denied) or not client.host:
            return
        ip = ipaddress.ip_address(client.host.partition("%")[0])
        if any(ip in network for network in self._denied):
            raise _refused("--deny-from has it")
        if self._allowed and not any(ip in network for network in self._allowed):
            raise _refused("--allow-from does not have it")


def _refused(why: str) -> AddressRefused:
    return AddressRefused("your address may not connect here", detail=why)


def _network(text: str, option: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as exc:
        raise UsageError(f"{option} {text!r} is no address and no network: {exc}") from exc
