"""TLS towards a target: whom we take for it, and for whom it takes us.

The system's authorities and the target's host name decide, unless the
operator says better: authorities of his own, or the very certificate or key
by its digest (a pin).  A pin needs no authority and no name; where both are
said, both must hold.
"""

from __future__ import annotations

import hashlib
import logging
import os
import ssl
from collections.abc import Callable
from functools import partial

from ..errors import StartError, TargetError, TargetReset, TargetUntrusted, TlsFailed
from ..model import TlsTarget, Trust
from .pool import NativePool
from .stream import Stream
from .streams import TlsStream
from .watched import Watched

logger = logging.getLogger(__name__)

# Targets that tokens name may each have authorities of their own.
MOST_CONTEXTS = 256

# For the files of a context to be read, or for the system's authorities.
READ_SECONDS = 5.0

_CURES = (
    "--target-ca FILE or ca= names who signed it, --target-pin or pin= its digest, "
    "--target-sni or sni= its name"
)


class TlsTowards:
    """Makes connections to targets TLS; `general` is what holds where a target says nothing.

    Files are read when they are needed first, on a native thread of `pool`, and
    again when they have changed (`watched`).
    """

    def __init__(self, pool: NativePool, general: Trust | None = None) -> None:
        self._pool = pool
        self._general = general or Trust()
        self._contexts: dict[Trust, Callable[[], ssl.SSLContext]] = {}

    def check(self, trust: Trust) -> None:
        """Read the files of a target that is known at start.  Blocks on the disk.

        Raises `StartError`.
        """
        self._keep(trust.over(self._general))

    def connect(self, lower: Stream, target: TlsTarget) -> TlsStream:
        """Shake hands with the target.  May switch; the caller sets the deadline.

        Raises a `TargetError`, or `Busy`; closing `lower` is then left to the caller.
        """
        trust = target.trust.over(self._general)
        context = self._context(trust, target)
        name = (trust.sni or target.host.partition("%")[0]).rstrip(".")
        try:
            stream = TlsStream.connect(lower, context, server_hostname=name)
        except TlsFailed as exc:
            raise _why(exc, target) from exc
        except ValueError as exc:  # a name that can be none
            raise _untrusted(target, str(exc)) from exc
        certificate = stream.tls_object.getpeercert(binary_form=True) or b""
        if trust.pins and not is_pinned(certificate, trust.pins):
            found = hashlib.sha256(certificate).hexdigest()
            raise _untrusted(target, f"its certificate has another digest, {found}")
        return stream

    def _context(self, trust: Trust, target: TlsTarget) -> ssl.SSLContext:
        """May switch."""
        source = self._contexts.get(_read_for(trust))
        try:
            return (source or self._pool.call(self._keep, trust, timeout=READ_SECONDS))()
        except StartError as exc:
            raise _untrusted(target, str(exc)) from exc

    def _keep(self, trust: Trust) -> Callable[[], ssl.SSLContext]:
        """Blocks on the disk."""
        if not (trust.pins or trust.ca) and trust.verify is False:
            logger.warning(
                "the certificates of targets over TLS are not verified: whoever stands in between"
                " reads and changes what is carried"
            )
        source = self._source(trust)
        if len(self._contexts) >= MOST_CONTEXTS:
            self._contexts.clear()
        self._contexts[_read_for(trust)] = source
        return source

    def _source(self, trust: Trust) -> Callable[[], ssl.SSLContext]:
        """Blocks on the disk."""
        files = [file for file in (trust.ca, trust.cert, trust.key) if file]
        if files:
            load = partial(client_context, trust)
            return Watched("context of a target", files, load, pool=self._pool).value
        fixed = client_context(trust)
        return lambda: fixed


def client_context(trust: Trust) -> ssl.SSLContext:
    """A context for TLS 1.2 and 1.3.  Blocks on the disk; raises `StartError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A stream that was cut off must not look like one that ended.
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    if trust.verify is False or (trust.pins and not (trust.ca or trust.verify)):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif trust.ca is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        _load_authorities(context, trust.ca)
    if trust.cert is not None:
        _load_own(context, trust.cert, trust.key)
    return context


def is_pinned(certificate: bytes, pins: tuple[str, ...]) -> bool:
    """Whether one of the digests is that of the certificate (DER), or of its public key.

    Raises `TargetUntrusted` where that cannot be found out.
    """
    return hashlib.sha256(certificate).hexdigest() in pins or _key_digest(certificate) in pins


def _key_digest(certificate: bytes) -> str:
    """The SHA-256 of the SubjectPublicKeyInfo (RFC 7469, section 2.4)."""
    try:
        # The optional dependency of the extra `cert`, loaded only here.
        from cryptography import x509
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    except ImportError:
        return ""
    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
    except (ValueError, UnsupportedAlgorithm):
        return ""
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(info).hexdigest()


def _read_for(trust: Trust) -> Trust:
    """What of it a context is made from."""
    by_pin = bool(trust.pins)
    return Trust(
        ca=trust.ca,
        pins=("any",) if by_pin else (),
        cert=trust.cert,
        key=trust.key,
        verify=trust.verify,
    )


def _load_authorities(context: ssl.SSLContext, path: str) -> None:
    try:
        if os.path.isdir(path):
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
    except (OSError, ValueError) as exc:
        raise StartError(f"target's authorities {path}: {_said(exc)}") from exc


def _load_own(context: ssl.SSLContext, cert: str, key: str | None) -> None:
    def locked() -> str:
        raise StartError(f"{key or cert}: the key is encrypted; keep one without a password")

    try:
        context.load_cert_chain(cert, key, locked)
    except (OSError, ValueError) as exc:
        files = f"{cert} with key {key}" if key else cert
        raise StartError(f"certificate for targets {files}: {_said(exc)}") from exc


def _said(exc: OSError | ValueError) -> str:
    if isinstance(exc, ssl.SSLError):
        return f"no PEM file that can be used ({exc.reason or exc})"
    return getattr(exc, "strerror", None) or str(exc)


def _why(exc: TlsFailed, target: TlsTarget) -> TargetError:
    """A handshake that failed: by somebody's decision, or because the connection did."""
    cause = exc.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _untrusted(target, f"{cause.verify_message}; {_CURES}")
    if isinstance(cause, ssl.SSLError):
        return TargetUntrusted(
            "the TLS handshake with the target failed", detail=f"{target}: {exc.reason} ({cause})"
        )
    return TargetReset(
        "the target hung up in the TLS handshake", detail=f"{target}: {exc.detail or exc.reason}"
    )


def _untrusted(target: TlsTarget, why: str) -> TargetUntrusted:
    return TargetUntrusted(
        "the proxy does not trust the target's certificate; its log tells why",
        detail=f"{target}: {why}",
    )
