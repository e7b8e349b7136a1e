"""What the tests of the net floor share: a bound on each, and certificates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gevent
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from wsproxy_gevent.net.pool import NativePool
from wsproxy_gevent.net.selfsigned import make_pem

PATIENCE_SECONDS = 30.0

# 2026-01-01T00:00:00Z, when the certificates of the tests were made.
MADE_AT = 1_767_225_600.0

PASSWORD = "swordfish"


@pytest.fixture(autouse=True)
def no_test_waits_for_ever() -> Iterator[None]:
    with gevent.Timeout(PATIENCE_SECONDS):
        yield


@pytest.fixture
def pool() -> Iterator[NativePool]:
    pool = NativePool(4)
    yield pool
    pool.close()


@dataclass(frozen=True)
class Files:
    """PEM files: `both` holds certificate and key, `locked` an encrypted key."""

    both: str
    cert: str
    key: str
    locked: str
    other_key: str
    other: str


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("certificates")
    pem, other = (make_pem([name], MADE_AT) for name in ("one.test", "two.test"))
    key, cert = split(pem)

    def write(name: str, content: bytes) -> str:
        path = folder / name
        path.write_bytes(content)
        return str(path)

    return Files(
        both=write("both.pem", pem),
        cert=write("cert.pem", cert),
        key=write("key.pem", key),
        locked=write("locked.pem", locked(key)),
        other_key=write("other-key.pem", split(other)[0]),
        other=write("other.pem", other),
    )


def split(pem: bytes) -> tuple[bytes, bytes]:
    """The key and the certificate of a file that holds both."""
    at = pem.index(b"-----BEGIN CERTIFICATE-----")
    return pem[:at], pem[at:]


def locked(key: bytes) -> bytes:
    return serialization.load_pem_private_key(key, None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(PASSWORD.encode()),
    )


def names_of(certificate: bytes | str) -> list[str]:
    """The DNS names and addresses that a PEM or DER certificate is for."""
    if isinstance(certificate, str):
        parsed = x509.load_pem_x509_certificate(Path(certificate).read_bytes())
    else:
        parsed = x509.load_der_x509_certificate(certificate)
    san = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = [str(ip) for ip in san.get_values_for_type(x509.IPAddress)]
    return [*san.get_values_for_type(x509.DNSName), *addresses]
