from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import gevent
import pytest

from tests.record.fakes import DirectPool, StallingWrite
from tests.record.script import DOWN, INFO
from wsproxy_gevent.errors import Busy
from wsproxy_gevent.net.pool import NativePool, PoolTimeout
from wsproxy_gevent.record.disk import Disk, DiskStalled
from wsproxy_gevent.record.file import Frame, RecordFile
from wsproxy_gevent.record.naming import RecordNames

T = TypeVar("T")

FRAMES = [Frame(DOWN, 0, b"payload")]


class ImpatientPool:
    """Gives each call up as soon as it has stalled."""

    def __init__(self, write: StallingWrite) -> None:
        self.write = write
        self.threads: list[threading.Thread] = []

    def call(self, function: Callable[..., T], *args: object, timeout: float) -> T:
        self.write.entered.clear()
        self.threads.append(threading.Thread(target=function, args=args))
        self.threads[-1].start()
        assert self.write.entered.wait(5)
        raise PoolTimeout("too long")


@pytest.fixture
def write() -> StallingWrite:
    return StallingWrite()


@pytest.fixture
def file(tmp_path: Path, write: StallingWrite) -> RecordFile:
    made = RecordFile(RecordNames(f"{tmp_path}/rec"), INFO, pwrite=write)
    made.open()
    return made


def test_a_call_runs_on_a_native_thread_with_a_deadline(tmp_path: Path) -> None:
    pool = NativePool(1)
    names = RecordNames(f"{tmp_path}/rec")
    record = RecordFile(names, INFO)
    disk = Disk(pool)
    disk.call(record, record.open)
    disk.call(record, record.append, FRAMES)
    disk.call(record, record.close)
    pool.close()
    assert b"payload" in (tmp_path / "rec.1").read_bytes()


def test_a_call_that_failed_gives_its_turn_back(file: RecordFile) -> None:
    pool = DirectPool()
    pool.raising = [Busy("full"), OSError("broken")]
    disk = Disk(pool, calls_at_once=1, seconds=0)
    for error in (Busy, OSError):
        with pytest.raises(error):
            disk.call(file, file.append, FRAMES)
    disk.call(file, file.close)
    assert pool.calls == ["append", "append", "close"]


def test_a_call_that_was_given_up_keeps_its_turn_until_it_returns(
    file: RecordFile, write: StallingWrite
) -> None:
    write.stalls = True
    pool = ImpatientPool(write)
    disk = Disk(pool, calls_at_once=1, seconds=0)
    with pytest.raises(PoolTimeout):
        disk.call(file, file.append, FRAMES)
    with pytest.raises(DiskStalled):
        disk.call(file, file.append, FRAMES)
    assert len(pool.threads) == 1
    write.go_on.set()
    pool.threads[0].join(5)
    with pytest.raises(PoolTimeout):
        disk.call(file, file.append, FRAMES)
    pool.threads[1].join(5)
    file.close()


def test_records_take_turns(file: RecordFile) -> None:
    """Two greenlets, one turn: the second begins when the first has returned."""
    order: list[str] = []

    class SwitchingPool:
        def call(self, function: Callable[..., T], *args: object, timeout: float) -> T:
            order.append("begins")
            gevent.sleep(0)
            order.append("returns")
            return function(*args)

    disk = Disk(SwitchingPool(), calls_at_once=1)
    gevent.joinall(
        [gevent.spawn(disk.call, file, file.append, FRAMES) for _ in range(2)],
        timeout=5,
        raise_error=True,
    )
    file.close()
    assert order == ["begins", "returns", "begins", "returns"]
