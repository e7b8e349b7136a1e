from __future__ import annotations

import gc
import os
import platform
import subprocess
import sys

import gevent
import pytest

from wsproxy_gevent.thrift import YOUNG_OBJECTS, thrifty


def settings() -> tuple[bool, tuple[int, int, int], bool]:
    return gevent.config.track_greenlet_tree, gc.get_threshold(), gc.get_freeze_count() > 0


def test_it_holds_for_as_long_as_we_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEVENT_TRACK_GREENLET_TREE", raising=False)
    before = settings()
    with thrifty():
        tracked, (young, *_), frozen = settings()
        assert (tracked, young, frozen) == (False, YOUNG_OBJECTS, True)
    assert settings() == before


def test_who_asks_gevent_for_pedigrees_gets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEVENT_TRACK_GREENLET_TREE", "1")
    with thrifty():
        assert gevent.config.track_greenlet_tree is True


FAULTS = """
import resource
from wsproxy_gevent.thrift import hold_memory
held = hold_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    bytes(400_000)
before = faults()
for _ in range(1000):
    a = bytearray(400_000)
    b = bytearray(300_000)
    del a, b
print(held, faults() - before)
"""


def page_faults(**variables: str) -> tuple[str, int]:
    """Whether memory is held, and the page faults of a thousand large buffers."""
    ended = subprocess.run(
        [sys.executable, "-c", FAULTS],
        env={**{k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    held, faults = ended.stdout.split()
    return held, int(faults)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="no glibc, whose options these are")
def test_large_buffers_are_not_faulted_in_again_and_again() -> None:
    held, faults = page_faults()
    assert held == "True"
    assert faults < 2000
    before, as_it_comes = page_faults(MALLOC_TRIM_THRESHOLD_="131072")
    assert before == "False"
    assert as_it_comes > 50_000
