"""What importing the floor must not do, and what patching must not change."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import wsproxy_gevent.net

HERE = Path(__file__).parent

MODULES = sorted(
    f"wsproxy_gevent.net.{file.stem}"
    for file in Path(wsproxy_gevent.net.__path__[0]).glob("*.py")
    if file.stem != "__init__"
)

IMPORT_ALL = """
import importlib, os, sys, threading
for name in sys.argv[1:]:
    importlib.import_module(name)
from wsproxy_gevent.net.listen import bind
from wsproxy_gevent.net.pool import NativePool
pool = NativePool()
for listener in bind("localhost", 0):
    listener.close()
from gevent._hub_local import get_hub_if_exists
print(get_hub_if_exists(), threading.active_count(), len(os.listdir("/proc/self/task")))
"""

TEST_PATCHED = """
from gevent import monkey
monkey.patch_all()
import pytest, sys
sys.exit(pytest.main(sys.argv[1:]))
"""


def python(script: str, *arguments: str) -> str:
    """What the script says when a fresh interpreter runs it, faults included."""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    return done.stdout + done.stderr


def test_neither_import_nor_bind_makes_a_hub_or_a_thread() -> None:
    assert python(IMPORT_ALL, *MODULES) == "None 1 1\n"


def test_a_patched_process_keeps_every_contract() -> None:
    here = [str(file) for file in HERE.glob("test_*.py") if file != Path(__file__)]
    said = python(TEST_PATCHED, "-q", "-p", "no:cacheprovider", *here)
    assert " passed" in said
    assert "failed" not in said, said
    assert "error" not in said, said
