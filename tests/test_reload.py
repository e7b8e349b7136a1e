"""A reload changes everything or nothing, and never by halves."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import gevent
import pytest
from gevent.event import Event

from wsproxy_gevent import reload
from wsproxy_gevent.assembly import Parts
from wsproxy_gevent.auth.origin import OriginRule
from wsproxy_gevent.config.settings import Settings
from wsproxy_gevent.errors import StartError, UsageError
from wsproxy_gevent.model import EchoTarget, TcpTarget
from wsproxy_gevent.reload import Current, Reloading, pinned, unchangeable

SECONDS = 5.0

BEFORE = Settings(source="127.0.0.1:0", target="echo:", cert="none")


class FakeLogging:
    """Takes what a `Logging` is told of a reload."""

    verbose = False

    def set_verbose(self, *, verbose: bool) -> None:
        self.verbose = verbose

    def write_stdout(self, text: str) -> None:
        raise AssertionError(text)


class Reader:
    """Where settings come from: a test changes them, or breaks them."""

    def __init__(self) -> None:
        self.settings = BEFORE
        self.fault: Exception | None = None

    def __call__(self) -> Settings:
        if self.fault:
            raise self.fault
        return self.settings


@contextmanager
def current(before: Settings = BEFORE) -> Iterator[tuple[Current, Reader, FakeLogging]]:
    reader, logging_to = Reader(), FakeLogging()
    reader.settings = before
    parts = Parts(before)
    try:
        yield Current(parts, logging_to, reader), reader, logging_to  # type: ignore[arg-type]
    finally:
        parts.listening.close()


def test_new_connections_get_the_new_state() -> None:
    with current() as (it, reader, logging_to):
        before = it.context()
        reader.settings = replace(BEFORE, target="there:1", verbose=True, no_legacy=True)
        assert it.reload()
        now = it.context()
        assert (it.parts.target, before.resolver) != (EchoTarget(), now.resolver)
        assert it.parts.target == TcpTarget("there", 1)
        assert not now.handshake.legacy
        assert before.handshake.legacy
        assert logging_to.verbose


def test_sockets_sessions_and_threads_go_on() -> None:
    with current() as (it, _, _):
        before, parts = it.context(), it.parts
        assert it.reload()
        assert it.context() is not before
        assert it.context().registry is before.registry
        assert it.parts.listening is parts.listening
        assert it.parts.pool is parts.pool
        assert it.parts.health is parts.health


@pytest.mark.parametrize(
    "fault", [UsageError("no_such is no setting"), StartError("the key is gone")]
)
def test_a_fault_changes_nothing_and_is_one_line(
    fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with current() as (it, reader, _):
        before = it.context()
        reader.fault = fault
        assert not it.reload()
        assert it.context() is before
    (line,) = caplog.messages
    assert line == f"not reloaded, all stays as it was: {fault}"


def test_what_only_the_parts_find_out_changes_nothing_either(tmp_path: Path) -> None:
    with current() as (it, reader, _):
        before = it.context()
        reader.settings = replace(BEFORE, target="there:1", web=str(tmp_path / "absent"))
        assert not it.reload()
        assert it.context() is before


def test_a_mistake_of_ours_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with current() as (it, reader, _):
        before = it.context()
        reader.fault = ZeroDivisionError()
        assert not it.reload()
        assert it.context() is before
    assert "the reload failed" in caplog.text


def test_a_disk_that_hangs_is_given_up_and_keeps_others_from_beginning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reload, "RELOAD_SECONDS", 0.005)
    reading, writing = os.pipe()

    class Hanging(Reader):
        def __call__(self) -> Settings:
            os.read(reading, 1)
            return BEFORE

    with current() as (it, _, logging_to):
        hanging = Current(it.parts, logging_to, Hanging())  # type: ignore[arg-type]
        before = hanging.context()
        assert not hanging.reload()
        assert not hanging.reload()
        os.write(writing, b"x")
        assert hanging.context() is before
    assert "a disk with certificates or settings does not answer" in caplog.messages[0]
    assert "an earlier reload has not come back yet" in caplog.messages[1]
    os.close(writing)


def test_what_takes_a_restart_stays_and_is_named(caplog: pytest.LogCaptureFixture) -> None:
    with current() as (it, reader, _):
        reader.settings = replace(BEFORE, source="6080", user="nobody", target="there:1")
        assert it.reload()
        assert it.settings == replace(BEFORE, target="there:1")
    assert [line for line in caplog.messages if "restart" in line] == [
        "--source has changed; that takes a restart",
        "--user has changed; that takes a restart",
    ]


def test_only_what_is_fixed_is_pinned() -> None:
    now = replace(BEFORE, source="1", daemon=True, heartbeat=1.0, cert="auto", cert_given=True)
    assert set(unchangeable(BEFORE, now)) == {"source", "daemon"}
    assert pinned(BEFORE, now) == replace(BEFORE, heartbeat=1.0, cert="auto", cert_given=True)


def test_a_record_that_stays_goes_on_counting(tmp_path: Path) -> None:
    record = str(tmp_path / "rec")
    with current(replace(BEFORE, record=record)) as (it, reader, _):
        before = it.parts.recorder
        assert it.reload()
        assert it.parts.recorder is before
        reader.settings = replace(BEFORE, record=f"{record}-2")
        assert it.reload()
        assert it.parts.recorder is not before


def test_losing_the_certificate_does_not_turn_tls_off(tmp_path: Path) -> None:
    with current(replace(BEFORE, cert="auto")) as (it, reader, _):
        before = it.context().certificate
        reader.settings = replace(BEFORE, cert=str(tmp_path / "self.pem"))
        assert not it.reload()
        assert it.context().certificate is before
        reader.settings = BEFORE
        assert it.reload()
        assert it.context().certificate is None


def test_rules_are_made_anew() -> None:
    with current() as (it, reader, _):
        before = it.context().origin
        reader.settings = replace(BEFORE, allow_origin=("https://a.example",))
        assert it.reload()
        assert isinstance(it.context().origin, OriginRule)
        assert it.context().origin is not before


# -- Signals ----------------------------------------------------------------------------


class Asked:
    """Counts what the signals ask for."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.any = Event()

    def __call__(self, name: str) -> Callable[[], None]:
        def called() -> None:
            self.calls.append(name)
            self.any.set()

        return called

    def wait(self) -> list[str]:
        assert self.any.wait(SECONDS)
        return self.calls


@contextmanager
def reloading() -> Iterator[Asked]:
    asked = Asked()
    before = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGUSR1)}
    made = Reloading(asked("reload"), asked("reopen"), asked("hung up"))
    try:
        yield asked
    finally:
        made.restore()
    assert {number: signal.getsignal(number) for number in before} == before


@pytest.mark.parametrize(
    ("number", "asks_for"), [(signal.SIGHUP, "reload"), (signal.SIGUSR1, "reopen")]
)
def test_a_signal_asks(number: signal.Signals, asks_for: str) -> None:
    with reloading() as asked:
        os.kill(os.getpid(), number)
        assert asked.wait() == [asks_for]


def test_a_terminal_that_goes_away_is_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    is_there = [True]
    monkeypatch.setattr(reload, "has_terminal", lambda: is_there[0])
    with reloading() as asked:
        is_there[0] = False
        os.kill(os.getpid(), signal.SIGHUP)
        assert asked.wait() == ["hung up"]


def test_a_terminal_that_is_still_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reload, "has_terminal", lambda: True)
    with reloading() as asked:
        os.kill(os.getpid(), signal.SIGHUP)
        assert asked.wait() == ["reload"]


def test_signals_that_come_during_a_reload_ask_for_one_more() -> None:
    begun, go_on, reloads = Event(), Event(), []

    def slowly() -> None:
        reloads.append(1)
        begun.set()
        go_on.wait()

    made = Reloading(slowly, slowly, slowly)
    try:
        made._hangup()
        assert begun.wait(SECONDS)
        made._hangup()
        made._hangup()
        go_on.set()
        for _ in range(5):
            gevent.sleep(0)
        assert len(reloads) == 2
    finally:
        made.restore()


def test_a_hangup_during_the_end_is_taken_and_ignored(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    asked = Asked()
    made = Reloading(asked("reload"), asked("reopen"), asked("hung up"))
    try:
        made.stop()
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGUSR1)
        assert asked.wait() == ["reopen"]
    finally:
        made.restore()
