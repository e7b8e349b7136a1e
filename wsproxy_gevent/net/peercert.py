"""The certificate that the peer of a TLS connection has shown.

Only one that was verified is told: what OpenSSL was not asked to verify it
does not show us, and a certificate that anybody could make names nobody.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class PeerCertificate:
    """A verified certificate, as far as anybody is told apart by it.

    `common_name` is None where the subject has none, or several.  `names` are
    the subject's alternative ones (RFC 5280, section 4.2.1.6) as `comparable`
    has them; `fingerprint` is the SHA-256 of the whole
    certificate in lower-case hex.
    """

    common_name: str | None
    names: tuple[str, ...]
    fingerprint: str


_NAMED: Final = ("DNS", "email", "URI", "IP Address")


def certificate_of(stream: object) -> PeerCertificate | None:
    """What the stream's peer has shown; None without TLS or a verified certificate."""
    tls: Any = getattr(stream, "tls_object", None)
    facts = tls.getpeercert() if tls is not None else None
    if not facts:
        return None
    return read_certificate(facts, tls.getpeercert(binary_form=True))


def read_certificate(facts: dict[str, Any], der: bytes) -> PeerCertificate:
    """From what `ssl.SSLSocket.getpeercert` returns, decoded and binary."""
    return PeerCertificate(
        common_name=_only(_common_names(facts.get("subject", ()))),
        names=tuple(_alternatives(facts.get("subjectAltName", ()))),
        fingerprint=hashlib.sha256(der).hexdigest(),
    )


def _common_names(subject: Iterable[Iterable[tuple[str, str]]]) -> list[str]:
    return [text for part in subject for kind, text in part if kind == "commonName"]


def _alternatives(names: Iterable[tuple[str, Any]]) -> Iterable[str]:
    for kind, text in names:
        if kind in _NAMED:
            yield comparable(text)


def comparable(name: str) -> str:
    """An alternative name in the form in which they compare.

    An address in its shortest spelling; a URI as it is; anything else, DNS
    names and mail addresses, in lower case.
    """
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name if ":" in name else name.lower()


def _only(texts: list[str]) -> str | None:
    """Of two, one reader would take the first and another the last."""
    return texts[0] if len(texts) == 1 else None
