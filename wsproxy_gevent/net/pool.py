"""Blocking calls, each on a native thread, without blocking the others.

The threads are our own and bounded: gevent's shared pool is small, and a
resolver that hangs there would hold up every file read with it.  Nobody
queues here.  A call either gets a thread at once or is refused, so what is
slow behind the pool cannot pile up in front of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

from gevent.event import AsyncResult
from gevent.threadpool import ThreadPool

from ..errors import Busy, InternalError

P = ParamSpec("P")
T = TypeVar("T")

DEFAULT_SIZE = 32


class PoolTimeout(Busy):
    """A blocking call took longer than it may; its thread is still at it."""


class NativePool:
    """At most `size` blocking calls at a time.

    No thread and no hub exists before the first call, so a pool may be made
    before a fork.  It belongs to the thread that first calls it.
    """

    def __init__(
        self, size: int = DEFAULT_SIZE, freed: Callable[[], object] = lambda: None
    ) -> None:
        """`freed` is called, in the hub, whenever a call has given its thread back."""
        self._size = size
        self._freed = freed
        self._taken = 0
        self._closed = False
        self._threads: ThreadPool | None = None

    @property
    def taken(self) -> int:
        """How many calls hold a thread, those past their timeout included."""
        return self._taken

    def call(self, function: Callable[..., T], *args: object, timeout: float) -> T:
        """Return `function(*args)`, run on a native thread.  May switch.

        Raises what the function raises; `Busy` at once if each thread is
        taken; `PoolTimeout` after `timeout` seconds.  A thread cannot be
        stopped: after a timeout it keeps its place until the function ends,
        and what that returns or raises is dropped.
        """
        result = self._start(function, args)
        result.wait(timeout)
        outcome = result.value
        if outcome is None:
            raise PoolTimeout(
                "a lookup took too long; try again later",
                detail=f"{_name(function)} did not return within {timeout:g} s",
            )
        return outcome.unwrap()

    def close(self) -> None:
        """Let the threads end, each when it is done.  Never switches.

        Later calls are refused.
        """
        self._closed = True
        if self._threads is not None:
            self._threads.maxsize = 0

    def _start(
        self, function: Callable[..., T], args: tuple[object, ...]
    ) -> AsyncResult[_Outcome[T]]:
        if self._closed or self._taken >= self._size:
            raise Busy(
                "too many lookups are under way; try again later",
                detail=f"all {self._size} native threads are taken",
            )
        if self._threads is None:
            self._threads = ThreadPool(self._size)
        # Never blocks: gevent counts the same calls and gives its places
        # back before ours.
        result = self._threads.spawn(_run, function, args)
        self._taken += 1
        result.rawlink(self._give_back)
        return result

    def _give_back(self, _: object) -> None:
        self._taken -= 1
        self._freed()


class _Outcome(Generic[T]):
    """What a function returned or raised.

    The thread must not raise it: gevent would print the traceback of what
    is an answer here.
    """

    __slots__ = ("_error", "_value")

    def __init__(self, value: T | None, error: BaseException | None) -> None:
        self._value = value
        self._error = error

    def unwrap(self) -> T:
        if isinstance(self._error, Exception):
            raise self._error
        if self._error is not None:
            # SystemExit and its like would end the process instead of the call.
            raise InternalError(
                "a lookup failed", detail=f"a native thread ended with {self._error!r}"
            ) from self._error
        return self._value  # type: ignore[return-value]


def _run(function: Callable[..., T], args: tuple[object, ...]) -> _Outcome[T]:
    """A native thread begins here."""
    try:
        return _Outcome(function(*args), None)
    except BaseException as error:  # noqa: BLE001
        return _Outcome(None, error)


def _name(function: Callable[..., object]) -> str:
    return getattr(function, "__qualname__", repr(function))
