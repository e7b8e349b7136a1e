"""Certificates: what is wrong with files, what is made in memory, what is swapped."""

from __future__ import annotations

import logging
import os
import shutil
import ssl
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import gevent
import pytest

from wsproxy_gevent.errors import Busy, StartError
from wsproxy_gevent.net.certificates import (
    Certificate,
    FixedContext,
    own_names,
    self_signed_context,
    server_context,
)
from wsproxy_gevent.net.pool import NativePool, PoolTimeout

from .conftest import MADE_AT, PASSWORD, Files, names_of
from .test_clock import SetClock

T = TypeVar("T")


def names_shown(context: ssl.SSLContext) -> list[str]:
    """What the certificate is for that a client gets to see."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(to_client, to_server),
        context.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(3):
        for side in sides:
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    return names_of(sides[0].getpeercert(binary_form=True) or b"")


# -- Files -------------------------------------------------------------------------------


def test_one_file_may_hold_both_and_two_may_hold_one_each(files: Files) -> None:
    for context in (
        server_context(files.both),
        server_context(files.cert, files.key),
        server_context(files.cert, files.locked, PASSWORD),
        server_context(files.both, None, "a password that nobody asks for"),
    ):
        assert names_shown(context) == ["one.test"]


def test_only_modern_tls_is_spoken(files: Files) -> None:
    context = server_context(files.both)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    for name in ("OP_NO_COMPRESSION", "OP_NO_RENEGOTIATION", "OP_CIPHER_SERVER_PREFERENCE"):
        assert context.options & getattr(ssl, name), name
    assert not context.options & getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    for cipher in context.get_ciphers():
        old = cipher["protocol"] != "TLSv1.3"
        assert not old or cipher["name"].startswith("ECDHE-"), cipher
        assert cipher["aead"], cipher


def fault(*arguments: str | None) -> str:
    with pytest.raises(StartError) as failed:
        server_context(*arguments)  # type: ignore[arg-type]
    return str(failed.value)


def test_a_fault_names_the_file_and_the_cure(files: Files, tmp_path: Path) -> None:
    missing, empty = str(tmp_path / "missing.pem"), tmp_path / "empty.pem"
    empty.touch()
    broken = tmp_path / "broken.pem"
    broken.write_text(
        "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"
        "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n"
    )
    faults = {
        fault(missing): [missing, "No such file", "this user may read"],
        fault(files.cert, missing): ["private key", missing, "No such file"],
        fault(str(tmp_path)): [str(tmp_path), "Is a directory"],
        fault(str(empty)): [str(empty), "no certificate in PEM form", "--cert"],
        fault(files.cert): [files.cert, "no private key in PEM form", "--key"],
        fault(files.cert, files.other_key): [files.other_key, "does not belong", "--key"],
        fault(files.cert, files.locked): [files.locked, "encrypted", "--key-password"],
        fault(files.cert, files.locked, "wrong"): [files.locked, "--key-password does not open"],
        fault(str(broken)): [str(broken), "cannot be used"],
        fault(files.cert, files.locked, "x" * 5000): [files.cert, "1024"],
    }
    for text, parts in faults.items():
        assert [part for part in parts if part not in text] == [], text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_named(files: Files, tmp_path: Path) -> None:
    private = tmp_path / "private.pem"
    shutil.copy(files.both, private)
    private.chmod(0)
    assert "Permission denied; name a file that this user may read" in fault(str(private))


# -- Made in memory -----------------------------------------------------------------------


def test_a_certificate_made_in_memory_is_for_the_names_asked() -> None:
    context = self_signed_context(["localhost", "box", "127.0.0.1", "::1"], SetClock(MADE_AT))
    assert names_shown(context) == ["localhost", "box", "127.0.0.1", "::1"]
    assert FixedContext(context).context() is context


def test_this_machine_is_called_by_its_names() -> None:
    assert {"localhost", "127.0.0.1", "::1"} <= set(own_names())


def test_no_descriptor_and_no_file_stays_behind() -> None:
    before = os.listdir("/proc/self/fd")
    self_signed_context(["box"])
    assert os.listdir("/proc/self/fd") == before


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wsproxy_gevent.net.selfsigned", None)
    with pytest.raises(StartError, match=r"pip install 'wsproxy-gevent\[cert\]'"):
        self_signed_context(["box"])


# -- Swapped ------------------------------------------------------------------------------


class CountingPool(NativePool):
    """Calls in place, counts, and fails when told to."""

    def __init__(self) -> None:
        super().__init__(1)
        self.calls = 0
        self.error: Exception | None = None

    def call(self, function: Callable[..., T], *args: object, timeout: float) -> T:
        self.calls += 1
        if self.error:
            raise self.error
        return function(*args)


@pytest.fixture
def live(files: Files, tmp_path: Path) -> tuple[Certificate, Path, SetClock, CountingPool]:
    """A certificate, its file, and the clock and pool by which it is looked at."""
    path = tmp_path / "live.pem"
    shutil.copy(files.both, path)
    time, pool = SetClock(), CountingPool()
    return Certificate(str(path), pool=pool, clock=time), path, time, pool


Live = tuple[Certificate, Path, SetClock, CountingPool]


def test_a_replaced_file_is_taken_at_the_next_look(live: Live, files: Files) -> None:
    certificate, path, time, _ = live
    assert names_shown(certificate.context()) == ["one.test"]
    shutil.copy(files.other, path)
    assert names_shown(certificate.context()) == ["one.test"]
    time.now += 1
    assert names_shown(certificate.context()) == ["two.test"]


def test_files_are_looked_at_at_most_once_a_second(live: Live) -> None:
    certificate, _, time, pool = live
    first = certificate.context()
    for _ in range(5):
        time.now += 0.5
        assert certificate.context() is first
    assert pool.calls == 2


def test_a_broken_replacement_keeps_the_old_and_is_told_once(
    live: Live, files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    certificate, path, time, _ = live
    shutil.copy(files.cert, path)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            time.now += 1
            assert names_shown(certificate.context()) == ["one.test"]
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("the old certificate stays in use: ")
    assert str(path) in caplog.messages[0]
    shutil.copy(files.other, path)
    time.now += 1
    assert names_shown(certificate.context()) == ["two.test"]


def test_a_file_that_is_away_for_a_while_keeps_the_old(live: Live, files: Files) -> None:
    certificate, path, time, _ = live
    path.unlink()
    time.now += 1
    assert names_shown(certificate.context()) == ["one.test"]
    shutil.copy(files.other, path)
    time.now += 1
    assert names_shown(certificate.context()) == ["two.test"]


def test_a_full_pool_only_puts_the_look_off(live: Live) -> None:
    certificate, _, time, pool = live
    first = certificate.context()
    pool.error = Busy("full")
    for _ in range(2):
        time.now += 1
        assert certificate.context() is first
    assert pool.calls == 2


def test_a_disk_that_hangs_takes_one_thread_and_no_more(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    certificate, path, time, pool = live
    first = certificate.context()
    pool.error = PoolTimeout("slow")
    for _ in range(3):
        time.now += 1
        assert certificate.context() is first
    assert pool.calls == 1
    assert caplog.messages == [f"certificate {path}: its disk does not answer"]


def test_who_comes_during_a_look_takes_what_there_is(
    files: Files, tmp_path: Path, pool: NativePool
) -> None:
    path = tmp_path / "live.pem"
    shutil.copy(files.both, path)
    time = SetClock()
    certificate = Certificate(str(path), pool=pool, clock=time)
    shutil.copy(files.other, path)
    time.now += 1
    looking = gevent.spawn(certificate.context)
    gevent.sleep(0)
    assert pool.taken == 1
    assert names_shown(certificate.context()) in (["one.test"], ["two.test"])
    assert names_shown(looking.get()) == ["two.test"]


def test_files_that_are_wrong_at_the_start_are_an_error(files: Files, pool: NativePool) -> None:
    with pytest.raises(StartError, match="no private key"):
        Certificate(files.cert, pool=pool)
