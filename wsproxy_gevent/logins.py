"""Which logins the settings mean."""

from __future__ import annotations

from collections.abc import Iterator

from .auth.certificate import CertificateLogin
from .auth.login import EveryLogin, Login
from .config.settings import Settings


def find_login(settings: Settings) -> Login | None:
    """What lets clients in, None where everybody may come.

    Raises `StartError` for files that cannot be read.
    """
    logins = [*_logins(settings)]
    return EveryLogin(logins) if logins else None


def _logins(settings: Settings) -> Iterator[Login]:
    """In their order: what costs least comes first."""
    if settings.verify_client or settings.client_cert:
        plain_passes = settings.lenient and not settings.client_cert
        yield CertificateLogin(settings.client_cert, plain_passes=plain_passes)
