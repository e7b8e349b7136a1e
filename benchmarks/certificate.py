"""A self-signed P-256 certificate, in the forms that the peers read."""

from __future__ import annotations

import subprocess
from pathlib import Path


def make(work: Path) -> Path:
    """Key and certificate in `bench.pem`; beside it `bench.p12` without a password."""
    key, certificate, both = work / "bench.key", work / "bench.crt", work / "bench.pem"
    _openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30"
        " -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1",
        *("-keyout", str(key), "-out", str(certificate)),
    )
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    both.chmod(0o600)
    _openssl(
        "pkcs12 -export -passout pass:",
        *("-inkey", str(key), "-in", str(certificate), "-out", str(work / "bench.p12")),
    )
    return both


def _openssl(words: str, *more: str) -> None:
    subprocess.run(["openssl", *words.split(), *more], check=True, capture_output=True)
