"""What a worker has of gunicorn, without an arbiter: settings, a logger, listeners."""

from __future__ import annotations

import logging
import socket
from types import SimpleNamespace
from typing import Any

from gunicorn.config import Config


def config(**settings: object) -> Any:
    """gunicorn's settings, by its defaults and these."""
    made = Config()
    for name, value in settings.items():
        made.set(name, value)
    return made


class FakeLogger:
    """The part of gunicorn's logger that we touch; `lines` is its access log."""

    def __init__(self) -> None:
        self.error_log = logging.getLogger("gunicorn.error.tests")
        self.loglevel = logging.INFO
        self.lines: list[tuple[Any, ...]] = []
        self.reopened = 0

    def access(self, *line: Any) -> None:
        self.lines.append(line)

    def error(self, text: str, *arguments: object) -> None:
        self.error_log.error(text, *arguments)

    def reopen_files(self) -> None:
        self.reopened += 1


def listener() -> Any:
    """As gunicorn wraps one: a bound socket of 127.0.0.1."""
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    return SimpleNamespace(sock=sock, close=sock.close)
