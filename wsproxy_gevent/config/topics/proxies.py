"""The proxies and balancers in front of us."""

from __future__ import annotations

from dataclasses import dataclass

from .. import kinds
from ..declare import Topic, setting


@dataclass(frozen=True, kw_only=True)
class ProxiesSettings:
    """The settings of what stands in front of us."""

    trusted_proxies: tuple[str, ...] = setting(
        (),
        kind=kinds.NETWORKS,
        topic=Topic.ACCESS,
        meaning="Believe peers with these addresses when they say whose connection or request "
        "they pass on: PROXY lines, X-Forwarded headers, Forwarded.",
        shown="loopback and unix sockets",
    )
    proxy_protocol: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.ACCESS,
        meaning="Trusted proxies begin each connection with a PROXY line (version 1 or 2), "
        "and must.",
    )
    forwarded_header: str = setting(
        "auto",
        kind=kinds.HEADER_NAME,
        topic=Topic.ACCESS,
        meaning="The one header to which trusted proxies add whom they got a request from: auto "
        "is X-Forwarded-For, and Forwarded where there is none; none reads none.",
    )
