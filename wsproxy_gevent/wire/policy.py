"""The Flash socket policy: one question of 22 bytes, one XML answer.

web-socket-js, the WebSocket of browsers that had none, asks on the very
port it wants to talk to.  Our answer opens that port and no other.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

from ..errors import NotHttp

REQUEST = b"<policy-file-request/>"


class PolicyReader:
    """Reads the question, cut anywhere; what it keeps is a number."""

    def __init__(self) -> None:
        self._matched = 0

    def feed(self, data: bytes) -> bool:
        """Whether the question is whole now.

        Flash sends a NUL behind it and others do not, so what follows is
        not looked at.  Raises `NotHttp` at the first byte that differs.
        """
        expected = REQUEST[self._matched : self._matched + len(data)]
        if not data.startswith(expected):
            raise NotHttp("neither a Flash policy request nor HTTP")
        self._matched += len(expected)
        return self._matched == len(REQUEST)


def answer(port: int, domains: Sequence[str] = ("*",)) -> bytes:
    """The policy that lets pages of `domains` open `port`.

    Flash takes it as complete at the final NUL.
    """
    grants = "".join(
        f'<allow-access-from domain="{html.escape(domain)}" to-ports="{port}"/>'
        for domain in domains
    )
    return f"<cross-domain-policy>{grants}</cross-domain-policy>\0".encode()
