"""Compare our reading of RFC 6455 with that of `websockets` and `wsproto`.

    python -m fuzz.differential [--comparisons N] [--first SEED] [--jobs N]

One comparison is one input, read by us and by one other.  Each input comes
of its seed, so each result can be had again.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from time import perf_counter

from wsproxy_gevent import engine

from .comparing import Compared, UnexplainedError, frames, handshakes
from .differences import FRAMES, HANDSHAKES, Difference

COMPARE: dict[str, Callable[[int], Iterator[Compared]]] = {
    "frames": frames,
    "handshakes": handshakes,
}
KNOWN = {"frames": FRAMES, "handshakes": HANDSHAKES}

# Of ten inputs, each of which is two comparisons.
_SHARES = {"frames": 7, "handshakes": 3}
_BATCH = 2_000

# How many comparisons it takes until each difference is sure to have been met.
ENOUGH_TO_MEET_ALL = 1_000_000
_MOST_TOLD, _MOST_LETTERS = 20, 600

Tally = Counter[tuple[str, str, str | Difference]]


def tally(level: str, seeds: range) -> tuple[Tally, list[str]]:
    """What came of these seeds, and what could not be explained."""
    met: Tally = Counter()
    unexplained = []
    for seed in seeds:
        try:
            for compared in COMPARE[level](seed):
                met[level, compared.other, compared.outcome] += 1
        except UnexplainedError as error:
            unexplained.append(str(error))
    return met, unexplained


def batches(comparisons: int, first: int) -> Iterator[tuple[str, range]]:
    for level, share in _SHARES.items():
        stop = first + -(-comparisons * share // 20)
        for at in range(first, stop, _BATCH):
            yield level, range(at, min(at + _BATCH, stop))


def compare(comparisons: int, first: int, jobs: int) -> tuple[Tally, list[str]]:
    met: Tally = Counter()
    unexplained: list[str] = []
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        for some, open_ones in pool.imap_unordered(_tally_batch, batches(comparisons, first)):
            met += some
            unexplained += open_ones
    return met, unexplained


def _tally_batch(batch: tuple[str, range]) -> tuple[Tally, list[str]]:
    return tally(*batch)


def missing(met: Tally) -> list[Difference]:
    """The known differences that did not occur."""
    seen = {outcome for _, _, outcome in met}
    return [known for table in KNOWN.values() for known in table if known not in seen]


def report(met: Tally, unexplained: list[str], seconds: float) -> None:
    say = partial(print, flush=True)
    for (level, other, outcome), count in sorted(met.items(), key=lambda item: str(item[0])):
        if isinstance(outcome, str):
            say(f"{count:>10,}  {level}, {other}: both {outcome}")
    for (level, other, outcome), count in met.most_common():
        if isinstance(outcome, Difference):
            say(f"{count:>10,}  {level}, {other}: {outcome.ours} / {outcome.theirs}")
    explained = sum(n for (_, _, outcome), n in met.items() if isinstance(outcome, Difference))
    say(f"{met.total():,} comparisons in {seconds:.0f} s")
    say(f"{explained:,} differences that fuzz/differences.py explains")
    say(f"{len(unexplained):,} unexplained")
    for text in unexplained[:_MOST_TOLD]:
        say(text[:_MOST_LETTERS])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzz.differential", description=__doc__)
    parser.add_argument("--comparisons", type=int, default=1_000_000)
    parser.add_argument("--first", type=int, default=0, metavar="SEED")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args(arguments)
    print(f"engine: {engine.NAME}", flush=True)
    begun = perf_counter()
    met, unexplained = compare(given.comparisons, given.first, given.jobs)
    report(met, unexplained, perf_counter() - begun)
    never = missing(met) if given.comparisons >= ENOUGH_TO_MEET_ALL else []
    for known in never:
        print(f"never met: {known.other}: {known.ours} / {known.theirs}")
    return int(bool(unexplained or never))


if __name__ == "__main__":
    sys.exit(main())
