"""A deploy of the Heroku kind: a Procfile, and nothing but the environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from .pools import agree_to_close, is_alive
from .programs import ROOT, Programs, free_port
from .proxy import clean_environment, environment_of
from .targets import echo, tcp_target
from .wire import Wire

pytestmark = pytest.mark.e2e

BIN = Path(sys.executable).parent


@pytest.mark.parametrize("patched", [False, True])
def test_the_procfile_serves_a_session_with_a_port_and_a_target_alone(
    programs: Programs, tmp_path: Path, patched: bool
) -> None:
    port = free_port()
    # What the runner gives to its processes besides, and does not take itself.
    more = tmp_path / "more.env"
    path = environment_of(tmp_path, patched=patched).get("PYTHONPATH")
    more.write_text(f"PYTHONPATH={path}\n" if patched else "")
    with tcp_target(echo) as target:
        runner = programs.start(
            *(BIN / "honcho", "start", "-d", ROOT, "-e", more, "-p", str(port), "web"),
            env={
                **clean_environment(),
                "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
                "WSPROXY_TARGET": f"127.0.0.1:{target}",
                "WEB_CONCURRENCY": "2",
            },
        )
        runner.wait_for_output(r"(?s)(Booting worker.*){2}")
        with Wire.open(port) as wire:
            wire.upgrade(f"127.0.0.1:{port}")
            assert is_alive(wire)
            # The runner asks its processes to end as the host does: SIGTERM.
            os.kill(runner.pid, 15)
            assert agree_to_close(wire)[0] == 1001
        runner.exit_status()
    assert f"0.0.0.0:{port}" in runner.output


def test_what_the_host_installs_from_and_with_is_there() -> None:
    assert (ROOT / "requirements.txt").read_text().splitlines()[-1] == "."
    assert (ROOT / ".python-version").read_text().strip() in ("3.11", "3.12", "3.13")
