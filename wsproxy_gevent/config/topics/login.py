"""Logins: who may come in, beyond what any page or machine may."""

from __future__ import annotations

from dataclasses import dataclass

from .. import kinds
from ..declare import Topic, setting


@dataclass(frozen=True, kw_only=True)
class LoginSettings:
    """The settings of our own logins."""

    client_cert: tuple[str, ...] = setting(
        (),
        kind=kinds.CERTIFICATES,
        topic=Topic.LOGIN,
        meaning="Let in whose verified certificate has this common name, this alternative name "
        "or this SHA-256 fingerprint; without --verify-client others are told so by HTTP.",
    )
