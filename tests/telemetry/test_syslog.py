from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from wsproxy_gevent.errors import UsageError
from wsproxy_gevent.telemetry.sinks import Line
from wsproxy_gevent.telemetry.syslog import (
    MESSAGE_BYTES,
    LocalSyslog,
    SyslogSink,
    parse_address,
    priority,
    render_local,
    render_rfc_3164,
    render_rfc_5424,
)

LINE = Line(1795420422.25, logging.INFO, "session opened")  # 2026-11-23T07:53:42.250Z


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def listen(family: int, address: str | tuple[str, int]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_DGRAM)
    listener.settimeout(5)
    listener.bind(address)
    return listener


PRIORITIES = [
    (logging.CRITICAL, 26),
    (logging.ERROR, 27),
    (logging.WARNING, 28),
    (logging.INFO, 30),
    (logging.DEBUG, 31),
    (logging.ERROR + 1, 27),
    (0, 31),
]


@pytest.mark.parametrize(("level", "number"), PRIORITIES)
def test_a_level_has_its_priority_as_a_daemon(level: int, number: int) -> None:
    assert priority(level) == number


def test_the_local_form() -> None:
    text = f"<30>Nov 23 07:53:42 wsproxy-gevent[{os.getpid()}]: session opened"
    assert render_local(LINE, "wsproxy-gevent") == text.encode()


def test_the_local_form_pads_the_day() -> None:
    line = Line(LINE.created - 20 * 86400, logging.INFO, "x")
    assert render_local(line, "x").startswith(b"<30>Nov  3 07:53:42 ")


def test_the_form_of_rfc_5424() -> None:
    head = f"<30>1 2026-11-23T07:53:42.250Z {os.uname().nodename} websockify {os.getpid()} - - "
    assert render_rfc_5424(LINE, "websockify") == head.encode() + b"session opened"


def test_the_form_of_rfc_3164() -> None:
    host = os.uname().nodename.partition(".")[0]
    head = f"<30>Nov 23 07:53:42 {host} websockify[{os.getpid()}]: "
    assert render_rfc_3164(LINE, "websockify") == head.encode() + b"session opened"


def test_an_old_server_gets_its_old_form() -> None:
    with listen(socket.AF_INET, ("127.0.0.1", 0)) as syslog:
        address = parse_address(f"127.0.0.1:{syslog.getsockname()[1]}", legacy=True)
        sink = SyslogSink(address, "ident")
        sink.write(LINE)
        assert syslog.recv(9000) == render_rfc_3164(LINE, "ident")
        sink.close()


def test_a_line_goes_to_the_local_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "log")
    with listen(socket.AF_UNIX, path) as syslog:
        sink = SyslogSink(parse_address(path), "ident")
        sink.write(LINE)
        assert syslog.recv(9000) == render_local(LINE, "ident")
        sink.close()


@pytest.mark.parametrize(
    ("family", "host", "form"),
    [(socket.AF_INET, "127.0.0.1", "127.0.0.1:{}"), (socket.AF_INET6, "::1", "[::1]:{}")],
)
def test_a_line_goes_to_a_server(family: int, host: str, form: str) -> None:
    with listen(family, (host, 0)) as syslog:
        sink = SyslogSink(parse_address(form.format(syslog.getsockname()[1])), "ident")
        sink.write(LINE)
        assert syslog.recv(9000) == render_rfc_5424(LINE, "ident")
        sink.close()


def test_a_syslog_that_was_restarted_gets_the_next_line(tmp_path: Path) -> None:
    path = str(tmp_path / "log")
    with listen(socket.AF_UNIX, path):
        sink = SyslogSink(LocalSyslog(path), "ident")
    os.unlink(path)
    with listen(socket.AF_UNIX, path) as syslog:
        sink.write(LINE)
        assert syslog.recv(9000) == render_local(LINE, "ident")
    with pytest.raises(OSError, match="refused"):
        sink.write(LINE)
    sink.close()


def test_a_long_message_is_cut(tmp_path: Path) -> None:
    path = str(tmp_path / "log")
    with listen(socket.AF_UNIX, path) as syslog:
        sink = SyslogSink(LocalSyslog(path), "ident")
        sink.write(Line(LINE.created, logging.INFO, "x" * 10_000_000))
        assert len(syslog.recv(1 << 20)) == MESSAGE_BYTES
        sink.close()


WRONG = [
    "",
    "localhost",
    ":514",
    "localhost:",
    "localhost:0",
    "localhost:65536",
    "::1:514",
    "[]:1",
]


@pytest.mark.parametrize("text", [*WRONG, "localhost:syslog", "localhost:\u0665"])
def test_what_is_no_address_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match=r"such as /dev/log, or host:port"):
        parse_address(text)
