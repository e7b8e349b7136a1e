"""gunicorn's settings, sized by the environment."""

from __future__ import annotations

import ast
import re
import runpy
from pathlib import Path

import pytest
from gunicorn.config import Config

from wsproxy_gevent import gunicorn_conf
from wsproxy_gevent.errors import UsageError
from wsproxy_gevent.gunicorn_conf import bind_of, workers_of


@pytest.mark.parametrize(
    ("environ", "bind"),
    [
        ({}, "127.0.0.1:6080"),
        ({"HOST": "192.0.2.1"}, "127.0.0.1:6080"),
        ({"PORT": "5000"}, "0.0.0.0:5000"),
        ({"PORT": "5000", "HOST": "127.0.0.1"}, "127.0.0.1:5000"),
        ({"PORT": "5000", "HOST": "::1"}, "[::1]:5000"),
    ],
)
def test_the_environment_says_where_to_listen(environ: dict[str, str], bind: str) -> None:
    assert bind_of(environ) == bind


@pytest.mark.parametrize("port", ["http", "65536", "-1", "8 0", "٣"])
def test_a_port_that_is_none_is_an_error_by_its_name(port: str) -> None:
    with pytest.raises(UsageError, match="PORT"):
        bind_of({"PORT": port})


@pytest.mark.parametrize(("text", "count"), [("", 1), ("1", 1), ("4", 4)])
def test_the_environment_says_how_many(text: str, count: int) -> None:
    assert workers_of({"WEB_CONCURRENCY": text}) == count


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5"])
def test_a_number_that_is_none_is_an_error_by_its_name(text: str) -> None:
    with pytest.raises(UsageError, match="WEB_CONCURRENCY"):
        workers_of({"WEB_CONCURRENCY": text})


def settings() -> dict[str, object]:
    known = Config().settings
    return {name: value for name, value in vars(gunicorn_conf).items() if name in known}


def test_gunicorn_takes_each_of_them() -> None:
    config = Config()
    for name, value in settings().items():
        config.set(name, value)
    assert config.worker_class_str == "wsproxy_gevent.worker.ProxyWorker"
    assert config.max_requests == 0
    assert config.graceful_timeout <= 20
    assert config.umask == 0o077


def test_nothing_is_a_setting_by_accident() -> None:
    assert set(settings()) >= {"bind", "workers", "worker_connections", "control_socket_disable"}
    assert set(settings()) <= {
        *("worker_class", "workers", "bind", "worker_connections", "backlog", "max_requests"),
        *("graceful_timeout", "timeout", "umask", "control_socket_disable", "errorlog"),
        "proc_name",
    }


# -- conf/gunicorn.conf.py -------------------------------------------------------------------

FILE = Path(__file__).resolve().parent.parent / "conf" / "gunicorn.conf.py"


def offered() -> dict[str, object]:
    """What its lines would set without their #; the last of a name counts."""
    lines = re.findall(r"^# (\w+) = (.+)$", FILE.read_text(), re.MULTILINE)
    return {name: ast.literal_eval(value) for name, value in lines}


def test_the_file_takes_the_defaults_over() -> None:
    found = runpy.run_path(str(FILE))
    assert {name: found[name] for name in settings()} == settings()


def test_each_line_that_it_offers_is_one_that_gunicorn_knows() -> None:
    config = Config()
    assert len(offered()) > 12
    for name, value in offered().items():
        # Users and groups of that name need not exist here.
        if name not in ("user", "group"):
            config.set(name, value)
        assert name in config.settings
