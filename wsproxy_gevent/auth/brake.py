"""The brake on guessing: who was wrong too often is told to wait.

Only what is wrong counts, and only what is wrong is braked: behind one
address there may be an office, and whoever knows the password comes in.
From a braked address passwords are tried one at a time, though, so that a
guesser has one thread of ours and no more.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from gevent.lock import Semaphore

from ..errors import Busy, LoginBraked, ProxyError
from ..model import Peer
from ..net.address import network_of
from ..net.clock import SYSTEM, Clock, Deadline

FAILURES = 10
SECONDS = 60.0

# Addresses that are remembered; beyond, the one that failed longest ago is forgotten.
ADDRESSES = 10_000


@dataclass(slots=True)
class _Record:
    """The times of an address's last failures, and the turn of those who try."""

    times: deque[float] = field(default_factory=lambda: deque(maxlen=FAILURES))
    turn: Semaphore = field(default_factory=Semaphore)


class Brake:
    """Counts failures by address: `FAILURES` in `SECONDS` are free."""

    def __init__(self, clock: Clock = SYSTEM) -> None:
        self._clock = clock
        self._records: OrderedDict[str, _Record] = OrderedDict()

    @contextmanager
    def turn(self, peer: Peer, deadline: Deadline) -> Iterator[None]:
        """Around an attempt.  May switch; raises `Busy` if its turn does not come in time."""
        record = self._records.get(network_of(peer))
        if record is None or not self._is_braked(record):
            yield
            return
        if not record.turn.acquire(timeout=deadline.left):
            raise Busy("too many logins are under way; try again later")
        try:
            yield
        finally:
            record.turn.release()

    def failed(self, peer: Peer, error: ProxyError) -> ProxyError:
        """Count a failure; the error to raise, `LoginBraked` for one too many.  Never switches."""
        network = network_of(peer)
        record = self._records.setdefault(network, _Record())
        self._records.move_to_end(network)
        braked = self._is_braked(record)
        record.times.append(self._clock.monotonic())
        if len(self._records) > ADDRESSES:
            self._records.popitem(last=False)
        return _too_often(record.times[0] + SECONDS - self._clock.monotonic()) if braked else error

    def _is_braked(self, record: _Record) -> bool:
        times = record.times
        return len(times) == FAILURES and times[0] > self._clock.monotonic() - SECONDS


def _too_often(seconds: float) -> LoginBraked:
    return LoginBraked(
        "too many wrong logins came from your address; wait a minute",
        headers=(("Retry-After", str(max(1, round(seconds)))),),
    )
