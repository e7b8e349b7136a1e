"""What is wrong before there is a request, or with one."""

from __future__ import annotations

import logging

from .base import ProxyError

# -- Before there is a request ------------------------------------------------


class NotHttp(ProxyError):
    """The first bytes belong to no protocol that we speak; there is no answer."""

    slug, http_status = "not-http", 400


class OpeningTimeout(ProxyError):
    """The peer did not finish its request head in time."""

    slug, http_status = "opening-timeout", 408


class PeerLeft(ProxyError):
    """The peer closed before it asked for anything: a health check, often."""

    slug, http_status, log_level = "peer-left", 400, logging.DEBUG


class TlsFailed(ProxyError):
    """The TLS handshake did not come about."""

    slug, http_status = "tls-failed", 400


class TlsUnavailable(TlsFailed):
    """A TLS hello came, and no certificate is configured."""

    slug, log_level = "tls-unavailable", logging.WARNING


class TlsRequired(ProxyError):
    """Plain bytes came to a port that wants TLS."""

    slug, http_status = "tls-required", 403


# -- The request ---------------------------------------------------------------


class BadRequest(ProxyError):
    """Not a request that HTTP/1.1 allows (RFC 9112)."""

    slug, http_status = "bad-request", 400


class MethodNotAllowed(ProxyError):
    """Only GET and HEAD are served here."""

    slug, http_status = "method-not-allowed", 405

    def __init__(self, method: str, reason: str = "only GET and HEAD are served here") -> None:
        super().__init__(reason, detail=method, headers=(("Allow", "GET, HEAD"),))


class NotFound(ProxyError):
    """No file or page of that name is served here."""

    slug, http_status, log_level = "not-found", 404, logging.DEBUG

    def __init__(self, *, detail: str = "") -> None:
        super().__init__("there is no such file or page here", detail=detail)


class PreconditionFailed(ProxyError):
    """A file is not in the state that the request asks for (RFC 9110, section 13)."""

    slug, http_status = "precondition-failed", 412


class RangeRefused(ProxyError):
    """The range lies behind the end of the file (RFC 9110, section 14.2)."""

    slug, http_status = "range-refused", 416

    def __init__(self, size: int) -> None:
        headers = (("Content-Range", f"bytes */{size}"),)
        super().__init__(f"the file ends at byte {size}", headers=headers)


class UpgradeRequired(ProxyError):
    """A plain GET to a port that serves no pages (RFC 9110, section 15.5.22)."""

    slug, http_status, log_level = "upgrade-required", 426, logging.DEBUG


class RequestLineTooLong(ProxyError):
    """The request line is over its limit."""

    slug, http_status = "request-line-too-long", 414


class HeadersTooLarge(ProxyError):
    """A header line, their number or the whole head is over its limit."""

    slug, http_status = "headers-too-large", 431


class AdminTokenRefused(ProxyError):
    """A request to the admin listener without its token (RFC 6750)."""

    slug, http_status, close_code = "admin-token-refused", 401, 1008

    def __init__(self) -> None:
        super().__init__(
            "the admin listener wants its token: Authorization: Bearer TOKEN",
            headers=(("WWW-Authenticate", "Bearer"),),
        )
