"""The proxy as a real process."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wsproxy_gevent import engine

from .programs import Program, Programs, free_port

# What is tested; WSPROXY_COMMAND names another, such as an installed package's.
COMMAND = shlex.split(os.environ.get("WSPROXY_COMMAND", "")) or [
    sys.executable,
    "-m",
    "wsproxy_gevent",
]

# The command that installing the package puts beside its Python.
SCRIPT = Path(sys.executable).with_name("wsproxy-gevent")


@dataclass(frozen=True, slots=True)
class Proxy:
    program: Program
    port: int

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def https(self) -> str:
        return f"https://127.0.0.1:{self.port}/"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/"

    @property
    def wss(self) -> str:
        return f"wss://127.0.0.1:{self.port}/"

    @property
    def host(self) -> str:
        """As a client writes it into Host."""
        return f"127.0.0.1:{self.port}"


# By these a supervisor makes itself known, and the proxy stays in front.
SUPERVISED = {
    "DYNO",
    "HONCHO_PROCESS_NAME",
    "NOTIFY_SOCKET",
    "PS",
    "SUPERVISOR_ENABLED",
    "SYSTEMD_EXEC_PID",
}


def clean_environment() -> Mapping[str, str]:
    """Ours without what a developer or a supervisor has set for the proxy.

    The engine stays: it is what these tests are of.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if name == engine.VARIABLE or not (name.startswith("WSPROXY_") or name in SUPERVISED)
    }


# What Python runs first of all, before anything else is imported.
PATCHING = "from gevent import monkey\nmonkey.patch_all()\n"


def environment_of(cwd: Path, *, patched: bool) -> Mapping[str, str]:
    """A clean one; or one in which every Python is monkey-patched from its first moment."""
    if not patched:
        return clean_environment()
    (cwd / "patching").mkdir(exist_ok=True)
    (cwd / "patching" / "sitecustomize.py").write_text(PATCHING)
    return {**clean_environment(), "PYTHONPATH": str(cwd / "patching")}


def start_proxy(
    programs: Programs,
    *arguments: str | Path,
    cwd: Path,
    port: int | None = None,
    patched: bool = False,
) -> Proxy:
    """`wsproxy-gevent -f 127.0.0.1:PORT ARGUMENTS`, once it listens.

    `cwd` should be a directory of the test's own: a `self.pem` there is served.
    """
    port = port or free_port()
    words = ["-f", f"127.0.0.1:{port}", *arguments]
    return start_command(programs, *words, port=port, cwd=cwd, patched=patched)


def start_command(
    programs: Programs, *arguments: str | Path, port: int, cwd: Path, patched: bool = False
) -> Proxy:
    """`wsproxy-gevent ARGUMENTS`, once it listens on the port."""
    environment = environment_of(cwd, patched=patched)
    program = programs.start(*COMMAND, *arguments, name="wsproxy-gevent", env=environment, cwd=cwd)
    program.wait_until_listening(port)
    return Proxy(program, port)
