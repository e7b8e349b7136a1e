"""The native pool, with threads that wait for the test and not for a clock."""

from __future__ import annotations

import _thread
import contextlib
from collections.abc import Iterator

import gevent
import pytest

from wsproxy_gevent.errors import Busy, InternalError
from wsproxy_gevent.net.pool import NativePool, PoolTimeout

SHORT = 0.001
LONG = 20.0


@contextlib.contextmanager
def gate() -> Iterator[_thread.LockType]:
    """A lock that is shut for who passes it, until the block ends."""
    lock = _thread.allocate_lock()
    lock.acquire()
    try:
        yield lock
    finally:
        with contextlib.suppress(RuntimeError):
            lock.release()


def passing(lock: _thread.LockType) -> str:
    lock.acquire(True, LONG)
    lock.release()
    return "passed"


def until_free(pool: NativePool) -> None:
    while pool.taken:
        gevent.sleep(0)


def test_a_call_runs_on_another_thread_and_returns(pool: NativePool) -> None:
    assert pool.call(divmod, 7, 2, timeout=LONG) == (3, 1)
    assert pool.call(_thread.get_ident, timeout=LONG) != _thread.get_ident()
    assert pool.call(lambda: None, timeout=LONG) is None


def test_other_greenlets_run_meanwhile(pool: NativePool) -> None:
    with gate() as lock:
        caller = gevent.spawn(pool.call, passing, lock, timeout=LONG)
        gevent.sleep(0)
        assert not caller.ready()
        lock.release()
        assert caller.get() == "passed"


def test_what_the_function_raises_is_raised_and_not_printed(
    pool: NativePool, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        pool.call(int, "x", timeout=LONG)
    assert pool.taken == 0
    assert capsys.readouterr().err == ""


def test_a_function_that_exits_does_not_end_the_process(pool: NativePool) -> None:
    def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(InternalError) as failed:
        pool.call(leave, timeout=LONG)
    assert "SystemExit(3)" in failed.value.detail
    assert isinstance(failed.value.__cause__, SystemExit)


def test_a_full_pool_refuses_at_once_and_takes_calls_again() -> None:
    pool = NativePool(2)
    with gate() as lock:
        callers = [gevent.spawn(pool.call, passing, lock, timeout=LONG) for _ in range(2)]
        gevent.sleep(0)
        assert pool.taken == 2
        with pytest.raises(Busy) as busy:
            pool.call(int, timeout=LONG)
        assert not isinstance(busy.value, PoolTimeout)
        lock.release()
        gevent.joinall(callers, raise_error=True)
    assert pool.call(int, timeout=LONG) == 0
    pool.close()


def test_a_call_past_its_timeout_keeps_its_place_until_it_ends() -> None:
    pool = NativePool(1)
    with gate() as lock:
        with pytest.raises(PoolTimeout) as late:
            pool.call(passing, lock, timeout=SHORT)
        assert "passing" in late.value.detail
        assert pool.taken == 1
        with pytest.raises(Busy):
            pool.call(int, timeout=LONG)
    until_free(pool)
    assert pool.call(int, timeout=LONG) == 0
    pool.close()


def test_a_killed_caller_gives_its_place_back_when_the_function_ends() -> None:
    pool = NativePool(1)
    with gate() as lock:
        caller = gevent.spawn(pool.call, passing, lock, timeout=LONG)
        gevent.sleep(0)
        caller.kill()
        assert pool.taken == 1
    until_free(pool)
    pool.close()


def test_the_timeout_of_somebody_else_stays_theirs(pool: NativePool) -> None:
    with gate() as lock:
        outer = gevent.Timeout(SHORT)
        with pytest.raises(gevent.Timeout) as struck, outer:
            pool.call(passing, lock, timeout=LONG)
        assert struck.value is outer


def test_a_closed_pool_refuses() -> None:
    pool = NativePool(1)
    pool.close()
    with pytest.raises(Busy):
        pool.call(int, timeout=LONG)


def test_closing_neither_waits_for_a_thread_nor_cuts_its_answer_off() -> None:
    pool = NativePool(1)
    with gate() as lock:
        caller = gevent.spawn(pool.call, passing, lock, timeout=LONG)
        gevent.sleep(0)
        pool.close()
        assert not caller.ready()
        lock.release()
        assert caller.get() == "passed"
