"""What the environment asks for under gunicorn, and where our log goes."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from gunicorn.errors import AppImportError

from tests.fake_gunicorn import FakeLogger, config
from tests.fakes import FakeStream
from wsproxy_gevent.config.settings import Settings
from wsproxy_gevent.errors import NotHttp
from wsproxy_gevent.hosted import (
    Environment,
    NotConfigured,
    balancers_of,
    check_config,
    sessions_grace,
    with_certificate,
)
from wsproxy_gevent.model import Peer
from wsproxy_gevent.net.balancers import Balancers
from wsproxy_gevent.wire.proxyline import ProxyLine

TARGET = {"WSPROXY_TARGET": "127.0.0.1:5900"}


@pytest.fixture
def bound() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


def test_a_target_in_the_environment_is_enough(bound: socket.socket) -> None:
    parts = Environment(TARGET).parts([bound], config())
    assert str(parts.target) == "127.0.0.1:5900"
    assert parts.listening.on_loopback
    assert parts.listening.sockets == [bound]


@pytest.mark.parametrize(
    "more",
    [
        {"WSPROXY_SOURCE": "7000"},
        {"WSPROXY_UNIX_LISTEN": "/run/proxy.sock"},
        {"WSPROXY_INETD": "1"},
        {"WSPROXY_REUSE_PORT": "1"},
        {"WSPROXY_WORKERS": "4"},
    ],
)
def test_what_is_for_gunicorn_to_say_is_not_heard_from_the_environment(
    bound: socket.socket, more: dict[str, str]
) -> None:
    parts = Environment({**TARGET, **more}).parts([bound], config())
    assert parts.listening.sockets == [bound]
    assert not parts.settings.reuse_port


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "no target"),
        ({**TARGET, "WSPROXY_CERT": "/absent.pem"}, "absent"),
        ({**TARGET, "WSPROXY_DIAL_TIMEOUT": "soon"}, "DIAL_TIMEOUT"),
        ({**TARGET, "WSPROXY_RUN_ONCE": "yes"}, "gunicorn would start again"),
        ({**TARGET, "WSPROXY_TIMEOUT": "60"}, "gunicorn would start again"),
        ({**TARGET, "WSPROXY_IDLE_TIMEOUT": "60"}, "gunicorn would start again"),
    ],
)
def test_what_is_wrong_is_one_line_for_gunicorn(
    bound: socket.socket, environ: dict[str, str], said: str
) -> None:
    with pytest.raises(NotConfigured, match=said) as raised:
        Environment(environ).parts([bound], config())
    assert isinstance(raised.value, AppImportError)
    assert isinstance(raised.value, RuntimeError)


def test_settings_come_from_the_named_file(bound: socket.socket, tmp_path: Path) -> None:
    (tmp_path / "proxy.toml").write_text('target = "echo:"')
    environ = {"WSPROXY_CONFIG": str(tmp_path / "proxy.toml")}
    assert str(Environment(environ).parts([bound], config()).target) == "echo:"


def test_gunicorns_certificate_takes_the_place_of_ours() -> None:
    found = with_certificate(Settings(cert="none"), config(certfile="a.pem", keyfile="a.key"))
    assert (found.cert, found.key) == (
        str(Path("a.pem").absolute()),
        str(Path("a.key").absolute()),
    )
    assert found.cert_given
    assert with_certificate(Settings(cert="none"), config()).cert == "none"


def test_what_would_be_passed_over_is_refused() -> None:
    check_config(config())
    with pytest.raises(NotConfigured, match="ciphers"):
        check_config(config(ciphers="AES"))


def test_what_gunicorn_asks_of_clients_is_asked_by_us() -> None:
    settings = Settings(cafile="/ours.pem")
    assert with_certificate(settings, config()) == settings
    asked = with_certificate(settings, config(cert_reqs=2, ca_certs="/theirs.pem"))
    assert (asked.verify_client, asked.cafile) == (True, "/theirs.pem")
    assert not with_certificate(settings, config(cert_reqs=1)).verify_client


# -- The balancer in front ------------------------------------------------------------------


@pytest.mark.parametrize("said", [None, False, "off"])
def test_nobody_is_a_balancer_unless_gunicorn_is_told(said: object) -> None:
    assert balancers_of(SimpleNamespace(proxy_protocol=said)) is None


@pytest.mark.parametrize(
    ("said", "takes"),
    [("v1", [True, False]), ("v2", [False, True]), ("auto", [True, True]), (True, [True, True])],
)
def test_balancers_speak_the_versions_that_gunicorns_setting_names(
    said: object, takes: list[bool]
) -> None:
    balancers = balancers_of(SimpleNamespace(proxy_protocol=said, proxy_allow_ips=["10.0.0.0/8"]))
    assert balancers is not None
    assert balancers.trusts(Peer("10.0.0.1", 1))
    assert not balancers.trusts(Peer("127.0.0.1", 1))
    assert [does_take(balancers, line) for line in (TEXT_LINE, BINARY_LINE)] == takes


TEXT_LINE = b"PROXY UNKNOWN\r\n"
BINARY_LINE = b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"


def does_take(balancers: Balancers, line: bytes) -> bool:
    try:
        return balancers.read_line(FakeStream(line)) == (ProxyLine(), b"")
    except NotHttp:
        return False


def test_an_address_that_is_none_is_told_in_one_line() -> None:
    with pytest.raises(NotConfigured, match="proxy_allow_ips"):
        balancers_of(SimpleNamespace(proxy_protocol=True, proxy_allow_ips=["balancer"]))


@pytest.mark.parametrize(("timeout", "grace"), [(30, 28), (4, 2), (3, 1.5), (0, 0)])
def test_sessions_have_less_than_the_arbiter_gives(timeout: float, grace: float) -> None:
    assert sessions_grace(timeout) == grace


# -- Logs ------------------------------------------------------------------------------------


def test_our_lines_stand_in_gunicorns_error_log(caplog: pytest.LogCaptureFixture) -> None:
    log = FakeLogger()
    log.error_log.setLevel(logging.INFO)
    logging_to = Environment(TARGET).start_logging(log, config())
    logging.getLogger("wsproxy_gevent.sessions").info("a line\nof two")
    assert logging_to.stop()
    (record,) = [each for each in caplog.records if each.name == log.error_log.name]
    assert (record.levelno, record.getMessage()) == (logging.INFO, "a line\n\tof two")


def test_a_log_file_of_ours_is_preferred(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log, path = FakeLogger(), tmp_path / "log"
    environ = {**TARGET, "WSPROXY_LOG_FILE": str(path)}
    logging_to = Environment(environ).start_logging(log, config())
    logging.getLogger("wsproxy_gevent.sessions").info("a line")
    assert logging_to.stop()
    assert path.read_text().endswith(" INFO a line\n")
    assert not [each for each in caplog.records if each.name == log.error_log.name]


def test_a_misspelt_variable_is_told(caplog: pytest.LogCaptureFixture) -> None:
    environ = {**TARGET, "WSPROXY_ALOW_ORIGIN": "http://a.example"}
    logging_to = Environment(environ).start_logging(FakeLogger(), config())
    assert logging_to.stop()
    assert "WSPROXY_ALLOW_ORIGIN" in caplog.text
