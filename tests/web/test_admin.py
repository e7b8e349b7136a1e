"""The pages for operators, and the token that keeps others from them."""

from __future__ import annotations

import pytest

from wsproxy_gevent.web.admin import AdminApp
from wsproxy_gevent.web.health import Health

from .calls import ask


@pytest.mark.parametrize(
    ("ready", "path", "status"),
    [(True, "/healthz", 200), (True, "/readyz", 200), (False, "/readyz", 503)],
)
def test_it_tells_how_the_process_is(ready: bool, path: str, status: int) -> None:
    health = Health()
    app = AdminApp(health)
    health.ready = ready
    assert ask(app, path).status_code == status


def test_there_is_nothing_else_yet() -> None:
    app = AdminApp(Health())
    assert ask(app, "/").status_code == 404
    assert ask(app, "/healthz", method="POST").status_code == 405


@pytest.mark.parametrize("credentials", ["Bearer sesame", "bearer  sesame "])
def test_who_knows_the_token_is_answered(credentials: str) -> None:
    app = AdminApp(Health(), "sesame")
    assert ask(app, "/readyz", authorization=credentials).status_code == 200


@pytest.mark.parametrize(
    "credentials",
    ["", "Bearer", "Bearer ", "Bearer sesam", "Bearer sesame!", "Basic sesame", "sesame", "\xff"],
)
@pytest.mark.parametrize("path", ["/readyz", "/absent"])
def test_nobody_else_learns_anything(path: str, credentials: str) -> None:
    answer = ask(AdminApp(Health(), "sesame"), path, authorization=credentials)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.headers["Wsproxy-Reason"] == "admin-token-refused"
    assert "sesame" not in answer.text
