"""Logins: who may come in, beyond what any page or machine may."""

from __future__ import annotations

from dataclasses import dataclass

from .. import kinds
from ..declare import Topic, setting


@dataclass(frozen=True, kw_only=True)
class LoginSettings:
    """The settings of our own logins."""

    basic_auth: str | None = setting(
        None,
        kind=kinds.CREDENTIALS,
        topic=Topic.LOGIN,
        meaning="Ask for a name and a password (HTTP Basic): those of a file that htpasswd -B "
        "wrote, hashed with bcrypt or argon2; or the one NAME:PASSWORD in a variable or in the "
        "first line of a file.  USER:PASSWORD itself is taken, too, and seen by others.",
        secret=True,
    )
    client_cert: tuple[str, ...] = setting(
        (),
        kind=kinds.CERTIFICATES,
        topic=Topic.LOGIN,
        meaning="Let in whose verified certificate has this common name, this alternative name "
        "or this SHA-256 fingerprint; without --verify-client others are told so by HTTP.",
    )
    auth_url: str | None = setting(
        None,
        kind=kinds.URL,
        topic=Topic.LOGIN,
        meaning="Ask this service whether a client may come in, with its cookie, Authorization, "
        "address, path and token; a JSON answer may name target, user, record and expires.",
    )
    web_auth: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.LOGIN,
        meaning="Ask for the login on pages and files as well, not only for sessions; "
        "/healthz and /readyz of --health stay open.",
    )
    login_page: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.LOGIN,
        meaning="Ask for name and password of --basic-auth on a page of ours, at /login/ and "
        "wherever a page is asked for; a signed cookie then lets in.",
    )
    login_key: str | None = setting(
        None,
        kind=kinds.SECRET,
        topic=Topic.LOGIN,
        meaning="What the cookie is signed with, in a variable or in the first line of a file; "
        "several processes that do not start each other need the same.",
        shown="made at start; a restart logs everybody out",
    )
    login_expires: float = setting(
        43200.0,
        kind=kinds.seconds(zero=False),
        topic=Topic.LOGIN,
        meaning="How long the cookie is good for; sessions that live go on.",
    )
