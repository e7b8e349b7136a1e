"""Pages for those alone whom the logins let in.

The WSGI application behind it need not know: it is asked only what may be
answered.  Who asks, and for what, is read from the environ, so that it
holds under every server that hosts us.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from typing import Any, Final
from wsgiref.types import StartResponse, WSGIApplication

from ..auth.authority import quoted
from ..auth.login import Login, Visitor
from ..errors import ProxyError
from ..model import Peer
from ..wire.message import Headers, Request
from .response import refused

logger = logging.getLogger(__name__)

# Where the server leaves the `PeerCertificate` that the client has shown.
CERTIFICATE: Final = "wsproxy.certificate"


class Guard:
    """`app` for those whom `login` lets in, and its `open_paths` for everybody."""

    def __init__(
        self, app: WSGIApplication, login: Login, *, open_paths: Collection[str] = ()
    ) -> None:
        self._app = app
        self._login = login
        self._open_paths = frozenset(open_paths)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """May switch."""
        if environ.get("PATH_INFO") not in self._open_paths:
            try:
                grant = self._login.check(request_of(environ), visitor_of(environ))
            except ProxyError as error:
                _tell(environ, error)
                return refused(error)(environ, start_response)
            environ["REMOTE_USER"] = grant.user or ""
        return self._app(environ, start_response)


def request_of(environ: dict[str, Any]) -> Request:
    """The request that an environ was made from; several fields of a name are one."""
    fields = [
        (name.removeprefix("HTTP_").replace("_", "-"), value)
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    target = environ.get("RAW_URI") or environ.get("PATH_INFO") or "/"
    return Request(environ["REQUEST_METHOD"], target, headers=Headers(fields))


def visitor_of(environ: dict[str, Any]) -> Visitor:
    """Who sent it, as the server says."""
    port = str(environ.get("REMOTE_PORT") or "0")
    peer = Peer(str(environ.get("REMOTE_ADDR") or ""), int(port) if port.isdecimal() else 0)
    secure = environ.get("wsgi.url_scheme") == "https"
    return Visitor(peer, secure, environ.get(CERTIFICATE))


def _tell(environ: dict[str, Any], error: ProxyError) -> None:
    path, who = quoted(str(environ.get("PATH_INFO"))), environ.get("REMOTE_ADDR")
    detail = quoted(error.detail or error.reason)
    logger.log(error.log_level, "%s: %s asks %s: %s", error.slug, who, path, detail)
