"""Two paths, two answers, and nothing else."""

from __future__ import annotations

import pytest

from wsproxy_gevent.web.app import WebApp
from wsproxy_gevent.web.health import Health

from .calls import ask


@pytest.mark.parametrize(
    ("ready", "path", "status", "body"),
    [
        (True, "/healthz", 200, b"ok\n"),
        (True, "/readyz", 200, b"ok\n"),
        (False, "/healthz", 200, b"ok\n"),
        (False, "/readyz", 503, b"stopping\n"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_readiness_ends_with_the_stop_and_health_does_not(
    method: str, ready: bool, path: str, status: int, body: bytes
) -> None:
    health = Health()
    health.ready = ready
    answer = ask(WebApp(health=health), path, method=method)
    assert answer.status_code == status
    assert answer.data == (body if method == "GET" else b"")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"


def test_other_paths_and_methods_are_answered_as_ever() -> None:
    app = WebApp(health=Health())
    assert ask(app, "/").status_code == 426
    assert ask(app, "/healthz/").status_code == 426
    assert ask(app, "/healthz", method="POST").status_code == 405


def test_without_it_they_are_paths_as_others_are() -> None:
    assert ask(WebApp(), "/readyz").status_code == 426
