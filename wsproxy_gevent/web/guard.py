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

from werkzeug.wrappers import Response

from ..auth.authority import quoted
from ..auth.login import Login
from ..errors import LoginRequired, ProxyError
from ..wire.message import Headers, Request
from .login import LoginPage, wants_form
from .response import add_headers, refused

logger = logging.getLogger(__name__)

CHALLENGED: Final = "WWW-Authenticate"

# Where the server leaves the `Visitor` who asks.
VISITOR: Final = "wsproxy.visitor"


class Guard:
    """`app` for those whom `login` lets in, and its `open_paths` for everybody.

    With a `page`, people are asked there.
    """

    def __init__(
        self,
        app: WSGIApplication,
        login: Login,
        *,
        open_paths: Collection[str] = (),
        page: LoginPage | None = None,
    ) -> None:
        self._app = app
        self._login = login
        self._open_paths = frozenset(open_paths)
        self._page = page

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """May switch."""
        answer = self._app
        if environ.get("PATH_INFO") not in self._open_paths:
            answer = self._answer(environ) or self._app
        return answer(environ, start_response)

    def _answer(self, environ: dict[str, Any]) -> Response | None:
        """What is answered in the place of the page; None to whom may have it."""
        request, visitor = request_of(environ), environ[VISITOR]
        try:
            if self._page is not None:
                path = str(environ.get("PATH_INFO"))
                response = self._page.respond(path, request, visitor, environ)
                if response is not None:
                    return response
            environ["REMOTE_USER"] = self._login.check(request, visitor).user or ""
        except ProxyError as error:
            _tell(environ, error)
            return self._refusal(error, request)
        return None

    def _refusal(self, error: ProxyError, request: Request) -> Response:
        response = refused(error)
        if self._page is None or not isinstance(error, LoginRequired) or not wants_form(request):
            return response
        form = self._page.form(request, error.http_status)
        kept = [field for field in response.headers if field[0] in ("Wsproxy-Reason", CHALLENGED)]
        return add_headers(form, kept)


def request_of(environ: dict[str, Any]) -> Request:
    """The request that an environ was made from; several fields of a name are one."""
    fields = [
        (name.removeprefix("HTTP_").replace("_", "-"), value)
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    target = environ.get("RAW_URI") or environ.get("PATH_INFO") or "/"
    return Request(environ["REQUEST_METHOD"], target, headers=Headers(fields))


def _tell(environ: dict[str, Any], error: ProxyError) -> None:
    path, who = quoted(str(environ.get("PATH_INFO"))), environ.get("REMOTE_ADDR")
    detail = quoted(error.detail or error.reason)
    logger.log(error.log_level, "%s: %s asks %s: %s", error.slug, who, path, detail)
