"""A VNC server with a real X client on it."""

from __future__ import annotations

import os
import select
import time
from dataclasses import dataclass
from pathlib import Path

from .programs import Program, Programs, free_port, needs

WIDTH, HEIGHT = 800, 600

# The client's colour table alone has 216.
COLOURS = 200

# Fills the window with something to see, then hands each key on as it comes.
CLIENT = r"""
printf '\033[1;37mA desktop in a browser, and this is its terminal.\033[0m\n\n'
line=0
while [ $line -lt 18 ]; do
    column=0
    while [ $column -lt 36 ]; do
        printf '\033[48;5;%dm   ' $((16 + line / 3 * 36 + column))
        column=$((column + 1))
    done
    printf '\033[0m\n'
    line=$((line + 1))
done
printf '\n\033[1;32mtype here:\033[0m '
stty -icanon min 1
exec cat >"$1"
"""


@dataclass(frozen=True, slots=True)
class Desktop:
    """`port` speaks RFB without a password; `keys` is a pipe of what was typed."""

    port: int
    server: Program
    keys: int

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def wait_for_keys(self, text: str, seconds: float = 10) -> None:
        """Wait until the X client was given these keys and no others."""
        typed, end = b"", time.monotonic() + seconds
        while typed != text.encode():
            left = max(0.0, end - time.monotonic())
            ready, _, _ = select.select([self.keys], [], [], left)
            assert ready, f"the X client got {typed!r}, not {text!r}"
            typed += os.read(self.keys, 4096)


def start_desktop(programs: Programs, directory: Path) -> Desktop:
    """TigerVNC on a free display and port, xterm on it; the tests skip without them."""
    xvnc, xterm = needs("Xvnc"), needs("xterm")
    port = free_port()
    server, display = _start_server(programs, xvnc, port)
    server.wait_until_listening(port)
    return Desktop(port, server, _start_client(programs, xterm, display, directory))


def _start_server(programs: Programs, xvnc: str, port: int) -> tuple[Program, str]:
    """The server picks a display that is free and writes its number to a pipe."""
    reads, writes = os.pipe()
    with open(reads, "rb") as numbers:
        server = programs.start(
            *(xvnc, "-displayfd", str(writes), "-rfbport", str(port), "-interface", "127.0.0.1"),
            *("-SecurityTypes", "None", "-AlwaysShared", "-nolisten", "tcp"),
            *("-geometry", f"{WIDTH}x{HEIGHT}", "-depth", "24", "-desktop", "a desktop"),
            pass_fds=[writes],
        )
        os.close(writes)
        # The line ends with a write of its own; a server that fails ends it too.
        if not (number := numbers.readline().decode().strip()):
            raise server.fail("named no display")
        return server, f":{number}"


def _start_client(programs: Programs, xterm: str, display: str, directory: Path) -> int:
    """A terminal that covers the screen, so that it has the keys wherever the pointer is."""
    pipe, script = directory / "keys", directory / "client.sh"
    script.write_text(CLIENT)
    os.mkfifo(pipe)
    # Open for both: a pipe without a writer would read as ended.
    keys = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    programs.start(
        *(xterm, "-display", display, "-geometry", "132x46+0+0", "-fn", "fixed", "-b", "4"),
        *("-bg", "#202830", "-fg", "#d8dee4", "+sb", "-e", "sh", script, pipe),
        env={**os.environ, "TERM": "xterm-256color"},
    )
    return keys
