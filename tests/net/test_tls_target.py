"""TLS towards a target: whom it is taken for, and who hears of it when it is not."""

from __future__ import annotations

import _ssl
import hashlib
import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from gevent import socket as gsocket

from tests.e2e.certificates import make_certificate
from wsproxy_gevent.errors import (
    StartError,
    TargetError,
    TargetReset,
    TargetTimeout,
    TargetUntrusted,
    TlsFailed,
)
from wsproxy_gevent.model import TlsTarget, Trust
from wsproxy_gevent.net import dial, watched
from wsproxy_gevent.net.certificates import server_context
from wsproxy_gevent.net.clock import SYSTEM
from wsproxy_gevent.net.dial import Dialer
from wsproxy_gevent.net.pool import NativePool
from wsproxy_gevent.net.selfsigned import make_pem
from wsproxy_gevent.net.stream import StreamBroken
from wsproxy_gevent.net.streams import PlainStream, TlsStream
from wsproxy_gevent.net.tls_target import TlsTowards, client_context, is_pinned

from .conftest import split
from .sockets import descriptors

AHEAD = b"PROXY UNKNOWN\r\n"


class Service:
    """A service behind TLS at 127.0.0.1 that echoes; `heard` is what came before TLS."""

    def __init__(self, context: ssl.SSLContext, ahead: bytes = b"") -> None:
        self._context = context
        self._ahead = len(ahead)
        self.heard = b""
        self.names: list[str | None] = []
        self.failures: list[TlsFailed] = []
        # In a patched process gevent's own setter makes a callback of sockets only.
        setter = vars(_ssl._SSLContext)["sni_callback"]
        setter.__set__(context, lambda _tls, name, _context: self.names.append(name))
        self._listener = gsocket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.port: int = self._listener.getsockname()[1]
        self._serving = gevent.spawn(self._serve)

    def _serve(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            self.heard = sock.recv(self._ahead) if self._ahead else b""
            try:
                stream = TlsStream.accept(PlainStream(sock), self._context)
                while data := stream.read_some():
                    stream.write_all(data)
                stream.finish()
            except TlsFailed as error:
                self.failures.append(error)
            except StreamBroken:
                pass
            finally:
                sock.close()

    def close(self) -> None:
        self._serving.kill()
        self._listener.close()


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of `one.test`, valid now."""
    path = tmp_path_factory.mktemp("target") / "one.pem"
    path.write_bytes(make_pem(["one.test"], SYSTEM.wall()))
    return path


@pytest.fixture
def ca(pem: Path, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    path.write_bytes(split(pem.read_bytes())[1])
    return str(path)


def der(pem: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert(split(pem.read_bytes())[1].decode())


def pin_of(pem: Path) -> str:
    return hashlib.sha256(der(pem)).hexdigest()


def key_pin_of(pem: Path) -> str:
    key = x509.load_der_x509_certificate(der(pem)).public_key()
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(info).hexdigest()


@contextmanager
def service(
    pem: Path, context: ssl.SSLContext | None = None, ahead: bytes = b""
) -> Iterator[Service]:
    made = Service(context or server_context(str(pem)), ahead)
    try:
        yield made
    finally:
        made.close()


def reach(
    pool: NativePool,
    port: int,
    trust: Trust | None = None,
    *,
    general: Trust | None = None,
    ahead: bytes = b"",
) -> bytes:
    """What an echo behind TLS answers."""
    dialer = Dialer(pool, timeout=5, tls=TlsTowards(pool, general))
    stream = dialer.dial(TlsTarget("127.0.0.1", port, trust or Trust()), ahead)
    try:
        stream.write_all(b"hello")
        return stream.read_some()
    finally:
        stream.abort()


def test_its_own_authority_and_name_are_enough(pool: NativePool, pem: Path, ca: str) -> None:
    with service(pem) as it:
        assert reach(pool, it.port, Trust(ca=ca, sni="one.test")) == b"hello"
        assert it.names == ["one.test"]


def test_what_holds_in_general_holds_for_a_target_that_says_nothing(
    pool: NativePool, pem: Path, ca: str
) -> None:
    with service(pem) as it:
        assert reach(pool, it.port, general=Trust(ca=ca, sni="one.test")) == b"hello"


@pytest.mark.parametrize("trust", [Trust(), Trust(sni="one.test")])
def test_the_systems_authorities_do_not_know_it(pool: NativePool, pem: Path, trust: Trust) -> None:
    with service(pem) as it, pytest.raises(TargetUntrusted) as refused:
        reach(pool, it.port, trust)
    assert "self-signed" in refused.value.detail
    assert "--target-ca" in refused.value.detail
    assert "127.0.0.1" not in refused.value.reason
    assert refused.value.http_status == 502


@pytest.mark.parametrize("sni", [None, "two.test", "one.test.example"])
def test_another_name_is_another_target(
    pool: NativePool, pem: Path, ca: str, sni: str | None
) -> None:
    with service(pem) as it, pytest.raises(TargetUntrusted, match="does not trust") as refused:
        reach(pool, it.port, Trust(ca=ca, sni=sni))
    assert "mismatch" in refused.value.detail


@pytest.mark.parametrize("digest", [pin_of, key_pin_of])
def test_a_pin_needs_neither_authority_nor_name(
    pool: NativePool, pem: Path, digest: object
) -> None:
    assert callable(digest)
    with service(pem) as it:
        assert reach(pool, it.port, Trust(pins=("0" * 64, digest(pem)))) == b"hello"


def test_another_digest_is_another_target(pool: NativePool, pem: Path) -> None:
    with service(pem) as it, pytest.raises(TargetUntrusted) as refused:
        reach(pool, it.port, Trust(pins=("0" * 64,)))
    assert pin_of(pem) in refused.value.detail


def test_pin_and_authority_must_both_hold(pool: NativePool, pem: Path, ca: str) -> None:
    with service(pem) as it:
        for trust in (
            Trust(ca=ca, sni="two.test", pins=(pin_of(pem),)),
            Trust(ca=ca, sni="one.test", pins=("0" * 64,)),
            Trust(pins=(pin_of(pem),), verify=True),
        ):
            with pytest.raises(TargetUntrusted):
                reach(pool, it.port, trust)


def test_without_verification_anybody_will_do_and_a_warning_is_given(
    pool: NativePool, pem: Path, caplog: pytest.LogCaptureFixture
) -> None:
    towards = TlsTowards(pool, Trust(verify=False))
    with service(pem) as it, caplog.at_level(logging.WARNING):
        for _ in range(2):
            Dialer(pool, tls=towards).dial(TlsTarget("127.0.0.1", it.port)).abort()
    (record,) = caplog.records
    assert "not verified" in record.getMessage()


def test_who_says_himself_whom_to_trust_is_not_trusted_for_less(
    pool: NativePool, pem: Path, ca: str
) -> None:
    with service(pem) as it, pytest.raises(TargetUntrusted):
        reach(pool, it.port, Trust(ca=ca), general=Trust(verify=False))


def test_a_certificate_of_ours_is_shown_to_who_asks(
    pool: NativePool, pem: Path, tmp_path: Path
) -> None:
    ours = tmp_path / "ours.pem"
    ours.write_bytes(make_certificate(1))
    asking = server_context(str(pem))
    asking.verify_mode = ssl.CERT_REQUIRED
    asking.load_verify_locations(ours)
    asking.maximum_version = ssl.TLSVersion.TLSv1_2  # whose refusal comes in the handshake
    known = (pin_of(pem),)
    with service(pem, asking) as it:
        assert reach(pool, it.port, Trust(pins=known, cert=str(ours))) == b"hello"
        with pytest.raises(TargetUntrusted, match="TLS handshake with the target failed"):
            reach(pool, it.port, Trust(pins=known))


def test_what_goes_ahead_goes_before_tls(pool: NativePool, pem: Path) -> None:
    with service(pem, ahead=AHEAD) as it:
        assert reach(pool, it.port, Trust(verify=False), ahead=AHEAD) == b"hello"
        assert it.heard == AHEAD


def test_files_that_change_are_read_again(
    pool: NativePool, pem: Path, ca: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched, "LOOK_EVERY_SECONDS", 0.0)
    towards, right = TlsTowards(pool), Path(ca).read_bytes()
    Path(ca).write_bytes(split(make_pem(["two.test"], SYSTEM.wall()))[1])
    with service(pem) as it:
        dialer = Dialer(pool, tls=towards)
        target = TlsTarget("127.0.0.1", it.port, Trust(ca=ca, sni="one.test"))
        with pytest.raises(TargetUntrusted):
            dialer.dial(target)
        fresh = Path(ca).with_suffix(".fresh")
        fresh.write_bytes(right)
        fresh.replace(ca)
        dialer.dial(target).abort()


# -- What can go wrong -------------------------------------------------------------------


@contextmanager
def answering(data: bytes) -> Iterator[int]:
    """The port of somebody who says one thing and leaves."""
    listener = gsocket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()

    def serve() -> None:
        while True:
            sock, _ = listener.accept()
            sock.recv(1000)
            sock.sendall(data)
            sock.close()

    serving = gevent.spawn(serve)
    yield int(listener.getsockname()[1])
    serving.kill()
    listener.close()


@pytest.mark.parametrize(
    ("said", "error"), [(b"RFB 003.008\n", TargetUntrusted), (b"", TargetReset)]
)
def test_who_speaks_no_tls_is_told_apart_and_leaves_nothing_open(
    pool: NativePool, said: bytes, error: type[TargetError]
) -> None:
    with answering(said) as port:
        dialer, target = Dialer(pool), TlsTarget("127.0.0.1", port)
        with pytest.raises(error):
            dialer.dial(target)  # reads the system's authorities, too
        gevent.sleep(0)
        before = descriptors()
        with pytest.raises(error):
            dialer.dial(target)
        gevent.sleep(0)
        assert descriptors() <= before


def test_the_handshake_is_part_of_the_dials_deadline(pool: NativePool) -> None:
    listener = gsocket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    tls = TlsTowards(pool)
    tls.check(Trust())
    with pytest.raises(TargetTimeout):
        Dialer(pool, timeout=0.05, tls=tls).dial(TlsTarget("127.0.0.1", listener.getsockname()[1]))
    listener.close()


def test_no_patience_makes_a_certificate_another(
    pool: NativePool, pem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dial, "FIRST_PAUSE", 60.0)
    with service(pem) as it, pytest.raises(TargetUntrusted):
        Dialer(pool, wait=100).dial(TlsTarget("127.0.0.1", it.port))


def test_a_host_that_can_be_no_name_is_untrusted(pool: NativePool, pem: Path) -> None:
    with service(pem) as it, pytest.raises(TargetUntrusted):
        reach(pool, it.port, Trust(verify=False, sni="." * 3 + "x"))


FAULTS = [
    (Trust(ca="/nowhere/ca.pem"), "/nowhere/ca.pem: No such file"),
    (Trust(ca="/dev/null"), "/dev/null: "),
    (Trust(cert="/nowhere/cert.pem"), "/nowhere/cert.pem: No such file"),
]


@pytest.mark.parametrize(("trust", "said"), FAULTS)
def test_files_that_are_wrong_are_found_at_start(
    pool: NativePool, trust: Trust, said: str
) -> None:
    with pytest.raises(StartError, match=said):
        TlsTowards(pool).check(trust)


@pytest.mark.parametrize(("trust", "said"), FAULTS)
def test_those_that_a_token_names_are_a_refusal(
    pool: NativePool, pem: Path, trust: Trust, said: str
) -> None:
    with service(pem) as it, pytest.raises(TargetUntrusted) as refused:
        reach(pool, it.port, trust)
    assert said in refused.value.detail
    assert "/" not in refused.value.reason


def test_a_locked_key_is_named_and_nobody_is_asked(files: object, pool: NativePool) -> None:
    trust = Trust(cert=files.cert, key=files.locked)  # type: ignore[attr-defined]
    with pytest.raises(StartError, match="the key is encrypted"):
        TlsTowards(pool).check(trust)


def test_a_directory_of_authorities_is_taken(tmp_path: Path) -> None:
    assert client_context(Trust(ca=str(tmp_path))).verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize("certificate", [b"", b"\x30\x00", b"rubbish"])
def test_what_is_no_certificate_is_no_match(certificate: bytes) -> None:
    assert not is_pinned(certificate, ("0" * 64,))
