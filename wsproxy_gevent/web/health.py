"""Whether we live, and whether new clients should come: for balancers and supervisors."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from werkzeug.wrappers import Response

ALIVE: Final = "/healthz"
READY: Final = "/readyz"


class Health:
    """`ready` is set to False when the process begins to stop."""

    def __init__(self) -> None:
        self.ready = True

    def respond(self, path: str) -> Response | None:
        """The answer for one of our two paths, None for any other."""
        if path not in (ALIVE, READY):
            return None
        fine = self.ready or path == ALIVE
        response = Response(
            b"ok\n" if fine else b"stopping\n",
            HTTPStatus.OK if fine else HTTPStatus.SERVICE_UNAVAILABLE,
            content_type="text/plain; charset=utf-8",
        )
        response.headers["Cache-Control"] = "no-store"
        return response
