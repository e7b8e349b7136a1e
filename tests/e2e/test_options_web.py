"""websockify's options about pages and TLS: what each does."""

from __future__ import annotations

import ssl
import subprocess
import warnings
from pathlib import Path

import pytest

from .certificates import make_certificate, served_serial
from .programs import needs
from .proxy import Proxy
from .websockify import Websockify, get, talk
from .wire import SECONDS, Wire, any_certificate

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate and its key, number 7."""
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    file.write_bytes(make_certificate(7))
    return file


@pytest.fixture(scope="module")
def parts(pem: Path) -> tuple[Path, Path]:
    """The certificate and the key apart."""
    key, cert = pem.with_name("key.pem"), pem.with_name("cert.pem")
    at = pem.read_bytes().index(b"-----BEGIN PRIVATE KEY")
    cert.write_bytes(pem.read_bytes()[:at])
    key.write_bytes(pem.read_bytes()[at:])
    return cert, key


def client(**changes: object) -> ssl.SSLContext:
    """One that takes whatever certificate there is, changed."""
    context = any_certificate()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for name, value in changes.items():
            setattr(context, name, value)
    return context


def spoken(proxy: Proxy, tls: ssl.SSLContext) -> str:
    """The version and cipher of a session, or that there was none."""
    try:
        with Wire.open(proxy.port, tls=tls) as wire:
            talk(wire, proxy.host)
            assert isinstance(wire.sock, ssl.SSLSocket)
            return " ".join(str(word) for word in wire.sock.cipher() or ())
    except (ssl.SSLError, ConnectionResetError, EOFError):
        return "refused"


@pytest.mark.option("--cert")
def test_cert_is_what_is_served_and_plain_beside_it(
    websockify: Websockify, target: str, pem: Path
) -> None:
    proxy = websockify.serve("--cert", pem, target)
    assert served_serial(proxy.port) == 7
    with Wire.open(proxy.port) as wire:
        talk(wire, proxy.host)


@pytest.mark.option("--key")
def test_key_may_be_in_a_file_of_its_own(
    websockify: Websockify, target: str, parts: tuple[Path, Path]
) -> None:
    cert, key = parts
    proxy = websockify.serve(f"--cert={cert}", f"--key={key}", target)
    assert served_serial(proxy.port) == 7


@pytest.mark.row("`--key-password`")
@pytest.mark.option("--key-password")
def test_key_password_opens_the_key(
    websockify: Websockify, target: str, parts: tuple[Path, Path]
) -> None:
    cert, key = parts
    locked = websockify.cwd / "locked.pem"
    subprocess.run(
        [needs("openssl"), "pkcs8", "-topk8", "-in", key, "-out", locked, "-passout", "pass:se-s"],
        check=True,
        timeout=SECONDS,
    )
    named = ("--cert", cert, "--key", locked)
    assert websockify.run(*named, "0", target).exit_status() == 1
    proxy = websockify.serve(*named, "--key-password", "se-s", target)
    assert served_serial(proxy.port) == 7


@pytest.mark.row("`--ssl-only`")
@pytest.mark.option("--ssl-only")
def test_ssl_only_refuses_plain_clients(websockify: Websockify, target: str, pem: Path) -> None:
    proxy = websockify.serve("--ssl-only", "--cert", pem, target)
    with Wire.open(proxy.port) as wire:
        wire.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert wire.read_answer().status == 308
    with Wire.open(proxy.port, tls=any_certificate()) as wire:
        talk(wire, proxy.host)


@pytest.mark.option("--ssl-only")
def test_ssl_only_without_a_certificate_does_not_start(
    websockify: Websockify, target: str
) -> None:
    asked = websockify.run("--ssl-only", "0", target)
    assert asked.exit_status() != 0
    assert "--ssl-only needs a certificate" in asked.output


@pytest.mark.option("--verify-client", "--cafile")
def test_verify_client_asks_for_a_certificate_of_the_cafile(
    websockify: Websockify, target: str, pem: Path
) -> None:
    known, stranger = websockify.cwd / "known.pem", websockify.cwd / "stranger.pem"
    known.write_bytes(make_certificate(1))
    stranger.write_bytes(make_certificate(2))
    options = ("--cert", pem, "--verify-client", "--cafile", known)
    proxy = websockify.serve(*options, target)
    outcomes = []
    for shown in (known, stranger, None):
        tls = any_certificate()
        if shown:
            tls.load_cert_chain(shown)
        outcomes.append(spoken(proxy, tls) != "refused")
    assert outcomes == [True, False, False]
    proxy.program.wait_for_output("CERTIFICATE_VERIFY_FAILED")
    proxy.program.wait_for_output("PEER_DID_NOT_RETURN_A_CERTIFICATE")


@pytest.mark.row("`--ssl-version`")
@pytest.mark.option("--ssl-version")
@pytest.mark.parametrize(
    ("name", "version", "taken"),
    [
        ("default", ssl.TLSVersion.TLSv1_2, True),
        ("tlsv1_3", ssl.TLSVersion.TLSv1_2, False),
        ("tlsv1_3", ssl.TLSVersion.TLSv1_3, True),
        ("tlsv1_1", ssl.TLSVersion.TLSv1_1, True),
    ],
)
def test_ssl_version_is_the_oldest_one(
    name: str, version: ssl.TLSVersion, taken: bool, websockify: Websockify, target: str, pem: Path
) -> None:
    proxy = websockify.serve("--cert", pem, f"--ssl-version={name}", target)
    tls = client(minimum_version=version, maximum_version=version)
    tls.set_ciphers("ALL:@SECLEVEL=0")
    assert (spoken(proxy, tls) != "refused") is taken


@pytest.mark.option("--ssl-ciphers")
def test_ssl_ciphers_are_those_that_are_allowed(
    websockify: Websockify, target: str, pem: Path
) -> None:
    proxy = websockify.serve("--cert", pem, "--ssl-ciphers", "ECDHE-ECDSA-AES128-SHA256", target)
    tls = client(maximum_version=ssl.TLSVersion.TLSv1_2)
    tls.set_ciphers("ALL")
    assert spoken(proxy, tls).startswith("ECDHE-ECDSA-AES128-SHA256 ")
    tls.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
    assert spoken(proxy, tls) == "refused"


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    web = tmp_path / "web"
    (web / "sub").mkdir(parents=True)
    (web / "page.html").write_text("hello")
    return web


@pytest.mark.option("--web")
def test_web_serves_the_files_on_the_same_port(
    websockify: Websockify, target: str, pages: Path
) -> None:
    proxy = websockify.serve("--web=web", target)
    assert get(proxy, "/page.html") == (200, b"hello")
    status, listing = get(proxy)
    assert (status, b"page.html" in listing) == (200, True)
    with Wire.open(proxy.port) as wire:
        talk(wire, proxy.host)


@pytest.mark.option("--file-only")
def test_file_only_lists_no_directory(websockify: Websockify, target: str, pages: Path) -> None:
    proxy = websockify.serve("--web", pages, "--file-only", target)
    assert get(proxy, "/page.html") == (200, b"hello")
    assert [get(proxy, path)[0] for path in ("/", "/sub/")] == [404, 404]


@pytest.mark.option("--web-auth")
def test_web_auth_asks_for_the_login_on_pages_too(
    websockify: Websockify, target: str, pages: Path
) -> None:
    login = {"WSPROXY_BASIC_AUTH": "env:LOGIN", "LOGIN": "mallory:sesame"}
    open_pages = websockify.serve("--web", pages, target, env=login)
    assert get(open_pages, "/page.html") == (200, b"hello")
    guarded = websockify.serve("--web", pages, "--web-auth", target, env=login)
    assert get(guarded, "/page.html")[0] == 401
