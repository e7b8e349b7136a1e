"""The access log of the server that hosts us: one line for each answer.

A page's line is written once it is whole, a session's when it ends.  What
was refused has a line without a path, for the request may not have had one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

from .errors import PeerLeft, ProxyError
from .model import Peer
from .net.clock import monotonic
from .observer import SessionInfo, SessionLog, SessionSummary

Environ = dict[str, Any]

# Where there is no HTTP yet there is nothing for an access log to say.
BEFORE_HTTP = ("opening", "tls", "policy")


@dataclass(slots=True)
class Answer:
    """What was answered, by the names that gunicorn's logger asks for."""

    status: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    sent: int = 0


# The answer, the request's header lines, its environ, and how long it took.
Write = Callable[[Answer, list[tuple[str, str]], Environ, timedelta], None]


class VisitLog:
    """A `SessionLog` that passes everything on to `log`, and the answers to `write`.

    `visited` is called for each page and each session as it begins.
    """

    def __init__(self, log: SessionLog, write: Write, visited: Callable[[], None]) -> None:
        self._log = log
        self._write = write
        self._visited = visited

    def opened(self, info: SessionInfo) -> None:
        self._visited()
        self._log.opened(info)

    def refused(self, peer: Peer, stage: str, error: ProxyError) -> None:
        self._log.refused(peer, stage, error)
        if stage not in BEFORE_HTTP and not isinstance(error, PeerLeft):
            self._tell(Answer(str(error.http_status)), environ_of(peer, "-"), 0.0)

    def closed(self, summary: SessionSummary) -> None:
        self._log.closed(summary)
        answer = Answer("101", sent=summary.downstream.payload_bytes)
        environ = environ_of(summary.info.peer, summary.info.path)
        self._tell(answer, environ, summary.seconds)

    def pages(self, app: WSGIApplication) -> WSGIApplication:
        """The application, its answers logged as well."""

        def logged(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            self._visited()
            return _Page(app, environ, start_response, self._tell)

        return logged

    def _tell(self, answer: Answer, environ: Environ, seconds: float) -> None:
        self._write(answer, header_lines(environ), environ, timedelta(seconds=seconds))


class _Page:
    """A response under way; closing it writes its line."""

    def __init__(
        self,
        app: WSGIApplication,
        environ: Environ,
        start_response: StartResponse,
        tell: Callable[[Answer, Environ, float], None],
    ) -> None:
        self._environ = environ
        self._tell = tell
        self._answer = Answer("500")
        self._begun = monotonic()

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            self._answer.status, self._answer.headers = status, headers
            return start_response(status, headers, *error)

        self._body = app(environ, start)

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._body:
            self._answer.sent += len(piece)
            yield piece

    def close(self) -> None:
        try:
            if close := getattr(self._body, "close", None):
                close()
        finally:
            self._tell(self._answer, self._environ, monotonic() - self._begun)


def environ_of(peer: Peer, path: str) -> Environ:
    """The variables of a request that gunicorn's logger cannot do without.

    The path comes without its query, where secrets travel.
    """
    return {
        "REMOTE_ADDR": str(peer) if not peer.host else peer.host,
        "REMOTE_PORT": str(peer.port),
        "REQUEST_METHOD": "GET",
        "RAW_URI": path,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_PROTOCOL": "HTTP/1.1",
    }


def header_lines(environ: Environ) -> list[tuple[str, str]]:
    """The header lines that an environ was made from."""
    return [
        (name.removeprefix("HTTP_").replace("_", "-").lower(), value)
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
