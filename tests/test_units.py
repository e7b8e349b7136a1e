"""The units of systemd say what the command understands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from wsproxy_gevent.config.loading import load
from wsproxy_gevent.config.settings import Settings

CONF = Path(__file__).resolve().parent.parent / "conf"


def values(unit: str, key: str) -> list[str]:
    text = (CONF / unit).read_text()
    return re.findall(rf"^{key}=(.*)$", text, flags=re.MULTILINE)


def test_the_command_is_one_of_ours() -> None:
    (line,) = values("wsproxy-gevent.service", "ExecStart")
    command = shlex.split(line.replace("/etc/wsproxy.toml", str(CONF / "wsproxy.toml")))
    for sockets_given in (0, 1):
        found = load(command, {}, "/", sockets_given=sockets_given)
        assert found.settings.target == "localhost:5900"


def test_a_reload_is_a_hangup() -> None:
    assert values("wsproxy-gevent.service", "ExecReload") == ["/bin/kill -HUP $MAINPID"]


def test_it_is_given_more_than_its_grace() -> None:
    (seconds,) = values("wsproxy-gevent.service", "TimeoutStopSec")
    assert int(seconds) > Settings().grace + 5


def test_sockets_are_passed_to_one_process_for_all() -> None:
    assert values("wsproxy-gevent.socket", "Accept") == []
    assert values("wsproxy-gevent.socket", "ListenStream") == ["6080"]
