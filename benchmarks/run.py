"""Compare the peers, in alternating rounds, and say what came of it.

    python -m benchmarks.run [--rounds N] [--modes NAME,...] [--peers NAME,...]

Within a round each mode is done with all peers before the next mode; who begins
changes from round to round.  Results are written after each round, and a picture
of them beside the file at the end.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import certificate, plot, report
from .build import Load, build
from .figures import shown
from .measuring import Failed, Measurement, Measuring, Served
from .modes import MODES, Counted, Mode
from .peers import DIRECT, PEERS, Peer, Place
from .processes import DidNotServe, Running, free_port
from .tables import values_of

ROOT = Path(__file__).resolve().parent.parent


class Bench:
    """The target and the peers that run now."""

    def __init__(self, load: Load, work: Path, seconds: float, stack: ExitStack) -> None:
        self._work = work
        self._stack = stack
        port = free_port()
        self._target = Running([str(load.target), str(port)], port, work / "target.log")
        stack.callback(self._target.stop)
        self._target.wait_until_it_serves()
        self._measuring = Measuring(load, self._target.pid, seconds)
        self._certificate = certificate.make(work)
        self._served: dict[tuple[str, bool], Served] = {}

    @contextmanager
    def round(self) -> Iterator[None]:
        """Peers are started anew in each."""
        with ExitStack() as stack:
            outer, self._stack = self._stack, stack
            try:
                yield
            finally:
                self._served.clear()
                self._stack = outer

    def measure(self, name: str, mode: Mode, round_: int) -> Measurement:
        if name == DIRECT:
            served = Served(DIRECT, self._target.port, raw=True, pid=None)
            return self._measuring.measure(served, mode, round_)
        if mode.fresh:
            with ExitStack() as stack:
                return self._measuring.measure(self._start(PEERS[name], mode, stack), mode, round_)
        if (name, mode.tls) not in self._served:
            self._served[name, mode.tls] = self._start(PEERS[name], mode, self._stack)
        return self._measuring.measure(self._served[name, mode.tls], mode, round_)

    def _start(self, peer: Peer, mode: Mode, stack: ExitStack) -> Served:
        port = free_port()
        tls = self._certificate if mode.tls else None
        place = Place(port, self._target.port, self._work, tls)
        log = self._work / f"{peer.name}-{port}.log"
        running = Running(peer.command(place), port, log, peer.environment)
        stack.callback(running.stop)
        running.wait_until_it_serves()
        served = Served(peer.name, port, peer.raw, running.pid, peer.most_idle)
        self._measuring.warm_up(served, mode)
        return served


def takes_part(name: str, mode: Mode) -> bool:
    if name == DIRECT:
        return mode.counted in (Counted.KEY, Counted.FAIRNESS)
    peer = PEERS[name]
    return (peer.tls or not mode.tls) and mode.name not in peer.cannot


def rotated(names: Sequence[str], by: int) -> list[str]:
    by %= len(names)
    return [*names[by:], *names[:by]]


def chosen(patterns: str, names: Iterable[str]) -> list[str]:
    """Names by commas or spaces, `*` for many; in their own order."""
    names = list(names)
    wanted = patterns.replace(",", " ").split()
    for pattern in wanted:
        if not fnmatch.filter(names, pattern):
            raise SystemExit(f"no such name: {pattern}; there are {', '.join(names)}")
    return [name for name in names if any(fnmatch.fnmatch(name, one) for one in wanted)]


def machine() -> dict[str, Any]:
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load": [round(one, 2) for one in os.getloadavg()],
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(": ")[2]
    return platform.machine()


def run(
    names: list[str], modes: list[Mode], rounds: int, seconds: float, out: Path, command: str
) -> int:
    missing = {name: gone for name in names if (gone := PEERS[name].missing())}
    there = [*(name for name in names if name not in missing), DIRECT]
    for name, gone in missing.items():
        print(f"MISSING {name}: {gone}", flush=True)
    results: dict[str, Any] = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "machine": machine(),
        "versions": {n: PEERS[n].version_said() for n in there if n in PEERS},
        "missing": missing,
        "cannot": {n: dict(PEERS[n].cannot) for n in names if PEERS[n].cannot},
        "measurements": [],
        "failures": [],
    }
    with tempfile.TemporaryDirectory(prefix="bench-") as work, ExitStack() as stack:
        bench = Bench(build(), Path(work), seconds, stack)
        for round_ in range(1, rounds + 1):
            with bench.round():
                _one_round(bench, rotated(there, round_), modes, round_, results)
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(json.dumps(results, indent=1) + "\n")
    out.with_suffix(".svg").write_text(plot.draw(values_of(results)))
    print(report.text(results))
    return int(bool(results["failures"]))


def _one_round(
    bench: Bench, names: list[str], modes: list[Mode], round_: int, results: dict[str, Any]
) -> None:
    for mode in modes:
        for name in names:
            if not takes_part(name, mode):
                continue
            try:
                measured = bench.measure(name, mode, round_)
            except (Failed, DidNotServe) as error:
                failure = {"peer": name, "mode": mode.name, "round": round_, "why": str(error)}
                results["failures"].append(failure)
                print(f"FAILED {round_} {mode.name} {name}: {error}", flush=True)
            else:
                results["measurements"].append(measured.as_json())
                print(_line(measured, mode), flush=True)


def _line(measured: Measurement, mode: Mode) -> str:
    notes = [f"user {measured.user_share:.0%}"] if measured.cpu_seconds else []
    if measured.limited:
        notes.append(f"generator_limited: {measured.limited}")
    return (
        f"{measured.round:>3} {measured.mode:<13}{measured.peer:<12}"
        f"{shown(measured.value):>9} {mode.counted.value}  {', '.join(notes)}"
    )


def _end(*_: object) -> None:
    """As by Ctrl-C: whatever was started is stopped on the way out."""
    raise SystemExit("ended by a signal; the rounds that were done are written")


def main(arguments: list[str] | None = None) -> int:
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--modes", default="*", help=f"of {', '.join(MODES)}")
    parser.add_argument("--peers", default="*", help=f"of {', '.join(PEERS)}")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each measurement")
    parser.add_argument("--out", type=Path, default=ROOT / ".bench" / "results.json")
    given = parser.parse_args(arguments)
    modes = [MODES[name] for name in chosen(given.modes, MODES)]
    names = chosen(given.peers, PEERS)
    return run(names, modes, given.rounds, given.seconds, given.out, as_typed(given))


def as_typed(given: argparse.Namespace) -> str:
    """How to do the same again."""
    words = ["make bench", f"ROUNDS={given.rounds}", f"SECONDS={given.seconds:g}"]
    for name, value in (("MODES", given.modes), ("PEERS", given.peers)):
        if value != "*":
            words.append(f'{name}="{value}"')
    return " ".join(words)


if __name__ == "__main__":
    sys.exit(main())
