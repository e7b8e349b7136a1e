"""Requests to the WSGI application without a server, and a pool without threads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes
from wsgiref.types import WSGIApplication

from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app

from wsproxy_gevent.auth.login import Visitor
from wsproxy_gevent.model import Peer
from wsproxy_gevent.web.guard import VISITOR

T = TypeVar("T")


class DirectPool:
    """Runs each call at once, and counts them."""

    def __init__(self) -> None:
        self.calls = 0

    def call(self, function: Callable[..., T], /, *args: object, timeout: float) -> T:
        assert timeout > 0
        self.calls += 1
        return function(*args)


def environ_of(target: str, method: str = "GET", **headers: str) -> dict[str, Any]:
    """A WSGI environment for a request target as it stands in the request line.

    `if_none_match=...` is the header If-None-Match.
    """
    path, _, query = target.partition("?")
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    builder = EnvironBuilder(method=method, headers=Headers(fields))
    environ: dict[str, Any] = builder.get_environ()
    environ[VISITOR] = Visitor(Peer("192.0.2.1", 50000))
    environ["RAW_URI"] = target
    environ["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1")
    environ["QUERY_STRING"] = query
    return environ


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response."""

    status_code: int
    headers: Headers
    data: bytes

    @property
    def text(self) -> str:
        return self.data.decode()


def ask(app: WSGIApplication, target: str, method: str = "GET", **headers: str) -> Answer:
    """The whole answer; its body is read and closed."""
    body, status, fields = run_wsgi_app(app, environ_of(target, method, **headers), buffered=True)
    return Answer(int(status.split()[0]), fields, b"".join(body))
