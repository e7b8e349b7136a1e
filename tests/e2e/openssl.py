"""An authority and the certificates of its clients, made by OpenSSL's own command."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .programs import needs
from .wire import any_certificate

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def openssl(*words: str | Path) -> str:
    ended = subprocess.run(
        [needs("openssl"), *map(str, words)],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return ended.stdout


@dataclass(frozen=True, slots=True)
class Authority:
    """Signs in a directory of its own; `certificate` is what others trust it by."""

    directory: Path

    @classmethod
    def make(cls, directory: Path, name: str) -> Authority:
        directory.mkdir()
        made = cls(directory)
        where = ("-keyout", made.key, "-out", made.certificate)
        openssl("req", "-x509", *_KEY, "-days", "2", "-subj", f"/CN={name}", *where)
        return made

    @property
    def certificate(self) -> Path:
        return self.directory / "authority.pem"

    @property
    def key(self) -> Path:
        return self.directory / "authority.key"

    def sign(self, name: str, *, alternative: str = "", days: int = 2) -> Client:
        """A client's certificate; `alternative` such as `email:alice@example.org`."""
        client = Client(name, self.directory / f"{name}.pem", self.directory / f"{name}.key")
        request = self.directory / f"{name}.csr"
        more = ("-addext", f"subjectAltName={alternative}") if alternative else ()
        where = ("-keyout", client.key, "-out", request)
        openssl("req", "-new", *_KEY, "-subj", f"/CN={name}", *more, *where)
        openssl(
            *("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key),
            *("-CAcreateserial", "-copy_extensions", "copy", "-days", str(days)),
            *("-out", client.certificate),
        )
        return client


@dataclass(frozen=True, slots=True)
class Client:
    name: str
    certificate: Path
    key: Path

    def tls(self) -> ssl.SSLContext:
        context = any_certificate()
        context.load_cert_chain(self.certificate, self.key)
        return context

    @property
    def fingerprint(self) -> str:
        """With colons, as OpenSSL prints it."""
        said = openssl("x509", "-in", self.certificate, "-noout", "-fingerprint", "-sha256")
        return said.strip().partition("=")[2]
