"""A proxy with logins, at each of the three doors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .pools import PROXY_WORKER, WEBSOCKET_WORKER, start_gunicorn
from .programs import Program, Programs
from .proxy import start_proxy
from .wire import Answer, Wire, upgrade_request

DOORS = ["wsproxy-gevent", PROXY_WORKER, WEBSOCKET_WORKER]


@dataclass(frozen=True, slots=True)
class Gate:
    program: Program
    port: int

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, *lines: str, path: str = "/") -> Answer:
        """The answer to a handshake with these header lines."""
        with Wire.open(self.port) as wire:
            wire.send(upgrade_request(f"127.0.0.1:{self.port}", *lines, path=path))
            return wire.read_answer()


def start_gate(
    programs: Programs, door: str, target: str, cwd: Path, settings: dict[str, str]
) -> Gate:
    """Without a target, tokens lead to them.

    `settings` by the names of their variables, without the prefix; "1" is a switch's yes.
    """
    if door != DOORS[0]:
        variables: dict[str, Any] = dict(settings)
        pool = start_gunicorn(programs, target, cwd=cwd, worker=door, **variables)
        return Gate(pool.program, pool.port)
    words = [target] if target else []
    for name, value in settings.items():
        flag = f"--{name.lower().replace('_', '-')}"
        words += [flag] if value == "1" else [flag, value]
    proxy = start_proxy(programs, *words, cwd=cwd)
    return Gate(proxy.program, proxy.port)
