"""The WSGI application (PEP 3333): all that is asked of us and is no WebSocket.

It knows nothing of the server that runs it: ours, gunicorn's or a test's.
Our own pages come first, then the user's files; a port that has neither
answers what it is there for.

A 426 must name the protocol in an `Upgrade` field (RFC 9110, section
15.5.22), which is a hop's own and so the server's to send: PEP 3333 forbids
it to applications.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from typing import Any
from wsgiref.types import StartResponse

from werkzeug.wrappers import Response

from ..auth.authority import quoted
from ..errors import MethodNotAllowed, NotFound, ProxyError, UpgradeRequired, UsageError
from .health import Health
from .pages import Pages
from .path import path_of
from .response import add_headers, refused
from .static import StaticFiles

logger = logging.getLogger(__name__)

METHODS = ("GET", "HEAD")

_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\xa0-\xff\t]*?)[ \t]*")

# What says where a response ends, or how a connection goes on, is the server's.
_RESERVED = {
    *("connection", "content-length", "date", "keep-alive", "proxy-authenticate"),
    *("proxy-authorization", "te", "trailer", "trailers", "transfer-encoding", "upgrade"),
}


class WebApp:
    """Files and pages; `extra_headers` go with each of them, and with no refusal.

    `health` is asked before all of them.
    """

    def __init__(
        self,
        *,
        static: StaticFiles | None = None,
        pages: Pages | None = None,
        health: Health | None = None,
        extra_headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        self._static = static
        self._pages = pages
        self._health = health
        self._extra_headers = tuple(extra_headers)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request.  May switch, and so may the iteration of what it returns."""
        try:
            response = add_headers(self._respond(environ), self._extra_headers)
        except ProxyError as error:
            path = quoted(str(environ.get("PATH_INFO")))
            detail = quoted(error.detail or error.reason)
            logger.log(error.log_level, "%s: %s: %s", error.slug, path, detail)
            response = refused(error)
        return response(environ, start_response)

    def _respond(self, environ: dict[str, Any]) -> Response:
        method = environ["REQUEST_METHOD"]
        if method not in METHODS:
            raise MethodNotAllowed(method)
        if self._health is not None and (answer := self._health.respond(environ["PATH_INFO"])):
            return answer
        if self._static is None and self._pages is None:
            raise UpgradeRequired(
                "this port speaks WebSocket; --web DIR serves files beside it",
                headers=(("Sec-WebSocket-Version", "13"),),
            )
        path = path_of(environ)
        response = self._pages.respond(path, environ) if self._pages is not None else None
        if response is not None:
            return response
        if self._static is None:
            raise NotFound
        return self._static.respond(path, environ)


def parse_header(text: str) -> tuple[str, str]:
    """A `--header 'Name: value'` (RFC 9110, section 5).  Raises `UsageError`."""
    match = _HEADER.fullmatch(text)
    if match is None:
        raise UsageError(f"--header {text!r} is not of the form 'Name: value'")
    if match[1].lower() in _RESERVED:
        raise UsageError(f"--header {text!r}: {match[1]} is for the server itself to send")
    return match[1], match[2]
