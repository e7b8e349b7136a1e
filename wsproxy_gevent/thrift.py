"""What a process that only serves can do without.

For a process of our own, once all is loaded: who lends us theirs has made up
their own mind.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

import gevent

from .net import stacks

# A connection leaves some objects to the collector, which by default looks at
# all young ones after a handful of connections, and finds those that live.
YOUNG_OBJECTS = 10_000


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
    try:
        yield
    finally:
        stacks.let_go()
        gevent.config.track_greenlet_tree = tracked
        gc.set_threshold(*thresholds)
        gc.unfreeze()
