"""Fuzz one target: `python -m fuzz.one TARGET STATE [libFuzzer's arguments]`.

STATE is a file that is kept up to date with the slowest execution, in
seconds, and the largest heap, in bytes; libFuzzer ends the process itself,
and nothing can be said after.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["wsproxy_gevent.wire"]):
    from .targets import Watched

# Each execution under tracemalloc costs as much as dozens without.
MEMORY_EVERY = 500


def main(target: str, state: Path, arguments: list[str]) -> None:
    """Does not return."""
    watched = Watched(target, memory_every=MEMORY_EVERY)
    written = (0.0, 0)

    def once(data: bytes) -> None:
        nonlocal written
        watched(data)
        reached = watched.slowest_seconds, watched.largest_heap
        if reached != written:
            written = reached
            state.write_text(f"{reached[0]:.6f} {reached[1]}")

    # To merge, libFuzzer runs itself again by this name, through a shell.
    ourselves = shlex.join((sys.executable, "-m", "fuzz.one", target, str(state)))
    atheris.Setup([ourselves, *arguments], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
