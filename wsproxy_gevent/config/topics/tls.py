"""Certificates and keys."""

from __future__ import annotations

from dataclasses import dataclass

from .. import kinds
from ..choices import DEFAULT_CERT, TLS_VERSIONS
from ..declare import Topic, setting


@dataclass(frozen=True, kw_only=True)
class TlsSettings:
    """The settings of certificates and keys."""

    cert: str = setting(
        DEFAULT_CERT,
        kind=kinds.CERT,
        topic=Topic.TLS,
        meaning="Certificate and chain (PEM); auto makes one in memory, none means no TLS.",
        shown="self.pem, if it is there",
    )
    key: str | None = setting(
        None,
        kind=kinds.FILE,
        topic=Topic.TLS,
        meaning="Private key (PEM).",
        shown="in the certificate's file",
    )
    key_password: str | None = setting(
        None,
        kind=kinds.TEXT,
        topic=Topic.TLS,
        meaning="Password of the private key; other users of the machine can see the flag.",
        secret=True,
    )
    key_password_file: str | None = setting(
        None,
        kind=kinds.FILE,
        topic=Topic.TLS,
        meaning="Read the password of the private key from the first line of this file.",
    )
    ssl_only: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.TLS,
        meaning="Refuse clients that do not speak TLS.",
    )
    ssl_version: str = setting(
        "default",
        kind=kinds.choice(*TLS_VERSIONS),
        topic=Topic.TLS,
        meaning="The oldest TLS to speak: 1.2, or what is named here; 1.1 is broken and for "
        "clients that know nothing else.",
    )
    ssl_ciphers: str | None = setting(
        None,
        kind=kinds.TEXT,
        topic=Topic.TLS,
        meaning="The ciphers to allow with TLS 1.2 and older, as `openssl ciphers` takes them.",
        shown="ECDHE with AES-GCM or ChaCha20",
    )
    verify_client: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.TLS,
        meaning="Let nobody in without a certificate that is verified by --cafile: a TLS "
        "handshake without one fails, and a plain connection is refused (in the profile "
        "websockify it is served, unless --ssl-only is set).",
    )
    cafile: str | None = setting(
        None,
        kind=kinds.FILE,
        topic=Topic.TLS,
        meaning="The authorities (PEM) that may have signed a client's certificate.",
        shown="those that the system trusts",
    )
