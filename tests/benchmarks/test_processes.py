"""What is read of processes, and who is named when he is not there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.peers import Peer
from benchmarks.processes import Cpu, DidNotServe, Running, cpu_of_tree, memory_of_tree, tree


def test_cpu_and_memory_are_those_of_the_whole_tree() -> None:
    burn = "import os\nos.fork()\nwhile True: pass"
    parent = subprocess.Popen([sys.executable, "-c", burn])
    try:
        while len(both := tree(parent.pid)) < 2:
            assert parent.poll() is None
        assert memory_of_tree(parent.pid) > memory_of_tree(both[1]) > 0
        while cpu_of_tree(both[1]).total < 0.02:
            assert parent.poll() is None
        assert cpu_of_tree(parent.pid).total > cpu_of_tree(both[1]).total
    finally:
        subprocess.run(["kill", "-9", *map(str, tree(parent.pid))], check=True)
        parent.wait()


def test_what_a_reaped_child_used_still_counts() -> None:
    burn = (
        "import os, sys, time\n"
        "if os.fork() == 0:\n"
        "    while time.process_time() < 0.1: pass\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "print(flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", burn], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        assert tree(parent.pid) == [parent.pid]
        assert cpu_of_tree(parent.pid).total >= 0.1


def test_who_has_gone_uses_nothing() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert cpu_of_tree(gone.pid) == Cpu()
    assert memory_of_tree(gone.pid) == 0


def test_a_program_that_does_not_serve_is_quoted(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('no such option')"]
    running = Running(command, 1, tmp_path / "log")
    with pytest.raises(DidNotServe, match="no such option"):
        running.wait_until_it_serves()


def test_a_peer_that_is_not_installed_is_named() -> None:
    gone = Path("/nonexistent/websocat")
    assert Peer("a", lambda _: [], ("no-such-program",)).missing() == "not found: no-such-program"
    assert Peer("b", lambda _: [], ("sh",), needs=(gone,)).missing() == f"not found: {gone}"
    assert Peer("c", lambda _: [], ("sh",)).missing() is None
