"""The targets by name.

A target is a function of one input.  It raises, `AssertionError` or worse,
where a parser breaks its word.  `watched` adds what all parsers promise:
nothing takes long, nothing takes much memory.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from time import process_time

from . import compression, heads, openings, payloads, sessions

Target = Callable[[bytes], None]

TARGETS: dict[str, Target] = {
    "opening": openings.opening,
    "policy": openings.policy_request,
    "proxyline": openings.proxyline,
    "http1": heads.http1,
    "handshake": heads.handshake,
    "hybi": sessions.hybi,
    "hixie": sessions.hixie,
    "writers": sessions.writers,
    "base64": payloads.base64_stream,
    "utf8": payloads.utf8,
    "text": payloads.text,
    "deflate": compression.deflate,
    "extensions": compression.extensions,
    "mask": payloads.mask,
}

LONGEST_SECONDS = 0.1
_TRIES = 5

# What one execution may take from the heap at its peak, and how much more for
# each byte of its input; the target's own copies for comparing are in it.  A
# parser that allocates what a peer announces is far over it.
MOST_MEMORY = (1 << 18, 256)
MOST_MEMORY_OF: dict[str, tuple[int, int]] = {
    # Windows of 32 KiB and more, and what a byte may unfold to, several times over.
    "deflate": (1 << 20, 4096),
    # Both ends of a connection, with a window each way.
    "extensions": (1 << 20, 256),
    "writers": (1 << 20, 256),
}


class Watched:
    """A target that counts, and is held to time and, now and then, to memory."""

    def __init__(self, name: str, *, memory_every: int = 1) -> None:
        self._target = TARGETS[name]
        self._most_memory = MOST_MEMORY_OF.get(name, MOST_MEMORY)
        self._memory_every = memory_every
        self.executions = 0
        self.slowest_seconds = 0.0
        self.largest_heap = 0

    def __call__(self, data: bytes) -> None:
        self.executions += 1
        took = self._timed(data)
        if took > self.slowest_seconds:
            # What the machine's caches and collector did meanwhile does not count.
            took = min(took, *(self._timed(data) for _ in range(_TRIES)))
            self.slowest_seconds = max(took, self.slowest_seconds)
            assert took <= LONGEST_SECONDS, f"{took:.3f} s"
        if self.executions % self._memory_every == 0:
            self._check_memory(data)

    def _timed(self, data: bytes) -> float:
        """Seconds of this process: nothing here waits, and other processes do not count."""
        begun = process_time()
        self._target(data)
        return process_time() - begun

    def _check_memory(self, data: bytes) -> None:
        tracemalloc.start()
        try:
            self._target(data)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        self.largest_heap = max(peak, self.largest_heap)
        at_rest, per_byte = self._most_memory
        assert peak <= at_rest + per_byte * len(data), f"{peak} bytes"
