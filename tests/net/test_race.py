"""Racing to connect, against loopback addresses that answer, refuse or are silent."""

from __future__ import annotations

import errno
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent import socket as gsocket

from wsproxy_gevent.errors import (
    Busy,
    ProxyError,
    TargetRefused,
    TargetTimeout,
    TargetUnreachable,
)
from wsproxy_gevent.net import race, streams
from wsproxy_gevent.net.address import Address
from wsproxy_gevent.net.race import first_to_connect, verdict

from .sockets import V4, V6, bound, descriptors, listening, silent

NEVER = 3600.0
SOON = 0.001


def test_one_address_is_connected_to() -> None:
    with listening() as (_, address), first_to_connect([address]) as sock:
        assert sock.getpeername() == address.sockaddr


class Distant(streams.Socket):
    """Learns only by waiting what the kernel knew at once."""

    asked = 0

    def connect_ex(self, address: Any) -> int:
        self.asked += 1
        if self.asked == 2:
            return errno.EALREADY
        return super().connect_ex(address)


def distant_socket(family: int) -> Distant:
    made = Distant(family, socket.SOCK_STREAM)
    made.setblocking(False)
    return made


def test_an_answer_that_takes_its_time_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(race, "new_socket", distant_socket)
    with listening() as (_, address), first_to_connect([address]) as sock:
        assert sock.getpeername() == address.sockaddr


def test_a_refusal_that_takes_its_time_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(race, "new_socket", distant_socket)
    with bound() as (_, refusing), pytest.raises(TargetRefused):
        first_to_connect([refusing])


def test_a_refusal_starts_the_next_at_once() -> None:
    with (
        bound(V6) as (_, refusing),
        listening(V4) as (_, answering),
        first_to_connect([refusing, answering], NEVER) as sock,
    ):
        assert sock.getpeername() == answering.sockaddr


@pytest.mark.fault(3)
def test_silence_starts_the_next_after_the_stagger() -> None:
    with silent(V6) as (_, mute), listening(V4) as (_, answering):
        before = descriptors()
        with first_to_connect([mute, answering], SOON) as sock:
            assert sock.getpeername() == answering.sockaddr
        gevent.sleep(0)
        assert descriptors() == before


def test_the_first_has_its_time_before_the_next_starts() -> None:
    with listening(V6) as (_, first), listening(V4) as (second_listener, second):
        second_listener.setblocking(False)
        with first_to_connect([first, second], NEVER) as sock:
            assert sock.getpeername() == first.sockaddr
        with pytest.raises(BlockingIOError):
            second_listener.accept()


def test_a_race_that_nobody_wins_names_each_failure() -> None:
    with bound(V6) as (_, one), bound(V4) as (_, two):
        before = descriptors()
        with pytest.raises(TargetRefused) as refused:
            first_to_connect([one, two])
        assert refused.value.detail == f"{one}: Connection refused; {two}: Connection refused"
        assert descriptors() == before


def test_a_killed_race_leaves_nothing_open(capsys: pytest.CaptureFixture[str]) -> None:
    with silent(V6) as (_, one), silent(V4) as (_, two):
        before = descriptors()
        racing = gevent.spawn(first_to_connect, [one, two], SOON)
        with pytest.raises(gevent.Timeout), gevent.Timeout(10 * SOON):
            racing.get()
        assert descriptors() > before
        racing.kill()
        gevent.sleep(0)
        assert descriptors() == before
    assert capsys.readouterr().err == ""


def test_a_killed_attempt_leaves_nothing_open() -> None:
    with silent() as (_, address):
        before = descriptors()
        dialling = gevent.spawn(first_to_connect, [address])
        gevent.sleep(0)
        assert descriptors() == before + 1
        dialling.kill()
        assert descriptors() == before


def test_no_address_is_unreachable() -> None:
    with pytest.raises(TargetUnreachable):
        first_to_connect([])


@contextmanager
def no_more_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(map(int, os.listdir("/proc/self/fd")))
    reserve = [os.dup(2) for _ in range(highest)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(reserve) + 1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in reserve:
            os.close(fd)


@pytest.mark.parametrize("count", [1, 2])
def test_without_descriptors_the_proxy_is_busy_not_the_target_gone(count: int) -> None:
    with listening() as (_, address), no_more_descriptors(), pytest.raises(Busy) as busy:
        first_to_connect([address] * count)
    assert busy.value.detail.count("Too many open files") == count


# -- Unix sockets --------------------------------------------------------------------


def unix(path: Path) -> Address:
    return Address(socket.AF_UNIX, str(path))


def test_a_unix_socket_is_connected_to(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with gsocket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with first_to_connect([unix(path)]) as sock:
            accepted, _ = listener.accept()
            accepted.sendall(b"x")
            accepted.close()
            assert sock.recv(1) == b"x"


def test_what_can_be_no_address_is_unreachable() -> None:
    for address in (Address(V4, ("127.0.0.1", 70_000)), Address(socket.AF_UNIX, "/nul\0")):
        with pytest.raises(TargetUnreachable):
            first_to_connect([address])


def test_a_unix_socket_that_is_missing_or_dead_is_told(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with pytest.raises(TargetUnreachable, match="does not exist"):
        first_to_connect([unix(path)])
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with pytest.raises(TargetRefused):
        first_to_connect([unix(path)])
    with pytest.raises(TargetUnreachable):
        first_to_connect([Address(socket.AF_UNIX, "/" + "x" * 200)])


def test_a_full_unix_queue_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(race, "QUEUE_PAUSE", SOON)
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as filler:
        listener.bind(path)
        listener.listen(0)
        filler.connect(path)
        racing = gevent.spawn(first_to_connect, [Address(socket.AF_UNIX, path)])
        with pytest.raises(gevent.Timeout), gevent.Timeout(3 * SOON):
            racing.get()
        assert not racing.ready()
        listener.accept()[0].close()
        racing.get().close()


# -- What is told ----------------------------------------------------------------------


def test_a_socket_that_met_itself_was_refused() -> None:
    with gsocket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        failed = race._connect(sock, Address(V4, sock.getsockname()))
    assert isinstance(failed, ConnectionRefusedError)


@pytest.mark.parametrize(
    ("numbers", "kind"),
    [
        ([errno.ECONNREFUSED], TargetRefused),
        ([errno.ETIMEDOUT], TargetTimeout),
        ([errno.ENETUNREACH], TargetUnreachable),
        ([errno.EHOSTUNREACH], TargetUnreachable),
        ([errno.EACCES], TargetUnreachable),
        ([errno.EMFILE], Busy),
        ([errno.ENFILE], Busy),
        ([errno.ENOBUFS], Busy),
        ([errno.ENOMEM], Busy),
        ([errno.ENETUNREACH, errno.ECONNREFUSED], TargetRefused),
        ([errno.ETIMEDOUT, errno.ENETUNREACH], TargetTimeout),
        ([errno.ECONNREFUSED, errno.EMFILE], Busy),
    ],
)
def test_of_all_that_went_wrong_the_most_telling_is_told(
    numbers: list[int], kind: type[ProxyError]
) -> None:
    where = Address(V4, ("10.9.8.7", 5900))
    error = verdict([(where, OSError(number, os.strerror(number))) for number in numbers])
    assert type(error) is kind
    assert "10.9.8.7:5900" in error.detail
    assert "10.9.8.7" not in error.reason
    assert "5900" not in error.reason
