"""Which certificate the settings mean."""

from __future__ import annotations

import logging
import os

from .config.settings import Settings
from .errors import StartError
from .net.certificates import (
    Certificate,
    ContextSource,
    FixedContext,
    own_names,
    self_signed_context,
)
from .net.pool import NativePool
from .net.tlsrules import VERSIONS, ClientCertificates, TlsRules

logger = logging.getLogger(__name__)


def find_certificate(
    settings: Settings, pool: NativePool, earlier: ContextSource | None = None
) -> ContextSource | None:
    """The certificate to serve with, or None for plain only.

    Where there is an `earlier` one, one that we made ourselves goes on, and
    files that have gone are a fault: TLS is not turned off by losing them.
    Raises `StartError` for a named one that is missing or bad, and for
    `--ssl-only` without any.
    """
    rules = rules_of(settings)
    if settings.cert == "auto" and isinstance(earlier, FixedContext) and earlier.rules == rules:
        return earlier
    certificate = _certificate(settings, rules, pool)
    if earlier and not certificate and settings.cert != "none":
        raise StartError(f"certificate {settings.cert} is gone; --cert none would turn TLS off")
    if settings.key and not isinstance(certificate, Certificate):
        _complain_of_key(settings)
    if certificate is None and asked_of_clients(settings):
        _complain(
            settings,
            "--verify-client and --client-cert need TLS: name a certificate of our own with "
            "--cert FILE, or have one made with --cert auto",
        )
    if certificate is None and settings.ssl_only:
        raise StartError(
            "--ssl-only needs a certificate: name one with --cert FILE, "
            "or have one made with --cert auto"
        )
    return certificate


def rules_of(settings: Settings) -> TlsRules:
    return TlsRules(
        minimum=VERSIONS[settings.ssl_version],
        ciphers=settings.ssl_ciphers,
        clients=asked_of_clients(settings),
    )


def asked_of_clients(settings: Settings) -> ClientCertificates | None:
    """Whether clients are asked for a certificate: where it must be one, or may let them in."""
    if not (settings.verify_client or settings.client_cert):
        return None
    return ClientCertificates(required=settings.verify_client, authorities=settings.cafile)


def _certificate(settings: Settings, rules: TlsRules, pool: NativePool) -> ContextSource | None:
    if settings.cert == "none":
        return None
    if settings.cert == "auto":
        return FixedContext(self_signed_context(own_names(), rules=rules), rules)
    if not os.path.exists(settings.cert) and _may_be_missing(settings):
        return None
    return Certificate(settings.cert, settings.key, _password(settings), pool=pool, rules=rules)


def _may_be_missing(settings: Settings) -> bool:
    if settings.cert_named and settings.lenient:
        logger.warning("certificate %s is missing: serving without TLS", settings.cert)
    return settings.lenient or not settings.cert_named


def _complain_of_key(settings: Settings) -> None:
    """A key alone is no TLS, which whoever names one wants.  Raises `StartError`."""
    _complain(
        settings,
        f"--key {settings.key} has no certificate to go with: name one with --cert FILE",
    )


def _complain(settings: Settings, text: str) -> None:
    """An error, but only a warning where a script was written for websockify."""
    if not settings.lenient:
        raise StartError(text)
    logger.warning("%s", text)


def _password(settings: Settings) -> str | None:
    path = settings.key_password_file
    if path is None:
        return settings.key_password
    try:
        with open(path, encoding="utf-8") as file:
            return file.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"--key-password-file {path} cannot be read: {error}") from error
