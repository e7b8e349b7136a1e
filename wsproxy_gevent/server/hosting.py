"""The WSGI application, hosted on a stream by the standard library's handler.

`wsgiref` knows how to run an application and `wire.http1` how a response
looks on the wire; this joins the two.
"""

from __future__ import annotations

import io
import logging
import sys
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes
from wsgiref.handlers import BaseHandler
from wsgiref.headers import Headers
from wsgiref.types import WSGIApplication

from ..model import Peer
from ..net.stream import Stream, StreamBroken
from ..wire.http1 import ResponseWriter
from ..wire.message import Request

if TYPE_CHECKING:
    from _typeshed import OptExcInfo

logger = logging.getLogger(__name__)


def respond(
    app: WSGIApplication, environ: dict[str, Any], stream: Stream, writer: ResponseWriter
) -> bool:
    """Run the application for one request.  May switch.

    Returns whether another request may follow on the stream.
    """
    handler = _Handler(environ, stream, writer)
    try:
        handler.run(app)
    except StreamBroken:
        logger.debug("a client left before its response was whole")
        return False
    return writer.keep_alive and not handler.failed


def environ_of(
    request: Request, peer: Peer, local: tuple[str, int], *, secure: bool
) -> dict[str, Any]:
    """The CGI and WSGI variables of a request (PEP 3333).

    `RAW_URI` holds the target as it was sent, the name gunicorn gives it.
    """
    host, port = local
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "QUERY_STRING": request.query,
        "RAW_URI": request.target,
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{request.version}",
        "REMOTE_ADDR": peer.host,
        "REMOTE_PORT": str(peer.port),
        "wsgi.url_scheme": "https" if secure else "http",
    }
    for name, value in request.headers:
        # A name with an underscore could pass for another header (nginx drops them, too).
        if "_" not in name:
            variable = "HTTP_" + name.upper().replace("-", "_")
            environ[variable] = f"{environ[variable]},{value}" if variable in environ else value
    return environ


def _hop_by_hop(status: int) -> list[tuple[str, str]]:
    """The fields that PEP 3333 leaves to the server.

    An error ends the connection, as every refusal of ours does.  A 426 must
    name the protocol (RFC 9110, section 15.5.22).
    """
    if status == HTTPStatus.UPGRADE_REQUIRED:
        return [("Upgrade", "websocket"), ("Connection", "close, Upgrade")]
    return [("Connection", "close")] if status >= HTTPStatus.BAD_REQUEST else []


class _Handler(BaseHandler):
    """One request.  `failed`: the response is broken off and nothing may follow it."""

    http_version = "1.1"
    wsgi_run_once = False
    wsgi_file_wrapper = None  # would read files on the event loop
    environ: dict[str, Any]
    status: str
    headers: Headers
    os_environ: dict[str, str] = {}  # noqa: RUF012 - the base class copies it; ours is not CGI's

    def __init__(self, environ: dict[str, Any], stream: Stream, writer: ResponseWriter) -> None:
        self._variables = environ
        self._stream = stream
        self._writer = writer
        self.failed = False

    def add_cgi_vars(self) -> None:
        self.environ.update(self._variables)

    def get_scheme(self) -> str:
        return str(self._variables["wsgi.url_scheme"])

    def get_stdin(self) -> io.BytesIO:
        return io.BytesIO()  # a request with a body was refused before

    def get_stderr(self) -> io.StringIO:
        return io.StringIO()

    def send_headers(self) -> None:
        self.cleanup_headers()
        self.headers_sent = True
        status = int(self.status.partition(" ")[0])
        headers = self.headers.items() + _hop_by_hop(status)
        self._stream.write_all(self._writer.head(status, headers))

    def _write(self, data: bytes) -> None:
        if encoded := self._writer.body(data):
            self._stream.write_all(encoded)

    def _flush(self) -> None:
        """Nothing is buffered here."""

    def finish_content(self) -> None:
        super().finish_content()
        if tail := self._writer.end():
            self._stream.write_all(tail)

    def handle_error(self) -> None:
        # The base class would answer 500 to a greenlet's end and to a broken stream alike.
        error = sys.exc_info()[1]
        if isinstance(error, StreamBroken) or not isinstance(error, Exception):
            raise
        super().handle_error()

    def log_exception(self, exc_info: OptExcInfo) -> None:
        self.failed = True
        logger.error("a page of ours failed", exc_info=exc_info)
