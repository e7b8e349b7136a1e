"""Files read on other threads: whoever lets go last closes them."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from gevent import spawn
from gevent.event import Event

from tests.web.calls import DirectPool
from wsproxy_gevent.errors import Busy, InternalError, NotFound, ProxyError
from wsproxy_gevent.net.pool import NativePool
from wsproxy_gevent.web.disk import CHUNK, MOST_AT_ONCE, Disk, FileBody, Handle

T = TypeVar("T")


@pytest.fixture
def big(tmp_path: Path) -> Path:
    path = tmp_path / "big"
    path.write_bytes(os.urandom(2 * CHUNK + 1))
    return path


def descriptors() -> set[str]:
    """What this process has open, without the listing's own descriptor."""
    return {fd for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")}


class StuckPool(DirectPool):
    """Its reads outlive the caller's patience; `late` holds what they still refer to."""

    def __init__(self) -> None:
        super().__init__()
        self.late: list[Callable[[], object]] = []

    def call(self, function: Callable[..., T], /, *args: object, timeout: float) -> T:
        self.late.append(lambda: function(*args))
        raise Busy("it took too long")


def raises(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        *((errno.ENOENT, NotFound), (errno.ENOTDIR, NotFound), (errno.ENAMETOOLONG, NotFound)),
        *((errno.ELOOP, NotFound), (errno.EACCES, NotFound), (errno.EMFILE, Busy)),
        *((errno.ENFILE, Busy), (errno.EIO, InternalError), (errno.ESTALE, InternalError)),
    ],
)
def test_the_systems_errors_have_a_meaning(number: int, expected: type[ProxyError]) -> None:
    with pytest.raises(expected) as caught:
        Disk(DirectPool()).call(raises(OSError(number, os.strerror(number), "/srv/secret")))
    assert "secret" not in caught.value.reason
    assert "secret" in caught.value.detail


def test_a_full_pool_stays_busy() -> None:
    with pytest.raises(Busy, match="later"):
        Disk(DirectPool()).call(raises(Busy("later")))


def test_a_burst_waits_for_its_turn_instead_of_filling_the_pool() -> None:
    entered, leave = Event(), Event()
    running = most = 0

    class SlowPool(DirectPool):
        def call(self, function: Callable[..., T], /, *args: object, timeout: float) -> T:
            nonlocal running, most
            running += 1
            most = max(most, running)
            if running == MOST_AT_ONCE:
                entered.set()
            leave.wait(5)
            running -= 1
            return function(*args)

    disk = Disk(SlowPool())
    callers = [spawn(disk.call, str, number) for number in range(3 * MOST_AT_ONCE)]
    assert entered.wait(5)
    leave.set()
    assert [caller.get(timeout=5) for caller in callers] == [str(n) for n in range(len(callers))]
    assert most == MOST_AT_ONCE


def test_a_body_is_the_file_in_chunks(big: Path) -> None:
    chunks = list(FileBody(Disk(DirectPool()), Handle(str(big))))
    assert [len(chunk) for chunk in chunks] == [CHUNK, CHUNK, 1]
    assert b"".join(chunks) == big.read_bytes()


def test_real_threads_read_the_same(big: Path) -> None:
    pool = NativePool(2)
    disk = Disk(pool)
    try:
        body = FileBody(disk, disk.call(Handle, str(big)))
        assert b"".join(body) == big.read_bytes()
    finally:
        pool.close()


def test_a_body_ends_where_the_file_ended_when_it_was_opened(big: Path) -> None:
    whole = big.read_bytes()
    body = FileBody(Disk(DirectPool()), Handle(str(big)))
    with big.open("ab") as file:
        file.write(b"more")
    assert b"".join(body) == whole


def test_a_file_that_shrinks_breaks_the_body_off(big: Path) -> None:
    body = FileBody(Disk(DirectPool()), Handle(str(big)))
    next(body)
    os.truncate(big, CHUNK)
    with pytest.raises(InternalError, match="shorter"):
        next(body)


def test_a_body_can_begin_anywhere(big: Path) -> None:
    body = FileBody(Disk(DirectPool()), Handle(str(big)))
    assert body.seekable()
    body.seek(2 * CHUNK)
    assert body.tell() == 2 * CHUNK
    assert b"".join(body) == big.read_bytes()[2 * CHUNK :]


@pytest.mark.parametrize("chunks", [0, 1, 3])
def test_closing_a_body_closes_the_file(chunks: int, big: Path) -> None:
    before = descriptors()
    body = FileBody(Disk(DirectPool()), Handle(str(big)))
    assert len(descriptors()) == len(before) + 1
    for _ in range(chunks):
        next(body)
    body.close()
    body.close()
    assert descriptors() == before
    assert list(body) == []


def test_a_read_that_is_stuck_keeps_its_file_open_until_it_is_over(big: Path) -> None:
    before = descriptors()
    pool = StuckPool()
    body = FileBody(Disk(pool), Handle(str(big)))
    with pytest.raises(Busy):
        next(body)
    body.close()
    assert len(descriptors()) == len(before) + 1
    assert pool.late.pop()() == big.read_bytes()[:CHUNK]
    assert descriptors() == before


def test_an_open_that_comes_too_late_is_closed(big: Path) -> None:
    before = descriptors()
    pool = StuckPool()
    with pytest.raises(Busy):
        Disk(pool).call(Handle, str(big))
    pool.late.pop()()
    assert descriptors() == before


def test_only_regular_files_have_a_handle(tmp_path: Path) -> None:
    before = descriptors()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("fifo")
    for name in ("fifo", "."):
        with pytest.raises(NotFound):
            Handle(str(tmp_path / name))
    with pytest.raises(OSError, match="link"):
        Handle(str(tmp_path / "link"))
    assert descriptors() == before
