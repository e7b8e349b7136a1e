"""The load generator through our own proxy, shortly: it must not rot."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import build, certificate, peers, processes, run
from benchmarks.modes import MODES

from .faulty import Fault, FaultyRelay

if build.compiler() is None:
    pytest.skip("no C compiler here to build the load generator with", allow_module_level=True)


@pytest.fixture(scope="module")
def load() -> build.Load:
    return build.build()


@pytest.fixture(scope="module")
def target(load: build.Load, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = processes.free_port()
    log = tmp_path_factory.mktemp("target") / "log"
    running = processes.Running([str(load.target), str(port)], port, log)
    running.wait_until_it_serves()
    yield port
    running.stop()


@pytest.fixture(scope="module")
def proxy(target: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    work, port = tmp_path_factory.mktemp("proxy"), processes.free_port()
    place = peers.Place(port, target, work, certificate.make(work))
    running = processes.Running(peers.PEERS["ours"].command(place), port, work / "log")
    running.wait_until_it_serves()
    yield port
    running.stop()


def drive(load: build.Load, port: int, words: str) -> dict[str, Any]:
    done = subprocess.run(
        [str(load.client), *words.split(), "--port", str(port), "--seconds", "0.1"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    assert result["errors"] == result["resets"] == result["unanswered_closes"] == 0
    return result


# What each mode counts; that the bytes are right, the generator sees itself.
WORK = [
    ("down --sessions 2", "bytes"),
    ("up --sessions 2", "bytes"),
    ("up --size 100", "messages"),
    ("ask --sessions 8", "messages"),
    ("connect --sessions 4", "connections"),
    ("scene --sessions 20 --size 20480 --rate 50", "messages"),
]


@pytest.mark.parametrize(("words", "counted"), WORK)
def test_the_generator_drives_us(load: build.Load, proxy: int, words: str, counted: str) -> None:
    assert drive(load, proxy, words)[counted] > 0


def test_idle_sessions_still_stand_at_the_end(load: build.Load, proxy: int) -> None:
    drive(load, proxy, "idle --sessions 40")


@pytest.mark.parametrize("words", ["down --apart", "up --tls", "down --tls", "connect --tls"])
def test_over_tls_and_with_a_target_apart(load: build.Load, proxy: int, words: str) -> None:
    if "--tls" in words and not load.tls:
        pytest.skip("no headers of OpenSSL here to build the client with")
    drive(load, proxy, words)


@pytest.mark.parametrize(("words", "counted"), WORK)
def test_raw_bytes_go_without_a_websocket(
    load: build.Load, target: int, words: str, counted: str
) -> None:
    assert drive(load, target, f"{words} --raw")[counted] > 0


def test_a_refusal_makes_the_run_fail(load: build.Load, target: int) -> None:
    done = subprocess.run(
        [str(load.client), "ask", "--port", str(target)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert "session 0 of mode ask" in done.stderr


def test_a_run_measures_us_and_writes_down_what_it_found(tmp_path: Path) -> None:
    out = tmp_path / "results.json"
    modes = [MODES[name] for name in ("ask1", "connect")]
    assert run.run(["ours"], modes, rounds=1, seconds=0.1, out=out, command="make bench") == 0
    results = json.loads(out.read_text())
    assert [(one["mode"], one["value"] > 0) for one in results["measurements"]] == [
        ("ask1", True),
        ("connect", True),
    ]


FAULTS: dict[str, Fault] = {
    "a byte is lost": lambda piece: piece[:500] + piece[501:],
    "a byte is doubled": lambda piece: piece[:500] + piece[499:],
    "a byte is changed": lambda piece: bytes([piece[0] ^ 1]) + piece[1:],
}


# Of a picture only its place is looked at, not each byte.
SPOILT = [
    *((mode, fault) for mode in ("down", "up") for fault in FAULTS),
    ("scene --rate 50", "a byte is lost"),
    ("scene --rate 50", "a byte is doubled"),
]


@pytest.mark.parametrize(("mode", "fault"), SPOILT)
def test_a_proxy_that_spoils_bytes_is_found_out(
    load: build.Load, target: int, mode: str, fault: str
) -> None:
    with FaultyRelay(target, FAULTS[fault]) as relay:
        done = subprocess.run(
            [
                *(str(load.client), *mode.split(), "--raw"),
                *("--port", str(relay.port), "--seconds", "0.2", "--patience", "2"),
            ],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 1
    assert "bytes" in done.stderr
