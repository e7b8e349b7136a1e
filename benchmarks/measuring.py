"""One measurement: one mode through one proxy, and what the proxy used for it."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .build import Load
from .modes import Counted, Mode
from .processes import Cpu, cpu_of_tree, memory_of_tree, tree

# Of one core: beyond it, the load generator is what limits a run.
LIMITED_SHARE = 0.9

# The first of these and the run's time ends it.
_MOST = {"down": 8 << 30, "up": 8 << 30, "ask": 1_000_000, "connect": 20_000}

# What the CPU time is divided by, and the unit.
_DIVISORS = {
    Counted.CPU_PER_GB: ("bytes", 1e9),
    Counted.CPU_PER_MESSAGE: ("messages", 1e6),
    Counted.CPU_PER_CONNECTION: ("connections", 1e6),
}

# A process has memory at hand from its start.  Some sessions are held before the base
# is read, so that those that count do not live on it.
_FIRST_SESSIONS = 300
_QUIET_SECONDS = 0.3

_SETTLED_WITHIN_SECONDS = 3.0


class Failed(Exception):
    """A run that went wrong; what the client said of it."""


@dataclass(frozen=True)
class Served:
    """A peer that listens."""

    name: str
    port: int
    raw: bool
    pid: int | None
    """None for the target itself, when it is driven without a proxy."""
    most_idle: int | None = None


@dataclass(frozen=True)
class Measurement:
    peer: str
    mode: str
    round: int
    value: float
    """In the unit of the mode; latencies in milliseconds."""
    sessions: int
    user_share: float = 0.0
    cpu_seconds: float = 0.0
    target_share: float = 0.0
    limited: str = ""
    """Which part of the load generator was at its limit, if any."""
    alone: dict[str, float] = field(default_factory=dict)
    """Fairness: the latencies without the busy session."""
    result: dict[str, Any] = field(default_factory=dict)
    """The client's own words."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Client:
    """One client program, led by its standard input."""

    def __init__(self, load: Load, served: Served, mode: Mode, arguments: list[str]) -> None:
        flags = [*(["--raw"] if served.raw else []), *(["--tls"] if mode.tls else [])]
        self._process = subprocess.Popen(
            [str(load.client), *arguments, "--port", str(served.port), *flags, "--wait"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def until_ready(self) -> None:
        if (line := self._line()) != "ready\n":
            raise Failed(f"expected `ready`, not {line!r}")

    def result(self) -> dict[str, Any]:
        result: dict[str, Any] = json.loads(self._line())
        if result["errors"]:
            raise Failed(f"{result['errors']} errors, the first: {result['first_error']}")
        return result

    def go(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def _line(self) -> str:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        line = self._process.stdout.readline()
        if not line:
            raise Failed(self._process.stderr.read().strip() or "the client died")
        return line


class Measuring:
    """What all measurements of a run share."""

    def __init__(self, load: Load, target_pid: int, seconds: float) -> None:
        self._load = load
        self._target_pid = target_pid
        self._seconds = seconds

    def measure(self, served: Served, mode: Mode, round_: int) -> Measurement:
        how = {Counted.MEMORY: self._memory, Counted.FAIRNESS: self._fairness}
        return how.get(mode.counted, self._cpu)(served, mode, round_)

    def warm_up(self, served: Served, mode: Mode) -> None:
        """Imports, first allocations: nobody is measured cold."""
        for arguments in (
            ["ask", "--sessions", "4", "--seconds", "0.2"],
            ["connect", "--sessions", "2", "--most", "8", "--seconds", "2"],
        ):
            with Client(self._load, served, mode, arguments) as client:
                client.until_ready()
                client.go()
                client.result()
        _settle(served)

    def _arguments(self, mode: Mode, sessions: int) -> list[str]:
        most = _MOST.get(mode.client[0], 0)
        return [
            *mode.client,
            *("--sessions", str(sessions)),
            *("--seconds", str(self._seconds)),
            *("--most", str(most)),
        ]

    def _cpu(self, served: Served, mode: Mode, round_: int) -> Measurement:
        arguments = self._arguments(mode, mode.sessions)
        with Client(self._load, served, mode, arguments) as client:
            client.until_ready()
            before, target_before = _cpu_of(served.pid), cpu_of_tree(self._target_pid)
            client.go()
            result = client.result()
            target = cpu_of_tree(self._target_pid) - target_before
            if mode.counted is Counted.CPU_PER_CONNECTION:
                _settle(served)
            used = _cpu_of(served.pid) - before
        share = target.total / result["seconds"]
        return Measurement(
            served.name,
            mode.name,
            round_,
            _value(mode, used, result),
            mode.sessions,
            user_share=used.user / max(used.user + used.system, 1e-9),
            cpu_seconds=used.total,
            target_share=round(share, 3),
            limited=_limited(result, share),
            result=result,
        )

    def _memory(self, served: Served, mode: Mode, round_: int) -> Measurement:
        sessions = min(mode.sessions, served.most_idle or mode.sessions)
        first = self._arguments(mode, min(sessions // 10, _FIRST_SESSIONS))
        with Client(self._load, served, mode, first) as filling:
            filling.until_ready()
            time.sleep(_QUIET_SECONDS)
            base = _memory_of(served.pid)
            with Client(self._load, served, mode, self._arguments(mode, sessions)) as client:
                client.until_ready()
                time.sleep(_QUIET_SECONDS)
                held = _memory_of(served.pid) - base
                client.go()
                result = client.result()
        return Measurement(
            served.name, mode.name, round_, held / sessions / 1024, sessions, result=result
        )

    def _fairness(self, served: Served, mode: Mode, round_: int) -> Measurement:
        alone = self._latencies(served, mode)
        busy_for = ["--seconds", str(self._seconds + 5), "--most", "0"]
        with Client(self._load, served, mode, [*mode.beside, *busy_for]) as busy:
            busy.until_ready()
            busy.go()
            beside = self._latencies(served, mode)
        return Measurement(
            served.name,
            mode.name,
            round_,
            (beside["p99_us"] - alone["p99_us"]) / 1e3,
            mode.sessions,
            alone={key: alone[key] for key in ("p50_us", "p99_us")},
            result=beside,
        )

    def _latencies(self, served: Served, mode: Mode) -> dict[str, Any]:
        arguments = self._arguments(mode, mode.sessions)
        with Client(self._load, served, mode, arguments) as client:
            client.until_ready()
            client.go()
            return client.result()


def _value(mode: Mode, used: Cpu, result: dict[str, Any]) -> float:
    if mode.counted not in _DIVISORS:
        return float(result["p99_us"]) / 1e3
    counter, scale = _DIVISORS[mode.counted]
    return used.total / max(int(result[counter]), 1) * scale


def _limited(result: dict[str, Any], target_share: float) -> str:
    at_limit = {"client": result["generator_share"], "target": target_share}
    return " and ".join(name for name, share in at_limit.items() if share >= LIMITED_SHARE)


def _cpu_of(pid: int | None) -> Cpu:
    return Cpu() if pid is None else cpu_of_tree(pid)


def _memory_of(pid: int | None) -> int:
    return 0 if pid is None else memory_of_tree(pid)


def _settle(served: Served) -> None:
    """Until forked children have been reaped: only then does their time count."""
    if served.pid is None:
        return
    deadline = time.monotonic() + _SETTLED_WITHIN_SECONDS
    count = -1
    while time.monotonic() < deadline and count != (count := len(tree(served.pid))):
        time.sleep(0.2)


def result_file(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded
