"""What the admin listener answers: for now, how the process is.

Pages for operators stand here and never on the public port.  Who may ask is
decided by the socket's file, or by a token that comes as a Bearer credential
(RFC 6750, section 2.1), or by both.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse

from werkzeug.wrappers import Response

from ..auth.authority import quoted
from ..errors import AdminTokenRefused, MethodNotAllowed, NotFound, ProxyError
from .app import METHODS
from .health import Health
from .response import refused

logger = logging.getLogger(__name__)

_SCHEME = "bearer "


class AdminApp:
    """The WSGI application of the admin listener; with a `token`, for those who know it."""

    def __init__(self, health: Health, token: str | None = None) -> None:
        self._health = health
        self._token = token

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Never switches."""
        try:
            response = self._respond(environ)
        except ProxyError as error:
            path = quoted(str(environ.get("PATH_INFO")))
            logger.log(error.log_level, "admin: %s: %s", error.slug, path)
            response = refused(error)
        return response(environ, start_response)

    def _respond(self, environ: dict[str, Any]) -> Response:
        if self._token is not None:
            _check_token(self._token, environ.get("HTTP_AUTHORIZATION", ""))
        if environ["REQUEST_METHOD"] not in METHODS:
            raise MethodNotAllowed(environ["REQUEST_METHOD"])
        answer = self._health.respond(environ["PATH_INFO"])
        if answer is None:
            raise NotFound
        return answer


def _check_token(token: str, credentials: str) -> None:
    """In a time that does not tell how much of it was right."""
    given = credentials[len(_SCHEME) :].strip()
    is_bearer = credentials[: len(_SCHEME)].lower() == _SCHEME
    if not hmac.compare_digest(given.encode(), token.encode()) or not is_bearer:
        raise AdminTokenRefused
