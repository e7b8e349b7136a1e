"""The proxy under the name of websockify, by the symlink that `install-shim` makes."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from .programs import Program, Programs, free_port
from .proxy import SCRIPT, Proxy, clean_environment
from .wire import SECONDS, Wire, masked_frame


def install_shim(directory: Path) -> Path:
    """The path of the name websockify in that directory."""
    if not SCRIPT.exists():
        pytest.skip(f"{SCRIPT} is missing: the package is not installed")
    subprocess.run(
        [SCRIPT, "install-shim", directory],
        env=clean_environment(),
        check=True,
        timeout=SECONDS,
        capture_output=True,
    )
    return directory / "websockify"


class Websockify:
    """Starts it in one directory, as scripts do."""

    def __init__(self, programs: Programs, cwd: Path, shim: Path) -> None:
        self._programs = programs
        self.cwd = cwd
        self.shim = shim

    def run(self, *arguments: str | Path, env: dict[str, str] | None = None) -> Program:
        """`websockify ARGUMENTS`."""
        environment = {**clean_environment(), **(env or {})}
        return self._programs.start(
            self.shim, *arguments, name="websockify", env=environment, cwd=self.cwd
        )

    def serve(self, *arguments: str | Path, env: dict[str, str] | None = None) -> Proxy:
        """`websockify ARGUMENTS[:-1] 127.0.0.1:PORT ARGUMENTS[-1]`, once it listens.

        It is its own first line that tells: a connection would be a client.
        """
        port = free_port()
        *options, target = arguments
        program = self.run(*options, f"127.0.0.1:{port}", target, env=env)
        program.wait_for_output(r"wsproxy-gevent \S+: .* -> ")
        return Proxy(program, port)

    def serve_tokens(self, *options: str | Path, env: dict[str, str] | None = None) -> Proxy:
        """`websockify OPTIONS 127.0.0.1:PORT`, once it listens."""
        port = free_port()
        program = self.run(*options, f"127.0.0.1:{port}", env=env)
        program.wait_for_output(r"wsproxy-gevent \S+: .* -> tokens of ")
        return Proxy(program, port)


def talk(wire: Wire, host: str = "127.0.0.1") -> None:
    """A session, and a message there and back."""
    wire.upgrade(host)
    say(wire)


def say(wire: Wire) -> None:
    wire.send(masked_frame(b"are you there"))
    assert wire.read_payload(13) == b"are you there"


def leave(wire: Wire) -> None:
    """Close in order."""
    wire.send(masked_frame(b"\x03\xe8", opcode=8))
    assert wire.read_close()[0] == 1000


def get(proxy: Proxy, path: str = "/") -> tuple[int, bytes]:
    """Status and body of a page."""
    with Wire.open(proxy.port) as wire:
        wire.send(
            f"GET {path} HTTP/1.1\r\nHost: {proxy.host}\r\nConnection: close\r\n\r\n".encode()
        )
        answer = wire.read_answer()
        body = b""
        with suppress(EOFError):
            body = wire.read(int(answer.headers.get("content-length", "0")))
        return answer.status, body
