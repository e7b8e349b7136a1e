"""The exception tree.

Each class knows its answer: the `slug` by which logs, pages and documents
call it, the HTTP status it has before the 101, the close code it has after
it, and how loud the log should be.  Whoever catches a `ProxyError` never
needs to ask which one it is.

`reason` is the one line that goes to the peer.  It names the cure and never
a secret, a host of ours or a traceback; `detail` is for the log alone.
"""

from __future__ import annotations

import logging
from typing import ClassVar

Headers = tuple[tuple[str, str], ...]


class ProxyError(Exception):
    """Anything that ends a connection otherwise than by its own wish."""

    slug: ClassVar[str] = "internal-error"
    http_status: int = 500  # a hook's refusal has one of its own
    close_code: ClassVar[int] = 1011
    log_level: ClassVar[int] = logging.INFO

    def __init__(self, reason: str, *, detail: str = "", headers: Headers = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail
        self.headers = headers


class InternalError(ProxyError):
    """A fault of ours; the log holds the traceback, the peer gets none."""

    log_level = logging.ERROR


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


class TargetFull(LimitReached):
    """The target has as many sessions as it may have."""

    slug, http_status, close_code = "target-full", 503, 1011


# -- The WebSocket handshake ----------------------------------------------------


class BadHandshake(ProxyError):
    """An upgrade that its own specification does not allow."""

    slug, http_status = "bad-handshake", 400


class VersionRefused(ProxyError):
    """A WebSocket version that we do not speak (RFC 6455, section 4.4)."""

    slug, http_status = "version-refused", 426


class LegacyRefused(VersionRefused):
    """A dialect older than RFC 6455, and `--no-legacy` is set."""

    slug = "legacy-refused"


class SubprotocolRefused(ProxyError):
    """None of the offered subprotocols is allowed by `--subprotocol`."""

    slug, http_status = "subprotocol-refused", 400


# -- The target ------------------------------------------------------------------


class TargetError(ProxyError):
    """The target could not be reached, or went away."""

    slug, http_status = "target-unreachable", 502


class TargetUnreachable(TargetError):
    """No route, no such name, no permission."""


class TargetRefused(TargetError):
    """Nothing listens on the target's port."""

    slug = "target-refused"


class TargetUntrusted(TargetError):
    """Over TLS the target is not who it should be, or does not take us for whom it wants."""

    slug = "target-untrusted"


class TargetTimeout(TargetError):
    """The target was silent past the dial deadline."""

    slug, http_status = "target-timeout", 504


class TargetReset(TargetError):
    """The target broke the connection off in the middle."""

    slug = "target-reset"


class TargetNotText(TargetError):
    """`--text` is set, and the target sent bytes that are not UTF-8."""

    slug = "target-not-text"


class TargetForbidden(ProxyError):
    """The request's own target is one that nobody is led to, or not among those allowed."""

    slug, http_status, close_code, log_level = "target-forbidden", 403, 1008, logging.WARNING


class Busy(ProxyError):
    """A resource of ours has run out; later is better."""

    slug, http_status, log_level = "gateway-busy", 503, logging.WARNING


# -- After the 101 ----------------------------------------------------------------


class ProtocolError(ProxyError):
    """Frames that the dialect does not allow (RFC 6455, section 7.4.1)."""

    slug, http_status, close_code = "protocol-error", 400, 1002


class UnsupportedData(ProtocolError):
    """A kind of data that cannot be taken here."""

    slug, close_code = "unsupported-data", 1003


class MessageTooBig(ProtocolError):
    """A message is larger than it may be here: it unfolds to too much."""

    slug, http_status, close_code = "payload-too-large", 413, 1009


class BadPayload(ProtocolError):
    """Payload that is not what its type says: UTF-8, base64."""

    slug, close_code = "bad-payload", 1007


class ClientGone(ProxyError):
    """The client's connection broke: no close frame can reach it."""

    slug, http_status, close_code = "client-gone", 400, 1006


class CloseTimeout(ClientGone):
    """The client did not answer our Close in time."""

    slug = "close-timeout"


class ClientStalled(ClientGone):
    """The client took nothing of what was to be written to it, for too long."""

    slug = "client-stalled"


class TargetStalled(TargetError):
    """The target took nothing of what was to be written to it, for too long."""

    slug, http_status = "target-stalled", 504


class SessionIdle(ProxyError):
    """No payload went either way for too long."""

    slug, http_status, close_code = "session-idle", 408, 1001


class SessionTooLong(ProxyError):
    """The session's time is over."""

    slug, http_status, close_code = "session-max", 403, 1008


class Stopped(ProxyError):
    """The session was ended from outside: the process stops, or an operator said so."""

    slug, http_status, close_code = "stopped", 503, 1001


# -- Starting ----------------------------------------------------------------------


class StartError(Exception):
    """The process cannot run; the text says why and what would help.  Exit 1."""


class UsageError(Exception):
    """The command line, environment or file is wrong; the text says how.  Exit 2."""
