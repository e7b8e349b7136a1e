"""What every error has, and those of starting."""

from __future__ import annotations

import logging
from typing import ClassVar

Headers = tuple[tuple[str, str], ...]


class ProxyError(Exception):
    """Anything that ends a connection otherwise than by its own wish."""

    slug: ClassVar[str] = "internal-error"
    http_status: int = 500  # a hook's refusal has one of its own
    close_code: ClassVar[int] = 1011
    log_level: ClassVar[int] = logging.INFO

    def __init__(self, reason: str, *, detail: str = "", headers: Headers = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail
        self.headers = headers


class InternalError(ProxyError):
    """A fault of ours; the log holds the traceback, the peer gets none."""

    log_level = logging.ERROR


class StartError(Exception):
    """The process cannot run; the text says why and what would help.  Exit 1."""


class UsageError(Exception):
    """The command line, environment or file is wrong; the text says how.  Exit 2."""
