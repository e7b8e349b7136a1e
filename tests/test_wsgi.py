"""The WSGI application, and whether the worker around it can serve it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from wsproxy_gevent.hosted import Environment
from wsproxy_gevent.pywsgi import HANDLER
from wsproxy_gevent.wsgi import WORKERS, Application


def test_a_worker_that_is_not_ours_is_answered_500_with_the_ones_that_are(
    caplog: pytest.LogCaptureFixture,
) -> None:
    application, statuses = Application(Environment({})), []

    def start_response(status: str, headers: Any, *_: Any) -> Any:
        statuses.append((status, dict(headers)))

    bodies = [b"".join(application({}, start_response)) for _ in range(2)]
    assert [status for status, _ in statuses] == ["500 Internal Server Error"] * 2
    assert all(worker in bodies[0].decode() for worker in WORKERS)
    assert statuses[0][1]["Content-Length"] == str(len(bodies[0]))
    assert len([each for each in caplog.records if each.levelname == "ERROR"]) == 1


def test_a_request_that_the_hook_holds_is_answered_by_it() -> None:
    application = Application(Environment({}))
    environ = {HANDLER: lambda environ, _start: [repr(environ).encode()]}
    assert application(environ, lambda *_: lambda _: None) == [b"{}"]


ALONE = """
import sys, threading
from gevent import _hub_local, monkey
import wsproxy_gevent.wsgi
print(monkey.is_module_patched("socket"), _hub_local.get_hub_if_exists(), threading.active_count())
print("geventwebsocket" in sys.modules)
"""

HOOKED = """
from geventwebsocket.gunicorn.workers import GeventWebSocketWorker as Worker
from gunicorn.workers.ggevent import GeventPyWSGIWorker, PyWSGIServer
import wsproxy_gevent.wsgi
print(Worker.server_class is PyWSGIServer, GeventPyWSGIWorker.server_class is PyWSGIServer)
print(hasattr(PyWSGIServer, "pre_start_hook"))
"""


@pytest.mark.parametrize(
    ("script", "said"),
    [(ALONE, "False None 1\nFalse\n"), (HOOKED, "False True\nFalse\n")],
)
def test_importing_touches_gevent_websockets_worker_at_most(script: str, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30
    )
    assert (done.stdout, done.stderr) == (said, "")
