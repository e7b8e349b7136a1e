from __future__ import annotations

import dataclasses
import errno
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import gevent
import pytest
from gevent.event import Event

from tests.record.fakes import DirectPool, FaultyWrite
from tests.record.script import DOWN, INFO, UP, Script, read_script
from wsproxy_gevent.errors import Busy, StartError
from wsproxy_gevent.model import SessionId
from wsproxy_gevent.net.pool import NativePool, PoolTimeout
from wsproxy_gevent.record import writer
from wsproxy_gevent.record.file import RecordFile
from wsproxy_gevent.record.writer import Backlog, Recorder, RecordObserver

T = TypeVar("T")


class HandClock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def wall(self) -> float:
        return self.seconds


class GatedPool(DirectPool):
    """Lets a call through when the gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = Event()

    def call(self, function: Callable[..., T], *args: object, timeout: float) -> T:
        assert self.gate.wait(5)
        return super().call(function, *args, timeout=timeout)


def finish(recorder: Recorder, *observers: RecordObserver) -> None:
    for observer in observers:
        observer.ended()
    assert recorder.drain(5)


def read(path: Path) -> Script:
    return read_script(path.read_bytes())


@pytest.fixture
def pool() -> DirectPool:
    return DirectPool()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def recorder(tmp_path: Path, pool: DirectPool, clock: HandClock) -> Recorder:
    return Recorder(f"{tmp_path}/rec", pool, clock=clock)


@pytest.fixture(autouse=True)
def _no_descriptor_is_left(tmp_path: Path) -> Iterator[None]:
    yield
    links = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
    open_files = [os.readlink(link) for link in links if os.path.lexists(link)]
    assert [path for path in open_files if path.startswith(str(tmp_path))] == []


def test_a_session_is_recorded_both_ways_in_its_order(
    tmp_path: Path, recorder: Recorder, clock: HandClock
) -> None:
    observer = recorder.observe(INFO)
    observer.received(DOWN, b"RFB 003.008\n")
    clock.seconds += 0.0129
    observer.received(UP, memoryview(b"RFB 003.008\n"))
    clock.seconds += 1
    observer.received(DOWN, bytearray(b"\x01\x02"))
    finish(recorder, observer)
    script = read(tmp_path / "rec.1")
    assert script.about["id"] == INFO.id
    assert script.frames == [
        (DOWN, 0, b"RFB 003.008\n"),
        (UP, 12, b"RFB 003.008\n"),
        (DOWN, 1012, b"\x01\x02"),
    ]


def test_the_time_is_that_of_the_bytes_and_not_of_the_disk(tmp_path: Path) -> None:
    pool, clock = GatedPool(), HandClock()
    recorder = Recorder(f"{tmp_path}/rec", pool, clock=clock)
    observer = recorder.observe(INFO)
    clock.seconds += 2
    observer.received(UP, b"early")
    clock.seconds += 60
    pool.gate.set()
    finish(recorder, observer)
    assert read(tmp_path / "rec.1").frames == [(UP, 2000, b"early")]


def test_the_relay_may_use_its_buffer_again(tmp_path: Path, recorder: Recorder) -> None:
    observer = recorder.observe(INFO)
    buffer = bytearray(b"first")
    observer.received(UP, buffer)
    buffer[:] = b"again"
    finish(recorder, observer)
    assert read(tmp_path / "rec.1").frames == [(UP, 0, b"first")]


def test_nothing_is_recorded_where_nothing_moved(tmp_path: Path, recorder: Recorder) -> None:
    observer = recorder.observe(INFO)
    observer.received(UP, b"")
    observer.incomplete(UP)
    observer.sent(DOWN, whole=False)
    finish(recorder, observer)
    assert read(tmp_path / "rec.1").frames == []


def test_what_gathers_is_one_write(tmp_path: Path, recorder: Recorder, pool: DirectPool) -> None:
    observer = recorder.observe(INFO)
    for number in range(100):
        observer.received(UP, b"%d" % number)
    finish(recorder, observer)
    assert pool.calls == ["open", "append", "close"]
    assert len(read(tmp_path / "rec.1").frames) == 100


def test_a_write_has_its_limit(
    tmp_path: Path, recorder: Recorder, pool: DirectPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "BATCH_BYTES", 10)
    observer = recorder.observe(INFO)
    for _ in range(4):
        observer.received(UP, b"12345")
    observer.received(UP, b"x" * 30)
    finish(recorder, observer)
    assert pool.calls == ["open", "append", "append", "append", "close"]
    assert len(read(tmp_path / "rec.1").frames) == 5


def test_a_live_record_plays_before_it_ends(tmp_path: Path, recorder: Recorder) -> None:
    observer = recorder.observe(INFO)
    assert recorder.drain(5)
    assert read(tmp_path / "rec.1").frames == []
    observer.received(UP, b"one")
    assert recorder.drain(5)
    assert read(tmp_path / "rec.1").frames == [(UP, 0, b"one")]
    observer.received(UP, b"two")
    finish(recorder, observer)
    assert len(read(tmp_path / "rec.1").frames) == 2


def test_each_session_has_a_record_of_its_own(tmp_path: Path, recorder: Recorder) -> None:
    observers = [recorder.observe(INFO) for _ in range(3)]
    for number, observer in enumerate(observers):
        observer.received(UP, b"%d" % number)
    finish(recorder, *observers)
    payloads = [read(tmp_path / f"rec.{n}").frames[0][2] for n in (1, 2, 3)]
    assert payloads == [b"0", b"1", b"2"]


def test_after_its_end_an_observer_does_nothing(tmp_path: Path, recorder: Recorder) -> None:
    observer = recorder.observe(INFO)
    finish(recorder, observer)
    observer.received(UP, b"late")
    finish(recorder, observer)
    assert read(tmp_path / "rec.1").frames == []


def test_an_end_in_the_middle_of_a_write_comes_after_it(tmp_path: Path) -> None:
    pool = GatedPool()
    recorder = Recorder(f"{tmp_path}/rec", pool)
    observer = recorder.observe(INFO)
    observer.received(UP, b"one")
    gevent.sleep(0)  # The writer waits at the gate.
    observer.received(UP, b"two")
    observer.ended()
    assert not recorder.drain(0)
    pool.gate.set()
    assert recorder.drain(5)
    assert pool.calls == ["open", "append", "close"]
    assert len(read(tmp_path / "rec.1").frames) == 2


def test_a_record_that_cannot_be_made_leaves_the_session_alone(
    tmp_path: Path, pool: DirectPool, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder(f"{tmp_path}/missing/rec", pool)
    with pytest.raises(StartError, match="mkdir"):
        recorder.check()
    observer = recorder.observe(INFO)
    observer.received(UP, b"payload")
    assert recorder.drain(5)
    observer.received(UP, b"payload")
    finish(recorder, observer)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "reason=record-failed" in caplog.text
    assert INFO.id in caplog.text


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PoolTimeout("a lookup took too long", detail="append was late"), "append was late"),
        (Busy("too many", detail="all threads are taken"), "all threads are taken"),
        (OSError(errno.EIO, "I/O error"), "I/O error"),
        (RuntimeError(), "RuntimeError"),
    ],
)
def test_a_write_that_fails_ends_the_record_and_says_so_once(
    tmp_path: Path,
    recorder: Recorder,
    pool: DirectPool,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    said: str,
) -> None:
    observer = recorder.observe(INFO)
    observer.received(UP, b"kept")
    assert recorder.drain(5)
    pool.raising = [error]
    observer.received(UP, b"lost")
    assert recorder.drain(5)
    observer.received(UP, b"later")
    finish(recorder, observer)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert said in caplog.text
    assert read(tmp_path / "rec.1").frames == [(UP, 0, b"kept")]


def test_a_full_disk_ends_the_record_whole(
    tmp_path: Path,
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    full = FaultyWrite(room=1000)
    monkeypatch.setattr(
        writer, "RecordFile", lambda names, info: RecordFile(names, info, pwrite=full)
    )
    observer = recorder.observe(INFO)
    for _ in range(10):
        observer.received(DOWN, b"x" * 200)
        assert recorder.drain(5)
    finish(recorder, observer)
    frames = read(tmp_path / "rec.1").frames
    assert 1 <= len(frames) < 5
    assert caplog.text.count("record-failed") == 1


def test_a_disk_slower_than_the_session_ends_the_record_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer, "QUEUE_BYTES", 10)
    pool = GatedPool()
    recorder = Recorder(f"{tmp_path}/rec", pool)
    observer = recorder.observe(INFO)
    for payload in (b"12345", b"67890", b"x", b""):
        observer.received(UP, payload)
    pool.gate.set()
    assert recorder.drain(5)
    assert pool.calls[-1] == "close"
    finish(recorder, observer)
    assert [payload for _, _, payload in read(tmp_path / "rec.1").frames] == [b"12345", b"67890"]
    assert caplog.text.count("slower than the session") == 1


def test_what_is_on_the_disk_makes_room(
    tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "QUEUE_BYTES", 10)
    observer = recorder.observe(INFO)
    for _ in range(5):
        observer.received(UP, b"1234567890")
        assert recorder.drain(5)
    finish(recorder, observer)
    assert len(read(tmp_path / "rec.1").frames) == 5


def test_a_record_that_failed_gives_its_room_to_others(
    recorder: Recorder, pool: DirectPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool.raising = [OSError("broken")]
    observer = recorder.observe(INFO)
    observer.received(UP, b"x" * 100)
    finish(recorder, observer)
    assert recorder._backlog.queued == 0
    assert not observer._frames


def test_a_record_that_cannot_be_closed_in_the_pool_is_closed(
    tmp_path: Path, recorder: Recorder, pool: DirectPool, caplog: pytest.LogCaptureFixture
) -> None:
    observer = recorder.observe(INFO)
    assert recorder.drain(5)
    pool.raising = [Busy("full")]
    finish(recorder, observer)
    assert pool.calls == ["open", "close"]
    assert read(tmp_path / "rec.1").frames == []
    assert caplog.records == []


def test_a_backlog_is_bounded_for_one_and_for_all() -> None:
    every = Backlog(10)
    one, other = Backlog(8, every), Backlog(8, every)
    assert not one.take(9)
    assert one.take(8)
    assert not other.take(3)
    assert other.take(2)
    assert (one.queued, other.queued, every.queued) == (8, 2, 10)
    one.give_back(8)
    assert other.take(6)
    assert every.queued == 8


def test_a_real_pool_carries_many_records_at_once(tmp_path: Path) -> None:
    pool = NativePool(8)
    recorder = Recorder(f"{tmp_path}/", pool)
    infos = [
        dataclasses.replace(INFO, id=SessionId(f"00000000000000{number:02}"))
        for number in range(20)
    ]
    observers = [recorder.observe(info) for info in infos]
    for turn in range(5):
        for observer in observers:
            observer.received(UP, b"%d" % turn)
        gevent.sleep(0)
    finish(recorder, *observers)
    pool.close()
    records = [read(path) for path in tmp_path.iterdir()]
    assert {script.about["id"] for script in records} == {info.id for info in infos}
    assert all(len(script.frames) == 5 for script in records)


def test_a_recorder_is_made_without_a_hub(tmp_path: Path) -> None:
    """The process makes it, finds what is wrong with it, and only then detaches."""
    script = (
        "import sys\n"
        "from gevent._hub_local import get_hub_if_exists\n"
        "from wsproxy_gevent.net.pool import NativePool\n"
        "from wsproxy_gevent.record.writer import Recorder\n"
        "Recorder(sys.argv[1], NativePool(8)).check()\n"
        "sys.exit(get_hub_if_exists() is not None)\n"
    )
    command = [sys.executable, "-c", script, f"{tmp_path}/rec"]
    subprocess.run(command, check=True, timeout=60, cwd=Path(__file__).parents[2])
