"""Many sessions in every door: shared, lost with their process alone, and seen off whole."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from .doors import ONE_PROCESS, SEVERAL, Door
from .pools import (
    GOING_AWAY,
    WEBSOCKET_WORKER,
    Digests,
    Knocking,
    Pool,
    agree_to_close,
    is_alive,
    sessions,
    sessions_of,
)
from .programs import Programs
from .targets import echo, tcp_target
from .wire import Wire, masked_frame

pytestmark = pytest.mark.e2e

SESSIONS = 500
GRACE = 6

# A new worker serves within.
REPLACED_SECONDS = 2.0


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with tcp_target(echo) as port:
        yield f"127.0.0.1:{port}"


@pytest.mark.parametrize("door", SEVERAL, ids=str)
@pytest.mark.parametrize("count", [2, 4])
def test_workers_share_the_load(
    programs: Programs, target: str, tmp_path: Path, door: Door, count: int
) -> None:
    pool = door.start(programs, target, tmp_path, workers=count)
    wait_until_all_serve(pool, target)
    with sessions(pool, 20 * count) as wires:
        assert all(is_alive(wire) for wire in wires)
        carried = [sessions_of(pid, target) for pid in pool.workers]
    assert (len(carried), sum(carried)) == (count, len(wires))
    assert min(carried) > 0


def quick(door: Door) -> Door:
    """Ours loads everything before the fork; gevent-websocket's does where it is told to."""
    return replace(door, preload=door.worker == WEBSOCKET_WORKER)


@pytest.mark.fault(30)
@pytest.mark.parametrize("door", [quick(door) for door in SEVERAL], ids=str)
@pytest.mark.parametrize("count", [2, 4])
def test_a_worker_that_is_killed_takes_only_its_own_along(
    programs: Programs, target: str, tmp_path: Path, door: Door, count: int
) -> None:
    pool = door.start(programs, target, tmp_path, workers=count)
    wait_until_all_serve(pool, target)
    with sessions(pool, 10 * count) as wires, Knocking(pool) as knocking:
        victim, *others = pool.workers
        lost = sessions_of(victim, target)
        knocking.wait_for_more(2)
        os.kill(victim, signal.SIGKILL)
        killed_at = time.monotonic()
        wait_until_another_serves(pool, {victim, *others}, target)
        took = time.monotonic() - killed_at
        print(f"another served after {took:.2f} s")
        assert took < REPLACED_SECONDS
        knocking.wait_for_more(5)
        assert sum(lives(wire) for wire in wires) >= len(wires) - lost
    # At most the session that the victim had in its hands.
    assert len(knocking.failures) <= 1
    assert [each for each in knocking.failures if "Refused" in each] == []


def wait_until_all_serve(pool: Pool, target: str) -> None:
    """One of gunicorn's own says that it boots long before it accepts."""
    with ExitStack() as held:

        def all_serve() -> bool:
            come_together(pool, held)
            return all(sessions_of(pid, target) for pid in pool.workers)

        pool.program.wait_until(all_serve, "session at each worker")
    pool.program.wait_until(
        lambda: not any(sessions_of(pid, target) for pid in pool.workers), "idle workers"
    )


def wait_until_another_serves(pool: Pool, known: set[int], target: str) -> None:
    """Come again and again, and stay, until one is carried by a worker that is new."""
    with ExitStack() as held:

        def served() -> bool:
            come_together(pool, held)
            return any(sessions_of(pid, target) for pid in set(pool.workers) - known)

        pool.program.wait_until(served, "new worker that serves")


def come_together(pool: Pool, held: ExitStack) -> None:
    """Sessions for all: of those who come singly one worker may take each."""
    wires = [held.enter_context(pool.connect()) for _ in range(2 * len(pool.workers))]
    for wire in wires:
        wire.upgrade(pool.host if pool.port else "localhost")


def lives(wire: Wire) -> bool:
    try:
        return is_alive(wire)
    except (EOFError, OSError):
        return False


@pytest.mark.fault(26)
@pytest.mark.parametrize("door", [*ONE_PROCESS, *SEVERAL], ids=str)
def test_five_hundred_are_seen_off_and_what_they_sent_arrives(
    programs: Programs, tmp_path: Path, door: Door
) -> None:
    digests = Digests()
    with tcp_target(digests) as port:
        workers = 1 if door in ONE_PROCESS else 2
        target = f"127.0.0.1:{port}"
        pool = door.start(programs, target, tmp_path, workers=workers, grace=GRACE)
        first = len(digests.wait_for(1))  # the session that asked whether it serves
        with sessions(pool, SESSIONS) as wires:
            sent = [os.urandom(3000) for _ in wires]
            for wire, payload in zip(wires, sent, strict=True):
                wire.send(masked_frame(payload))
            os.kill(pool.program.pid, signal.SIGTERM)
            started = time.monotonic()
            assert {agree_to_close(wire) for wire in wires} == {GOING_AWAY}
        assert pool.program.exit_status() == 0
        assert time.monotonic() - started < GRACE + 2
        arrived = digests.wait_for(SESSIONS + first)
    wanted = [hashlib.sha256(each).hexdigest() for each in sent]
    nothing = [hashlib.sha256().hexdigest()] * first
    assert arrived == sorted([*wanted, *nothing])
    assert "sessions cut" not in pool.program.output
