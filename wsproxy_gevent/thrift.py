"""What a process that only serves can do without.

For a process of our own, once all is loaded: who lends us theirs has made up
their own mind.
"""

from __future__ import annotations

import ctypes
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

import gevent

from .net import stacks

# A connection leaves some objects to the collector, which by default looks at
# all young ones after a handful of connections, and finds those that live.
YOUNG_OBJECTS = 10_000

# What is larger, glibc takes from the system by itself and gives back at once, and
# so it does with a heap's free end.  A read has up to 512 KiB, and each would be
# faulted in anew, page by page (mallopt(3)).  Bytes.
HELD_BYTES = 8 * 1024 * 1024
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


@contextmanager
def thrifty() -> Iterator[None]:
    """Spend nothing on the same objects and stacks again, or on who spawned whom.

    What was loaded stays, so the collector need not look at it any more.  A
    greenlet's pedigree is for debugging, and costs more than the greenlet;
    gevent's own variable still brings it back.
    """
    tracked, thresholds = gevent.config.track_greenlet_tree, gc.get_threshold()
    if "GEVENT_TRACK_GREENLET_TREE" not in os.environ:
        gevent.config.track_greenlet_tree = False
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *thresholds[1:])
    stacks.keep()
    hold_memory()
    try:
        yield
    finally:
        stacks.let_go()
        gevent.config.track_greenlet_tree = tracked
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def hold_memory() -> bool:
    """Have the C library keep what large reads take; it stays so.

    Whoever has set glibc's own variables is obeyed.  Returns whether it does:
    another C library has its own ways.
    """
    if any(name.startswith("MALLOC_") for name in os.environ):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    taken = mallopt(_M_MMAP_THRESHOLD, HELD_BYTES), mallopt(_M_TRIM_THRESHOLD, HELD_BYTES)
    return taken == (1, 1)
