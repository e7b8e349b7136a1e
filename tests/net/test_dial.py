"""The dialer: names, deadlines, patience, and what the peer is told."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import gevent
import pytest

from wsproxy_gevent.errors import Busy, TargetRefused, TargetTimeout, TargetUnreachable
from wsproxy_gevent.model import TcpTarget, UnixTarget
from wsproxy_gevent.net import dial
from wsproxy_gevent.net.address import Address
from wsproxy_gevent.net.dial import Dialer
from wsproxy_gevent.net.pool import NativePool, PoolTimeout
from wsproxy_gevent.net.streams import PlainStream

from .sockets import V4, V6, bound, descriptors, listening, silent

T = TypeVar("T")
SOON = 0.005


class ScriptedPool(NativePool):
    """Answers every call with the given addresses, or fails as told."""

    def __init__(self, *addresses: Address, error: Exception | None = None) -> None:
        super().__init__(1)
        self._answers = [(a.family, socket.SOCK_STREAM, 6, "", a.sockaddr) for a in addresses]
        self._error = error
        self.calls: list[tuple[tuple[object, ...], float]] = []

    def call(self, function: Callable[..., T], *args: object, timeout: float) -> T:
        self.calls.append((args, timeout))
        if self._error:
            raise self._error
        return self._answers  # type: ignore[return-value]


def at(address: Address) -> TcpTarget:
    return TcpTarget(address.sockaddr[0], int(address.sockaddr[1]))


@pytest.mark.parametrize("family", [V4, V6])
def test_a_literal_is_dialled_without_a_resolver(family: socket.AddressFamily) -> None:
    nobody = ScriptedPool()
    with listening(family) as (listener, address):
        stream = Dialer(nobody).dial(at(address))
        accepted, _ = listener.accept()
        accepted.sendall(b"RFB")
        assert stream.read_some() == b"RFB"
        accepted.close()
        stream.abort()
    assert nobody.calls == []


def test_a_name_is_resolved_on_a_native_thread(pool: NativePool) -> None:
    with listening() as (_, address):
        Dialer(pool).dial(TcpTarget("localhost", at(address).port)).abort()


def test_every_address_of_a_name_is_tried() -> None:
    with bound(V6) as (_, refusing), listening(V4) as (_, answering):
        scripted = ScriptedPool(refusing, answering)
        Dialer(scripted, name_timeout=3).dial(TcpTarget("two.test", 1)).abort()
    assert scripted.calls == [(("two.test", 1, 0, socket.SOCK_STREAM), 3)]


def test_no_more_than_the_first_addresses_are_tried() -> None:
    with bound() as (_, refusing), listening() as (_, answering):
        many = [Address(V4, (f"127.0.0.{n}", at(refusing).port)) for n in range(2, 10)]
        with pytest.raises(TargetRefused) as refused:
            Dialer(ScriptedPool(*many, answering)).dial(TcpTarget("many.test", 1))
    assert refused.value.detail.count("refused") == dial.MOST_ADDRESSES


def test_a_connection_is_tuned() -> None:
    with listening() as (_, address):
        stream = Dialer(ScriptedPool()).dial(at(address))
        assert isinstance(stream, PlainStream)
        with socket.socket(fileno=socket.dup(stream.fileno())) as copy:
            assert copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        stream.abort()


def test_a_unix_target_is_dialled(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        Dialer(ScriptedPool()).dial(UnixTarget(path)).abort()


def test_what_goes_ahead_is_the_first_that_a_target_hears(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as unix, listening() as (tcp, address):
        unix.bind(path)
        unix.listen()
        for listener, target in ((unix, UnixTarget(path)), (tcp, at(address))):
            stream = Dialer(ScriptedPool()).dial(target, b"PROXY UNKNOWN\r\n")
            stream.write_all(b"RFB")
            accepted, _ = listener.accept()
            with accepted, accepted.makefile("rb") as heard:
                stream.finish()
                assert heard.read() == b"PROXY UNKNOWN\r\nRFB"
            stream.abort()


# -- What can go wrong -----------------------------------------------------------------


def test_the_peer_is_told_what_happened_and_not_where() -> None:
    with bound() as (_, address), pytest.raises(TargetRefused) as refused:
        Dialer(ScriptedPool()).dial(at(address))
    assert refused.value.reason.startswith("the target refused the connection")
    assert "127.0.0.1" not in refused.value.reason
    assert str(address) in refused.value.detail


def test_silence_ends_at_the_deadline_and_leaves_nothing_open() -> None:
    with silent() as (_, address):
        before = descriptors()
        with pytest.raises(TargetTimeout) as late:
            Dialer(ScriptedPool(), timeout=SOON).dial(at(address))
        gevent.sleep(0)
        assert descriptors() == before
    assert str(address) in late.value.detail


@pytest.mark.parametrize("host", ["x" * 300, "a..b", "nul\0.test"])
def test_what_can_be_no_name_is_unreachable(pool: NativePool, host: str) -> None:
    with pytest.raises(TargetUnreachable, match="name is not known"):
        Dialer(pool).dial(TcpTarget(host, 1))


def test_a_name_that_nobody_knows_is_unreachable() -> None:
    unknown = ScriptedPool(error=socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    with pytest.raises(TargetUnreachable, match="name is not known") as failed:
        Dialer(unknown).dial(TcpTarget("nobody.test", 5900))
    assert failed.value.detail == ("nobody.test:5900: [Errno -2] Name or service not known")


@pytest.mark.fault(4)
def test_a_resolver_that_hangs_is_a_timeout_and_a_full_pool_is_ours() -> None:
    with pytest.raises(TargetTimeout, match="resolved in time"):
        Dialer(ScriptedPool(error=PoolTimeout("slow"))).dial(TcpTarget("slow.test", 1))
    with pytest.raises(Busy):
        Dialer(ScriptedPool(error=Busy("full")), wait=9).dial(TcpTarget("full.test", 1))


# -- Patience --------------------------------------------------------------------------


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dial, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(dial, "LONGEST_PAUSE", 0.002)


@pytest.mark.usefixtures("short_pauses")
def test_a_patient_dialer_waits_for_the_target_to_start() -> None:
    with bound() as (sock, address):
        dialling = gevent.spawn(Dialer(ScriptedPool(), wait=20).dial, at(address))
        with pytest.raises(gevent.Timeout), gevent.Timeout(SOON):
            dialling.get()
        sock.listen()
        dialling.get().abort()


@pytest.mark.usefixtures("short_pauses")
def test_patience_has_an_end() -> None:
    with bound() as (_, address), pytest.raises(TargetRefused):
        Dialer(ScriptedPool(), wait=SOON).dial(at(address))


def test_a_dialer_without_patience_asks_once() -> None:
    asked = ScriptedPool(error=socket.gaierror(socket.EAI_AGAIN, "try again"))
    with pytest.raises(TargetUnreachable):
        Dialer(asked).dial(TcpTarget("x.test", 1))
    assert len(asked.calls) == 1


def test_a_killed_dial_leaves_nothing_open(capsys: pytest.CaptureFixture[str]) -> None:
    with silent(V4) as (_, one), silent(V6) as (_, two):
        before = descriptors()
        dialling = gevent.spawn(Dialer(ScriptedPool(one, two)).dial, TcpTarget("x.test", 1))
        gevent.sleep(0)
        assert descriptors() > before
        dialling.kill()
        gevent.sleep(0)
        assert descriptors() == before
    assert capsys.readouterr().err == ""
