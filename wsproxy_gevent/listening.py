"""The port of this process: bound before a fork, served behind it."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass

from .config.settings import Settings
from .errors import StartError
from .model import join_host_port
from .net.listen import bind, parse_source


@dataclass(frozen=True, slots=True)
class Listening:
    """The bound sockets, and where they are bound: all with one port."""

    sockets: list[socket.socket]
    bound: list[tuple[str, int]]

    @classmethod
    def open(cls, settings: Settings) -> Listening:
        """Bind what the settings say.

        A port that nobody named gives way to a free one.  Raises `StartError`.
        """
        host, port = parse_source(settings.source or "")
        try:
            sockets = bind(host, port, prefer_ipv6=settings.prefer_ipv6)
        except StartError:
            if settings.source_named:
                raise
            sockets = bind(host, 0, prefer_ipv6=settings.prefer_ipv6)
        return cls(sockets, [sock.getsockname()[:2] for sock in sockets])

    @property
    def addresses(self) -> list[str]:
        return [join_host_port(host, port) for host, port in self.bound]

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can connect."""
        return all(ipaddress.ip_address(host).is_loopback for host, _ in self.bound)

    @property
    def page(self) -> str:
        """The authority under which a browser on this machine finds us."""
        host, port = self.bound[0]
        address = ipaddress.ip_address(host)
        if address.is_unspecified:
            host = "127.0.0.1" if address.version == 4 else "::1"
        return join_host_port(host, port)
