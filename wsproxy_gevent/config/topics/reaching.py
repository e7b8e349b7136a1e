"""How a target is reached, and which ones may be."""

from __future__ import annotations

from dataclasses import dataclass

from .. import kinds
from ..choices import SEND_PROXY
from ..declare import Topic, setting


@dataclass(frozen=True, kw_only=True)
class ReachingSettings:
    """The settings of how a target is reached, and which ones may be."""

    allow_target: tuple[str, ...] = setting(
        (),
        kind=kinds.TARGETS,
        topic=Topic.REACHING,
        meaning="Of the targets that tokens, plugins and hooks name, allow these alone: a host, "
        "*.domain or network, with :port or :first-last if not at every port; or unix:/path, "
        "which with a slash at its end means all below.",
    )
    send_proxy: str = setting(
        "off",
        kind=kinds.choice(*SEND_PROXY),
        topic=Topic.REACHING,
        meaning="Begin each connection to a target with a PROXY line that says who the client is, "
        "before TLS; v2 also says the session's id and the client's TLS.",
    )
    ssl_target: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.REACHING,
        meaning="Speak TLS to every target that is written host:port, as to tls://host:port.",
    )
    target_ca: str | None = setting(
        None,
        kind=kinds.FILE,
        topic=Topic.REACHING,
        meaning="Over TLS, trust the authorities of this PEM file or directory, and no others.",
        shown="the system's",
    )
    target_pin: tuple[str, ...] = setting(
        (),
        kind=kinds.PINS,
        topic=Topic.REACHING,
        meaning="Over TLS, take the certificate with this SHA-256, or whose public key has "
        "it; names and authorities then do not matter, but for those of --target-ca.",
    )
    target_sni: str | None = setting(
        None,
        kind=kinds.NAME,
        topic=Topic.REACHING,
        meaning="Over TLS, ask for this name and look for it in the certificate.",
        shown="the target's host",
    )
    target_cert: str | None = setting(
        None,
        kind=kinds.FILE,
        topic=Topic.REACHING,
        meaning="Over TLS, show this certificate (PEM) to targets that ask for one.",
    )
    target_key: str | None = setting(
        None,
        kind=kinds.FILE,
        topic=Topic.REACHING,
        meaning="The private key of that certificate (PEM).",
        shown="in the certificate's file",
    )
    target_insecure: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.REACHING,
        meaning="Over TLS, take any certificate: whoever stands in between reads all.",
    )
