"""Which TLS a server agrees to, and whether clients must show a certificate.

Without a word from anybody it is TLS 1.2 with forward secrecy and
authenticated encryption (RFC 9325, section 4.2) or TLS 1.3, which has nothing
else.  What is older is spoken only when it is asked for by name.
"""

from __future__ import annotations

import ssl
import warnings
from dataclasses import dataclass
from typing import Final

from ..errors import StartError

CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"

# What TLS 1.1 can do at all: CBC with SHA-1, which OpenSSL has behind its lowest level.
OLD_CIPHERS: Final = f"{CIPHERS}:ECDHE+AES:AES:@SECLEVEL=0"

VERSIONS: Final = {
    "default": ssl.TLSVersion.TLSv1_2,
    "tlsv1_1": ssl.TLSVersion.TLSv1_1,
    "tlsv1_2": ssl.TLSVersion.TLSv1_2,
    "tlsv1_3": ssl.TLSVersion.TLSv1_3,
}


@dataclass(frozen=True, slots=True)
class ClientCertificates:
    """That clients are asked for a certificate, which must come where it is `required`.

    `authorities` is a PEM file of those who may have signed it; None stands
    for those that the system trusts.
    """

    required: bool
    authorities: str | None = None


@dataclass(frozen=True, slots=True)
class TlsRules:
    """`ciphers` are OpenSSL's words, for TLS 1.2 and older."""

    minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    ciphers: str | None = None
    clients: ClientCertificates | None = None

    def apply(self, context: ssl.SSLContext) -> None:
        """Make it the context's.  Blocks on the disk.  Raises `StartError`."""
        with warnings.catch_warnings():
            # TLS 1.1 is deprecated, and who names it has been told so.
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = self.minimum
        self._set_ciphers(context)
        # One for the next connection of the same client (RFC 8446, section 4.6.1).
        # OpenSSL would make two, at a twelfth of a handshake's cost each.
        context.num_tickets = 1
        if self.clients is not None:
            _ask(context, self.clients)

    def _set_ciphers(self, context: ssl.SSLContext) -> None:
        old = self.minimum < ssl.TLSVersion.TLSv1_2
        try:
            context.set_ciphers(self.ciphers or (OLD_CIPHERS if old else CIPHERS))
        except ssl.SSLError as exc:
            raise StartError(
                f"--ssl-ciphers {self.ciphers}: OpenSSL knows none of them; "
                "`openssl ciphers` lists those it does"
            ) from exc


def _ask(context: ssl.SSLContext, clients: ClientCertificates) -> None:
    """Have clients asked for a certificate, and verify what comes.  Blocks on the disk."""
    _trust(context, clients.authorities)
    context.verify_mode = ssl.CERT_REQUIRED if clients.required else ssl.CERT_OPTIONAL
    # Each connection shows its certificate anew: a session that is resumed
    # would go on with one that is trusted no longer.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0


def _trust(context: ssl.SSLContext, file: str | None) -> None:
    if file is None:
        context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
        return
    try:
        context.load_verify_locations(file)
    except ssl.SSLError as exc:
        raise StartError(f"--cafile {file} holds no certificate in PEM form") from exc
    except OSError as exc:
        raise StartError(f"--cafile {file}: {exc.strerror or exc}") from exc


SAFE: Final = TlsRules()
