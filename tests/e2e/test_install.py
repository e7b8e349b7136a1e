"""The package where there is no compiler: it installs, says so, and works."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from wsproxy_gevent import engine

from .pools import is_alive
from .programs import Programs, free_port
from .proxy import Proxy, clean_environment
from .targets import echo, tcp_target
from .wire import Wire

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]

# What is left of a source tree once all that was ever made in it is gone.
SOURCES = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "wsproxy_gevent")
MADE = shutil.ignore_patterns("*.so", "__pycache__")

QUICKLY = ("--quiet", "--no-deps", "--no-build-isolation")


@pytest.fixture(scope="module")
def without_compiler(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The environment in which Python finds a package that was installed without one."""
    source = tmp_path_factory.mktemp("source")
    installed = tmp_path_factory.mktemp("installed")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=MADE)
        else:
            shutil.copy(ROOT / name, source)
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            *QUICKLY,
            "--target",
            str(installed),
            str(source),
        ],
        env={**os.environ, "CC": "/bin/false"},
        check=True,
        timeout=120,
    )
    plain = {name: text for name, text in clean_environment().items() if name != engine.VARIABLE}
    return {**plain, "PYTHONPATH": str(installed)}


def run(environment: Mapping[str, str], *words: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, *words], env=environment, cwd=cwd, capture_output=True, timeout=30
    )
    return (done.stdout + done.stderr).decode()


def test_it_says_which_engine_it_has(without_compiler: Mapping[str, str], tmp_path: Path) -> None:
    where = run(
        without_compiler, "-c", "import wsproxy_gevent as it; print(it.__file__)", cwd=tmp_path
    )
    assert where.startswith(without_compiler["PYTHONPATH"])
    said = run(without_compiler, "-m", "wsproxy_gevent", "--version", cwd=tmp_path)
    assert said.endswith("(python engine)\n")


def test_the_compiled_loop_cannot_be_had_and_it_says_how_it_could(
    without_compiler: Mapping[str, str], tmp_path: Path
) -> None:
    asking = {**without_compiler, engine.VARIABLE: "compiled"}
    said = run(asking, "-m", "wsproxy_gevent", "--version", cwd=tmp_path)
    assert "install again with a C compiler" in said


def test_a_session_works(
    programs: Programs, without_compiler: Mapping[str, str], tmp_path: Path
) -> None:
    port = free_port()
    with tcp_target(echo) as target:
        words = ("-m", "wsproxy_gevent", "-f", f"127.0.0.1:{port}", f"127.0.0.1:{target}")
        program = programs.start(sys.executable, *words, env=without_compiler, cwd=tmp_path)
        program.wait_until_listening(port)
        with Wire.open(port) as wire:
            wire.upgrade(Proxy(program, port).host)
            assert is_alive(wire)


def test_a_command_that_would_be_moved_is_told_of_and_served_by_its_port(
    programs: Programs, without_compiler: Mapping[str, str], tmp_path: Path
) -> None:
    port, service = free_port(), Path(__file__).parent / "peers" / "service.py"
    words = ("-m", "wsproxy_gevent", f"127.0.0.1:{port}", "--", sys.executable, service, "env")
    program = programs.start(sys.executable, *words, env=without_compiler, cwd=tmp_path)
    program.wait_for_output("warning: the preload was not compiled")
    program.wait_for_output("command: listening at")
    with Wire.open(port) as wire:
        wire.upgrade(Proxy(program, port).host)
        assert is_alive(wire)
