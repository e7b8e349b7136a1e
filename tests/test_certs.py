"""Which certificate is served, and what is an error at start."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from wsproxy_gevent.certs import find_certificate
from wsproxy_gevent.config.settings import Settings
from wsproxy_gevent.errors import StartError
from wsproxy_gevent.net.certificates import Certificate, FixedContext
from wsproxy_gevent.net.pool import NativePool
from wsproxy_gevent.net.selfsigned import make_pem


@pytest.fixture
def pool() -> Iterator[NativePool]:
    pool = NativePool(1)
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("certs") / "self.pem"
    file.write_bytes(make_pem(("localhost",), 1_700_000_000.0))
    return str(file)


def test_none_is_no_tls(pool: NativePool) -> None:
    assert find_certificate(Settings(cert="none"), pool) is None


def test_auto_makes_one(pool: NativePool) -> None:
    assert isinstance(find_certificate(Settings(cert="auto"), pool), FixedContext)


def test_a_file_is_read(pool: NativePool, pem: str) -> None:
    assert isinstance(find_certificate(Settings(cert=pem), pool), Certificate)


def test_our_own_default_may_be_missing(pool: NativePool, tmp_path: Path) -> None:
    assert find_certificate(Settings(cert=str(tmp_path / "self.pem")), pool) is None


def test_our_own_default_is_taken_when_it_is_there(pool: NativePool, pem: str) -> None:
    assert find_certificate(Settings(cert=pem), pool) is not None


def test_a_named_one_may_not_be_missing(pool: NativePool, tmp_path: Path) -> None:
    missing = str(tmp_path / "self.pem")
    with pytest.raises(StartError, match=r"self\.pem"):
        find_certificate(Settings(cert=missing, cert_given=True), pool)


def test_the_websockify_profile_only_warns_of_a_missing_one(
    pool: NativePool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    missing = str(tmp_path / "cert.pem")
    settings = Settings(cert=missing, cert_given=True, profile="websockify")
    with caplog.at_level(logging.WARNING):
        assert find_certificate(settings, pool) is None
    assert missing in caplog.text


@pytest.mark.parametrize("profile", ["default", "websockify"])
def test_ssl_only_needs_one(pool: NativePool, tmp_path: Path, profile: str) -> None:
    settings = Settings(cert=str(tmp_path / "self.pem"), ssl_only=True, profile=profile)
    with pytest.raises(StartError, match="--cert auto"):
        find_certificate(settings, pool)


def test_one_that_we_made_is_not_made_anew(pool: NativePool) -> None:
    settings = Settings(cert="auto")
    first = find_certificate(settings, pool)
    assert find_certificate(settings, pool, first) is first


def test_files_are_read_anew(pool: NativePool, pem: str) -> None:
    settings = Settings(cert=pem)
    first = find_certificate(settings, pool)
    again = find_certificate(settings, pool, first)
    assert again is not None
    assert again is not first


@pytest.mark.parametrize("profile", ["default", "websockify"])
def test_files_that_have_gone_do_not_turn_tls_off(
    pool: NativePool, pem: str, tmp_path: Path, profile: str
) -> None:
    first = find_certificate(Settings(cert=pem), pool)
    settings = Settings(cert=str(tmp_path / "self.pem"), profile=profile)
    with pytest.raises(StartError, match="is gone; --cert none"):
        find_certificate(settings, pool, first)
    assert find_certificate(Settings(cert="none"), pool, first) is None


@pytest.mark.parametrize("cert", ["none", "auto", "/nowhere/self.pem"])
def test_a_key_without_its_certificate_is_told_at_start(pool: NativePool, cert: str) -> None:
    with pytest.raises(StartError, match="--key /etc/key"):
        find_certificate(Settings(cert=cert, key="/etc/key.pem"), pool)
