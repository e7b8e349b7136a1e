"""Who or what is not let in: rules, logins, tokens, plugins, limits."""

from __future__ import annotations

import logging

from .base import Headers, ProxyError

# -- Rules and logins -----------------------------------------------------------


class HostRefused(ProxyError):
    """The Host names none of ours: DNS rebinding, or a missing `--allow-host`."""

    slug, http_status = "host-refused", 421


class OriginRefused(ProxyError):
    """A page of another site may not use this proxy."""

    slug, http_status, close_code = "origin-refused", 403, 1008


class LoginRequired(ProxyError):
    """Nobody comes in here without a login (RFC 9110, section 11.6.1)."""

    slug, http_status, close_code = "login-required", 401, 1008


class LoginRefused(LoginRequired):
    """The name or the password is wrong; which of them is told to nobody."""

    slug = "login-refused"


class LoginBraked(ProxyError):
    """Wrong again, from an address that was wrong too often (RFC 6585, section 4)."""

    slug, http_status, close_code = "login-braked", 429, 1008


class LoginExpired(ProxyError):
    """What let the client in holds no longer."""

    slug, http_status, close_code = "login-expired", 403, 1008


class CertificateRefused(ProxyError):
    """No client certificate, or one that is not listed."""

    slug, http_status, close_code = "client-cert-refused", 403, 1008


class HookRefused(ProxyError):
    """The hook of `--auth-url` said no; status and text are its own."""

    slug, http_status, close_code = "hook-refused", 403, 1008

    def __init__(
        self, reason: str, *, status: int = 403, detail: str = "", headers: Headers = ()
    ) -> None:
        super().__init__(reason, detail=detail, headers=headers)
        self.http_status = status


class HookFailed(ProxyError):
    """The hook of `--auth-url` gave no answer that can be used: nobody comes in."""

    slug, http_status, log_level = "hook-failed", 503, logging.WARNING


class TokenRefused(ProxyError):
    """The token stands for nothing here; whether it ever did is told to nobody."""

    slug, http_status, close_code = "token-refused", 403, 1008


class TokenMissing(TokenRefused):
    """A token says where the session goes, and there is none."""

    slug = "token-missing"


class TokenExpired(TokenRefused):
    """A token that is signed as it should be, and holds no longer, or not yet."""

    slug = "token-expired"


class TokenRevoked(TokenRefused):
    """A token that a session was opened with, and that a reload took away."""

    slug = "token-revoked"


class SourceFailed(ProxyError):
    """What knows the tokens gave no answer that can be used: nobody comes in."""

    slug, http_status, log_level = "token-source-failed", 503, logging.WARNING


class PluginRefused(ProxyError):
    """Somebody's own plugin said no; status, fields and text are its own."""

    slug, http_status, close_code = "plugin-refused", 403, 1008

    def __init__(
        self, reason: str, *, status: int = 403, detail: str = "", headers: Headers = ()
    ) -> None:
        super().__init__(reason, detail=detail, headers=headers)
        self.http_status = status


class PluginFailed(ProxyError):
    """Somebody's own plugin broke, or answered with what is no answer: nobody comes in."""

    slug, http_status, log_level = "plugin-failed", 503, logging.ERROR


# -- Limits ----------------------------------------------------------------------


class LimitReached(ProxyError):
    """A limit bites; whoever watches the limits tells of it, once for many."""

    log_level = logging.DEBUG


class AddressRefused(LimitReached):
    """The client's address is denied, or not among those allowed."""

    slug, http_status, close_code = "address-refused", 403, 1008


class TooManyPending(LimitReached):
    """Too many connections of one address have yet to ask for something."""

    slug, http_status, close_code = "too-many-pending", 429, 1008


class TooManyFromAddress(LimitReached):
    """Too many connections of one address are served."""

    slug, http_status, close_code = "too-many-from-address", 429, 1008


class TokenFull(LimitReached):
    """The token has as many sessions as it may have."""

    slug, http_status, close_code = "token-full", 429, 1008


class TargetFull(LimitReached):
    """The target has as many sessions as it may have."""

    slug, http_status, close_code = "target-full", 503, 1011
