"""The certificate of our own side: from files, or made in memory.

Files are read whole and checked before OpenSSL sees them, since it neither
names the file that is missing nor refrains from asking the terminal for a
password.
"""

from __future__ import annotations

import os
import socket
import ssl
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from ..errors import StartError
from .clock import SYSTEM, Clock
from .pool import NativePool
from .tlsrules import SAFE, TlsRules
from .watched import Watched

_CURES = {
    "KEY_VALUES_MISMATCH": "the key does not belong to the certificate: name its own with --key",
    "EE_KEY_TOO_SMALL": "the key is too short: make one of 2048 bits or more, or on P-256",
    "CA_MD_TOO_WEAK": "the certificate is signed with an old digest: make a new one",
}


class ContextSource(Protocol):
    """Where a handshake gets its context from."""

    def context(self) -> ssl.SSLContext:
        """The one to use now.  May switch."""


@dataclass(frozen=True, slots=True)
class FixedContext:
    """A context that does not change, such as that of `--cert auto`."""

    fixed: ssl.SSLContext
    rules: TlsRules = SAFE

    def context(self) -> ssl.SSLContext:
        """Never switches."""
        return self.fixed


class Certificate:
    """A certificate in files, read again when they have changed (`watched`)."""

    def __init__(
        self,
        cert: str,
        key: str | None = None,
        password: str | None = None,
        *,
        pool: NativePool,
        rules: TlsRules = SAFE,
        clock: Clock = SYSTEM,
    ) -> None:
        """Load the files.  Raises `StartError` as `server_context` does."""
        clients = rules.clients
        self._watched = Watched(
            "certificate",
            [file for file in (cert, key, clients and clients.authorities) if file],
            lambda: server_context(cert, key, password, rules),
            pool=pool,
            clock=clock,
        )

    def context(self) -> ssl.SSLContext:
        """The context of the newest files that load.  May switch."""
        return self._watched.value()


def server_context(
    cert: str,
    key: str | None = None,
    password: str | None = None,
    rules: TlsRules = SAFE,
) -> ssl.SSLContext:
    """A context for TLS 1.2 and 1.3 with the certificate of these PEM files.

    Without `key` the private key stands in the file of the certificate.
    Blocks on the disk, never on the terminal.  Raises `StartError`, which
    names the file and what would help.
    """
    holder = key or cert
    _require(cert, "CERTIFICATE-----", "certificate", "name a PEM file with --cert")
    _require(holder, "PRIVATE KEY-----", "private key", "name its PEM file with --key")
    context = _bare_context(rules)
    asked = _Password(holder, password)
    try:
        context.load_cert_chain(cert, key, asked)
    except ssl.SSLError as exc:
        wrong = "--key-password does not open the key" if asked.used else None
        cure = _CURES.get(exc.reason or "", wrong or f"cannot be used ({exc.reason or exc})")
        files = f"{cert} with key {key}" if key else cert
        raise StartError(f"certificate {files}: {cure}") from exc
    except (OSError, ValueError) as exc:
        raise StartError(f"certificate {cert}: {exc}") from exc
    return context


def own_names() -> tuple[str, ...]:
    """What this machine is called from near by; asks no resolver."""
    here = socket.gethostname()
    return ("localhost", *((here,) if here.isascii() and here else ()), "127.0.0.1", "::1")


def self_signed_context(
    names: Iterable[str],
    clock: Clock = SYSTEM,
    rules: TlsRules = SAFE,
) -> ssl.SSLContext:
    """A server context with a key of its own, for these names and IP addresses.

    Key and certificate are made now and never reach a disk where the system
    has files without a name.  Raises `StartError` without `cryptography`.
    """
    try:
        # The optional dependency of the extra `cert`, loaded only here.
        from .selfsigned import make_pem
    except ImportError as exc:
        raise StartError(
            "--cert auto needs the package cryptography: pip install 'wsproxy-gevent[cert]', "
            "or name a certificate file"
        ) from exc
    with _readable(make_pem(names, clock.wall())) as file:
        return server_context(file, rules=rules)


@contextmanager
def _readable(data: bytes) -> Iterator[str]:
    """A name under which OpenSSL, which reads only files, finds `data`."""
    if hasattr(os, "memfd_create"):
        with open(os.memfd_create("certificate"), "wb", buffering=0) as file:
            file.write(data)
            yield f"/proc/self/fd/{file.fileno()}"
    else:
        with tempfile.NamedTemporaryFile(buffering=0) as file:
            file.write(data)
            yield file.name


def _bare_context(rules: TlsRules) -> ssl.SSLContext:
    # By attribute, for a patched process must get the patched class: the
    # original's setters recurse there.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    rules.apply(context)
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_COMPRESSION
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    # A stream that was cut off must not look like one that ended.
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    return context


class _Password:
    """What OpenSSL calls when a key is encrypted; without it, it asks the terminal."""

    def __init__(self, file: str, password: str | None) -> None:
        self._file = file
        self._password = password
        self.used = False

    def __call__(self) -> str:
        if self._password is None:
            raise StartError(
                f"private key {self._file}: it is encrypted, give its password with --key-password"
            )
        self.used = True
        return self._password


def _require(file: str, mark: str, what: str, cure: str) -> None:
    """See that the file can be read and holds such a PEM block."""
    try:
        with open(file, encoding="latin-1") as pem:
            found = mark in pem.read()
    except OSError as exc:
        raise StartError(f"{what} {file}: {exc.strerror or exc}; {_READING_CURE}") from exc
    if not found:
        raise StartError(f"{file} holds no {what} in PEM form: {cure}")


_READING_CURE = "name a file that this user may read"
