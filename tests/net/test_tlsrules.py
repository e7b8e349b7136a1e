"""Which TLS is agreed to, and whose certificates are taken."""

from __future__ import annotations

import ssl
import warnings
from contextlib import suppress
from pathlib import Path

import gevent
import pytest

from wsproxy_gevent.errors import StartError, TlsFailed
from wsproxy_gevent.net.certificates import Certificate, server_context
from wsproxy_gevent.net.pool import NativePool
from wsproxy_gevent.net.stream import Stream, StreamBroken
from wsproxy_gevent.net.streams import TlsStream
from wsproxy_gevent.net.tlsrules import VERSIONS, ClientCertificates, TlsRules

from ..e2e.certificates import make_certificate
from .conftest import Files
from .test_clock import SetClock
from .test_stream import unix_pair

V1_1, V1_2, V1_3 = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def client(newest: ssl.TLSVersion = V1_3) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = V1_1
        context.maximum_version = newest
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def agreed(server: ssl.SSLContext, asking: ssl.SSLContext) -> str:
    """The version and cipher, or why there was none, in the server's words."""
    ours, theirs = unix_pair()
    connecting = gevent.spawn(connect, ours, asking)
    try:
        accepted = TlsStream.accept(theirs, server)
        cipher = accepted._tls.cipher()
        assert cipher is not None
        return f"{accepted.tls_version} {cipher[0]}"
    except TlsFailed as error:
        return error.reason
    finally:
        theirs.abort()
        connecting.kill()


def connect(below: Stream, context: ssl.SSLContext) -> None:
    """What it meets is the server's to tell."""
    try:
        with suppress(TlsFailed, StreamBroken):
            TlsStream.connect(below, context).read_some()
    finally:
        below.abort()


@pytest.mark.parametrize(
    ("name", "newest", "spoken"),
    [
        ("default", V1_3, "TLSv1.3"),
        ("default", V1_2, "TLSv1.2"),
        ("default", V1_1, "no TLS that is new enough"),
        ("tlsv1_1", V1_1, "TLSv1.1"),
        ("tlsv1_1", V1_3, "TLSv1.3"),
        ("tlsv1_2", V1_1, "no TLS that is new enough"),
        ("tlsv1_3", V1_3, "TLSv1.3"),
        ("tlsv1_3", V1_2, "no TLS that is new enough"),
    ],
)
def test_the_oldest_tls_is_what_was_named(
    name: str, newest: ssl.TLSVersion, spoken: str, files: Files
) -> None:
    server = server_context(files.both, rules=TlsRules(minimum=VERSIONS[name]))
    assert spoken in agreed(server, client(newest))


def test_the_ciphers_are_those_that_were_named(files: Files) -> None:
    rules = TlsRules(ciphers="ECDHE-ECDSA-AES256-SHA")
    server = server_context(files.both, rules=rules)
    assert agreed(server, client(V1_2)) == "TLSv1.2 ECDHE-ECDSA-AES256-SHA"


def test_ciphers_that_nobody_knows_are_told(files: Files) -> None:
    with pytest.raises(StartError, match="--ssl-ciphers ROT13: OpenSSL knows none of them"):
        server_context(files.both, rules=TlsRules(ciphers="ROT13"))


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A client's certificate, its own authority."""
    file = tmp_path_factory.mktemp("clients") / "known.pem"
    file.write_bytes(make_certificate(1))
    return file


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("clients") / "stranger.pem"
    file.write_bytes(make_certificate(2))
    return file


def with_certificate(file: Path) -> ssl.SSLContext:
    context = client()
    context.load_cert_chain(file)
    return context


def test_clients_show_a_certificate_of_the_named_authority(
    files: Files, known: Path, stranger: Path
) -> None:
    rules = TlsRules(clients=ClientCertificates(True, str(known)))
    server = server_context(files.both, rules=rules)
    assert agreed(server, with_certificate(known)).startswith("TLSv1.3")
    assert "could not be verified" in agreed(server, with_certificate(stranger))
    assert "showed no certificate" in agreed(server, client())


def test_without_a_file_the_systems_authorities_count(files: Files, known: Path) -> None:
    server = server_context(files.both, rules=TlsRules(clients=ClientCertificates(True)))
    assert "could not be verified" in agreed(server, with_certificate(known))


@pytest.mark.parametrize(
    ("content", "complaint"), [(b"nothing", "holds no certificate"), (None, "No such file")]
)
def test_authorities_that_are_none_are_told(
    content: bytes | None, complaint: str, files: Files, tmp_path: Path
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    rules = TlsRules(clients=ClientCertificates(True, str(file)))
    with pytest.raises(StartError, match=f"--cafile {file}.*{complaint}"):
        server_context(files.both, rules=rules)


def test_authorities_that_changed_are_read_again(
    files: Files, known: Path, stranger: Path, pool: NativePool, tmp_path: Path
) -> None:
    file, clock = tmp_path / "ca.pem", SetClock()
    file.write_bytes(known.read_bytes())
    rules = TlsRules(clients=ClientCertificates(True, str(file)))
    certificate = Certificate(files.both, pool=pool, rules=rules, clock=clock)
    assert agreed(certificate.context(), with_certificate(known)).startswith("TLSv1.3")
    file.write_bytes(stranger.read_bytes())
    clock.now += 2
    assert "could not be verified" in agreed(certificate.context(), with_certificate(known))


# -- The next connection -------------------------------------------------------------------


def meet(
    server: ssl.SSLContext, asking: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> ssl.SSLObject:
    """The client's side of a whole handshake, with what the server sent behind it read."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = server.wrap_bio(up, down, server_side=True)
    theirs = asking.wrap_bio(down, up, session=session)
    for side in (theirs, ours, theirs, ours):
        with suppress(ssl.SSLWantReadError):
            side.do_handshake()
    with suppress(ssl.SSLWantReadError):
        theirs.read(1)
    return theirs


def test_a_client_that_comes_again_need_not_be_shown_the_certificate(files: Files) -> None:
    server, asking = server_context(files.both), client()
    first = meet(server, asking)
    assert not first.session_reused
    again = meet(server, asking, first.session)
    assert again.session_reused
    assert meet(server, asking, again.session).session_reused


def test_one_that_shows_its_own_does_so_each_time(files: Files, known: Path) -> None:
    rules = TlsRules(clients=ClientCertificates(required=True, authorities=str(known)))
    server, asking = server_context(files.both, rules=rules), with_certificate(known)
    first = meet(server, asking)
    assert first.version() == "TLSv1.3"
    assert first.session is None or not first.session.has_ticket
