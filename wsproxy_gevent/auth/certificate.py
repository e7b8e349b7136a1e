"""The login by a client certificate (RFC 8446, section 4.4.2).

TLS has verified who signed it; here it is looked at whose it is.  What is
listed is `cn:NAME`, the subject's common name as it is written; `san:NAME`,
one of its alternative names; or `sha256:HEX`, the whole certificate.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ..errors import CertificateRefused
from ..net.peercert import PeerCertificate, comparable
from ..wire.message import Request
from .authority import quoted
from .login import Grant, Visitor

_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")


class CertificateLogin:
    """Lets in who shows one of the `listed` certificates; without any, whoever shows one.

    The user is the common name; without one the first alternative name, or
    the fingerprint.  With `plain_passes`, who comes without TLS is let by:
    there nobody could show anything.
    """

    def __init__(self, listed: Sequence[str] = (), *, plain_passes: bool = False) -> None:
        """Raises `ValueError` as `parse_listed` does."""
        self._listed = frozenset(map(parse_listed, listed))
        self._plain_passes = plain_passes

    def check(self, request: Request, visitor: Visitor) -> Grant:
        """Raises `CertificateRefused`.  Never switches."""
        certificate = visitor.certificate
        if certificate is None:
            return self._without(secure=visitor.secure)
        if self._listed and self._listed.isdisjoint(_spellings(certificate)):
            raise CertificateRefused(
                "this client certificate is not allowed here",
                detail=f"allow it with --client-cert {_best_spelling(certificate)}",
            )
        return Grant(user=_user(certificate))

    def _without(self, *, secure: bool) -> Grant:
        if self._plain_passes and not secure:
            return Grant()
        cure = "" if secure else ": come over TLS"
        raise CertificateRefused(f"a client certificate is needed here{cure}")


def parse_listed(text: str) -> tuple[str, str]:
    """An entry as kind and value, in the spelling that compares.

    Raises `ValueError` with the end of a sentence about the text.
    """
    kind, _, value = text.partition(":")
    if kind not in ("cn", "san", "sha256") or not value:
        raise ValueError("is none of cn:NAME, san:NAME and sha256:HEX")
    if kind == "sha256":
        value = value.replace(":", "").lower()
        if not _FINGERPRINT.fullmatch(value):
            raise ValueError("is no SHA-256 fingerprint: give its 64 hex digits")
    return kind, comparable(value) if kind == "san" else value


def _spellings(certificate: PeerCertificate) -> set[tuple[str, str]]:
    """Each entry that this certificate matches."""
    names = {("san", name) for name in certificate.names}
    fingerprint = ("sha256", certificate.fingerprint)
    common = {("cn", certificate.common_name)} if certificate.common_name else set()
    return {*names, *common, fingerprint}


def _user(certificate: PeerCertificate) -> str:
    names = (certificate.common_name, *certificate.names, certificate.fingerprint)
    return next(name for name in names if name)


def _best_spelling(certificate: PeerCertificate) -> str:
    if certificate.common_name:
        return f"cn:{quoted(certificate.common_name)}"
    return f"sha256:{certificate.fingerprint}"
