"""What the process opens, as the interpreter itself tells of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_seen: list[str] | None = None

_hooked: list[bool] = []


def opened_during(asking: Callable[[], T]) -> tuple[list[str], T]:
    """The paths that were opened or listed meanwhile, on whichever thread, and what came of it.

    An audit hook stays for good, so there is one, and it is idle in between.
    """
    global _seen
    if not _hooked:
        sys.addaudithook(_hook)
        _hooked.append(True)
    opened: list[str] = []
    _seen = opened
    try:
        return opened, asking()
    finally:
        _seen = None


def _hook(event: str, args: tuple[object, ...]) -> None:
    seen = _seen
    if seen is not None and event in ("open", "os.scandir", "os.listdir"):
        path = args[0]
        if isinstance(path, str | bytes):
            seen.append(os.fsdecode(path))
        elif event != "open":  # which gives a descriptor that is open a file object
            seen.append(repr(path))
