"""What is wrong with a handshake, a target or a session."""

from __future__ import annotations

import logging

from .base import ProxyError

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
