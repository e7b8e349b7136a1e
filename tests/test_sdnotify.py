"""What systemd hears, and that nobody waits for it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import gevent
import pytest
from gevent import socket as gsocket

from wsproxy_gevent.sdnotify import News, Notifier

PID = 4711


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[gsocket.socket]:
    with gsocket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5)
        yield listening


def notifier(supervisor: gsocket.socket, watchdog: float = 0.0) -> Notifier:
    return Notifier(str(supervisor.getsockname()), watchdog)


def test_each_turn_is_told(supervisor: gsocket.socket) -> None:
    told = notifier(supervisor)
    told.ready("from here\nto there")
    assert supervisor.recv(999) == b"READY=1\nSTATUS=from here to there"
    told.reloading()
    first, second, _ = supervisor.recv(999).split(b"\n")
    assert first == b"RELOADING=1"
    assert int(second.removeprefix(b"MONOTONIC_USEC=")) > 0
    told.stopping(1.5)
    assert supervisor.recv(999) == b"STOPPING=1\nEXTEND_TIMEOUT_USEC=1500000\nSTATUS=stopping"


def test_the_watchdog_is_fed_from_readiness_to_the_end(supervisor: gsocket.socket) -> None:
    told = notifier(supervisor, 0.002)
    told.ready("")
    supervisor.recv(999)
    assert supervisor.recv(999) == b"WATCHDOG=1"
    told.close()
    gevent.sleep(0)
    assert told._greenlet is not None
    assert told._greenlet.dead


def test_without_a_hub_each_sign_of_life_is_asked_for(supervisor: gsocket.socket) -> None:
    told = News(str(supervisor.getsockname()), 3.0)
    told.ready("up")
    told.alive()
    News(str(supervisor.getsockname())).alive()  # of a supervisor that wants none
    told.stopping(1)
    heard = [supervisor.recv(999).partition(b"\n")[0] for _ in range(3)]
    assert heard == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]


def test_an_abstract_name_begins_with_an_at() -> None:
    name = f"wsproxy-test-{os.getpid()}"
    with gsocket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + name)
        listening.settimeout(5)
        Notifier(f"@{name}").ready("")
        assert listening.recv(999).startswith(b"READY=1")


def test_nobody_asks_nobody_is_told() -> None:
    Notifier().ready("")


def test_a_supervisor_that_is_gone_is_no_error(tmp_path: Path) -> None:
    Notifier(str(tmp_path / "absent")).ready("")


def test_one_that_does_not_read_is_not_waited_for_long(
    supervisor: gsocket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wsproxy_gevent.sdnotify.SEND_SECONDS", 0.005)
    with gsocket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as filler:
        filler.setblocking(False)
        with suppress(BlockingIOError):
            while filler.sendto(b"x" * 9999, supervisor.getsockname()):
                pass
    notifier(supervisor).ready("")


VARIABLES: list[tuple[dict[str, str], str, float]] = [
    ({}, "", 0.0),
    ({"NOTIFY_SOCKET": "/n"}, "/n", 0.0),
    ({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "3000000"}, "/n", 3.0),
    ({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "4711"}, "/n", 3.0),
    ({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, "/n", 0.0),
    ({"WATCHDOG_USEC": "3000000"}, "", 0.0),
    ({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "soon"}, "/n", 0.0),
]


@pytest.mark.parametrize(("environ", "address", "watchdog"), VARIABLES)
def test_the_variables_are_read_and_taken_out(
    environ: dict[str, str], address: str, watchdog: float
) -> None:
    environ = {**environ, "PATH": "/bin"}
    made = Notifier.from_environment(environ, PID)
    assert (made._address, made._watchdog) == (address, watchdog)
    assert environ == {"PATH": "/bin"}
