"""The proxy as a real process."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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
    """Ours without what a developer or a supervisor has set for the proxy."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("WSPROXY_") and name not in SUPERVISED
    }


def start_proxy(
    programs: Programs, *arguments: str | Path, cwd: Path, port: int | None = None
) -> Proxy:
    """`wsproxy-gevent -f 127.0.0.1:PORT ARGUMENTS`, once it listens.

    `cwd` should be a directory of the test's own: a `self.pem` there is served.
    """
    port = port or free_port()
    return start_command(programs, "-f", f"127.0.0.1:{port}", *arguments, port=port, cwd=cwd)


def start_command(programs: Programs, *arguments: str | Path, port: int, cwd: Path) -> Proxy:
    """`wsproxy-gevent ARGUMENTS`, once it listens on the port."""
    program = programs.start(
        *COMMAND, *arguments, name="wsproxy-gevent", env=clean_environment(), cwd=cwd
    )
    program.wait_until_listening(port)
    return Proxy(program, port)
