"""What the arbiter of `--workers` is given, and what it makes of signals."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gunicorn.arbiter import Arbiter

from wsproxy_gevent.app import Proxy
from wsproxy_gevent.config.settings import Settings
from wsproxy_gevent.errors import StartError, UsageError
from wsproxy_gevent.telemetry.direct import DirectLogging
from wsproxy_gevent.worker import ProxyWorker
from wsproxy_gevent.workers import (
    ReloadingArbiter,
    Workers,
    _Application,
    leave_port,
    one_or_many,
)


def settings(**changes: object) -> Settings:
    wanted = {"source": "127.0.0.1:0", "target": "echo:", "cert": "none", "workers": 2, **changes}
    return Settings(**wanted)  # type: ignore[arg-type]


@pytest.fixture
def workers() -> Iterator[Workers]:
    made = Workers(settings(grace=1.5))
    made._logging_to = DirectLogging([], verbose=False)
    yield made
    made._logging_to.stop()
    made.listening.close()


def test_one_process_needs_no_arbiter() -> None:
    for count, kind in ((1, Proxy), (2, Workers)):
        wanted = settings(workers=count)
        made = one_or_many(wanted, lambda wanted=wanted: wanted)  # type: ignore[misc]
        assert type(made) is kind
        made.listening.close()


def test_the_start_line_says_how_many(workers: Workers) -> None:
    assert workers.start_line.endswith(", 2 workers")


def test_what_is_wrong_is_found_before_there_is_an_arbiter() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(StartError):
        Workers(settings(source=f"127.0.0.1:{taken.getsockname()[1]}"))
    with pytest.raises(UsageError):
        Workers(settings(target="nonsense"))


def test_gunicorn_is_given_the_bound_sockets_and_a_little_more_than_the_grace(
    workers: Workers,
) -> None:
    (sock,) = workers.listening.sockets
    number = sock.fileno()
    cfg = _Application(workers._config(lambda _: None), workers).cfg
    socket.socket(fileno=number).close()
    assert cfg.address == [number]
    assert (cfg.worker_class, cfg.workers, cfg.graceful_timeout) == (ProxyWorker, 2, 4)
    assert workers.grace(cfg) == 1.5


def test_a_worker_listens_on_its_own_copies_and_owns_no_file(workers: Workers) -> None:
    workers.listening.close()
    with socket.create_server(("127.0.0.1", 0)) as copy:
        parts = workers.parts([copy], None)
        assert parts.listening.sockets == [copy]
        assert parts.listening.file is None
        assert parts.listening.bound == workers.listening.bound


def test_a_reload_is_for_the_workers_to_come_as_well() -> None:
    now = [settings()]
    workers = Workers(now[0], lambda: now[0])
    workers._logging_to = DirectLogging([], verbose=False)
    now[0] = settings(no_legacy=True, workers=7)
    assert workers.reload()
    workers.listening.close()
    with socket.create_server(("127.0.0.1", 0)) as copy:
        found = workers.parts([copy], None).settings
    assert (found.no_legacy, found.workers) == (True, 2)
    workers._logging_to.stop()


def test_a_reload_that_fails_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = [settings()]
    workers = Workers(now[0], lambda: now[0])
    workers._logging_to = DirectLogging([], verbose=False)
    before = workers._parts
    now[0] = settings(cert=str(tmp_path / "absent.pem"), cert_given=True)
    assert not workers.reload()
    assert workers._parts is before
    assert "all stays as it was" in caplog.text
    workers._logging_to.stop()
    workers.listening.close()


HURRY = -1


class Heard:
    """Stands in for gunicorn's arbiter: the signals that reach its queue."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.numbers: list[int] = []
        monkeypatch.setattr(
            Arbiter, "signal", lambda _self, number, _frame: self.numbers.append(number)
        )
        monkeypatch.setattr(ReloadingArbiter, "hurry", lambda _self: self.numbers.append(HURRY))
        self.arbiter: Any = object.__new__(ReloadingArbiter)
        self.arbiter._ending = False


def test_a_second_sigterm_is_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard(monkeypatch)
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGHUP, signal.SIGTERM):
        heard.arbiter.signal(number, None)
    assert heard.numbers == [
        *(signal.SIGHUP, signal.SIGTERM, signal.SIGHUP),
        *(HURRY, signal.SIGTERM),
    ]


def test_a_hurry_is_for_workers_that_are_still_there() -> None:
    arbiter: Any = object.__new__(ReloadingArbiter)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as worker:
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        arbiter.WORKERS = {gone.pid: None, worker.pid: None}
        arbiter.hurry()
        assert worker.wait(10) == -signal.SIGQUIT


def test_usr2_names_what_to_do_instead(caplog: pytest.LogCaptureFixture) -> None:
    arbiter: Any = object.__new__(ReloadingArbiter)
    arbiter.handle_usr2()
    assert "--reuse-port" in caplog.text


def test_leaving_a_port_that_nobody_waits_at_takes_no_time() -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as sock:
        leave_port([sock])
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(sock.getsockname())
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            sock.accept()
        client.close()
