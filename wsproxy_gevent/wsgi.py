"""The WSGI application for gunicorn: `gunicorn -k WORKER wsproxy_gevent.wsgi`.

WORKER is `wsproxy_gevent.worker.ProxyWorker`, which serves the whole port,
or `geventwebsocket.gunicorn.workers.GeventWebSocketWorker`, which serves
HTTP and WebSockets.  Settings come from the environment.

Importing this patches nothing and starts nothing.  Where gevent-websocket's
worker has been loaded before, as gunicorn does, that worker is told to make
its servers with our hook in them.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable
from typing import Any, Final
from wsgiref.types import StartResponse

from .hosted import Environment
from .pywsgi import HANDLER, hook_into

logger = logging.getLogger(__name__)

WORKERS: Final = (
    "wsproxy_gevent.worker.ProxyWorker",
    "geventwebsocket.gunicorn.workers.GeventWebSocketWorker",
)
GEVENT_WEBSOCKET: Final = "geventwebsocket.gunicorn.workers"

WRONG_WORKER: Final = (
    f"this worker class cannot proxy; start gunicorn with -k {' or -k '.join(WORKERS)}"
)


class Application:
    """Serves what the environment asks for, with the worker that it finds itself in."""

    def __init__(self, serves: Environment) -> None:
        self.serves = serves
        self._complained = False

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """May switch."""
        answer = environ.pop(HANDLER, None)
        if answer is not None:
            return answer(environ, start_response)  # type: ignore[no-any-return]
        return self._refuse(start_response)

    def _refuse(self, start_response: StartResponse) -> Iterable[bytes]:
        if not self._complained:
            self._complained = True
            logger.error("%s", WRONG_WORKER)
        body = f"{WRONG_WORKER}\n".encode()
        headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
        start_response("500 Internal Server Error", headers)
        return [body]


application = Application(Environment(os.environ))


if loaded := sys.modules.get(GEVENT_WEBSOCKET):
    hook_into(loaded.GeventWebSocketWorker, application.serves)
