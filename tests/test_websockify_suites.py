"""websockify's own suites of its plugins, against ours under its modules' names.

They come from its source package, which `make .stamps/websockify` fetches with
a pinned hash.  The keys that they read are not in it; they are made here.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / ".peers" / "websockify-0.13.0.tar.gz"

SUITES = ("tests/test_token_plugins.py", "tests/test_auth_plugins.py")

# How many tests there are, lest an empty run pass for a good one.
TESTS = {"tests/test_token_plugins.py": 36, "tests/test_auth_plugins.py": 4}

RUN = """
import sys, unittest
from types import ModuleType
from wsproxy_gevent import auth_plugins, token_plugins
package = sys.modules["websockify"] = ModuleType("websockify")
package.token_plugins, package.auth_plugins = token_plugins, auth_plugins
sys.modules["websockify.token_plugins"] = token_plugins
sys.modules["websockify.auth_plugins"] = auth_plugins
unittest.main(sys.argv[1], argv=["suite", "-v"])
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not SOURCE.exists():
        pytest.skip(f"PyPI did not give {SOURCE.name} (make .stamps/websockify fetches it)")
    directory = tmp_path_factory.mktemp("websockify")
    with tarfile.open(SOURCE) as archive:
        for suite in SUITES:
            archive.extract(f"websockify-0.13.0/{suite}", directory, filter="data")
    place = directory / "websockify-0.13.0"
    fixtures = place / "tests" / "fixtures"
    fixtures.mkdir()
    key = generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (fixtures / "private.pem").write_bytes(pem)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (fixtures / "public.pem").write_bytes(public)
    (fixtures / "symmetric.key").write_text("c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldC1zZWM")
    return place


@pytest.mark.parametrize("suite", SUITES)
def test_its_suite_passes_against_our_classes(unpacked: Path, suite: str) -> None:
    module = Path(suite).stem
    run = subprocess.run(
        [sys.executable, "-c", RUN, module],
        cwd=unpacked,
        env={"PYTHONPATH": f"{unpacked / 'tests'}:{ROOT}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert f"Ran {TESTS[suite]} tests" in run.stderr
    assert "skipped" not in run.stderr
