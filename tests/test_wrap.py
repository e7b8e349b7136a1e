"""Where a wrapped command listens, and how it is told."""

from __future__ import annotations

import os
import re
import sys
from typing import Any

import pytest

from wsproxy_gevent import wrap
from wsproxy_gevent.config.settings import Settings
from wsproxy_gevent.errors import StartError, UsageError
from wsproxy_gevent.wrap import Caller, Wrapping, find_library, plan

ENVIRON = {"PATH": "/usr/bin:/bin", "HOME": "/home/me", "NOTIFY_SOCKET": "/run/x"}
CALLER = Caller(ENVIRON, "/base", 0o027)


@pytest.fixture(autouse=True)
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(wrap, "free_port", lambda: 12345)
    return 12345


def planned(*command: str, environ: dict[str, str] | None = None, **settings: Any) -> Wrapping:
    made = Settings(source="127.0.0.1:6080", command=command, **settings)
    return plan(made, Caller({**ENVIRON, **(environ or {})}, "/base", 0o027))


def test_a_port_is_named_in_the_arguments_and_the_environment() -> None:
    wrapping = planned("sh", "-p", "{port}", "a{port}b{x}")
    assert wrapping.argv == ("/usr/bin/sh", "-p", "12345", "a12345b{x}")
    assert wrapping.environ == {"PATH": "/usr/bin:/bin", "HOME": "/home/me", "PORT": "12345"}
    assert wrapping.target == "localhost:12345"
    assert (wrapping.directory, wrapping.umask) == ("/base", 0o027)


def test_who_is_told_no_port_is_moved_from_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrap, "find_library", lambda: "/lib/rebind.so")
    wrapping = planned("sh")
    assert wrapping.environ["LD_PRELOAD"] == "/lib/rebind.so"
    assert wrapping.environ["WSPROXY_REBIND"] == "6080:12345"
    assert wrapping.environ["PORT"] == "12345"
    other = planned("sh", environ={"LD_PRELOAD": "/lib/theirs.so"})
    assert other.environ["LD_PRELOAD"] == "/lib/rebind.so:/lib/theirs.so"


def test_without_the_preload_there_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrap, "find_library", lambda: None)
    wrapping = planned("sh")
    assert "LD_PRELOAD" not in wrapping.environ
    assert "the preload was not compiled: sh must listen on the port" in wrapping.warning
    assert planned("sh", "{port}").warning == ""


def test_a_socket_is_in_a_directory_of_its_own() -> None:
    wrapping = planned("sh", "--listen", "{socket}")
    assert re.fullmatch(r"/.*/wsproxy-[0-9a-f]+", str(wrapping.private))
    path = f"{wrapping.private}/command.sock"
    assert wrapping.argv == ("/usr/bin/sh", "--listen", path)
    assert wrapping.target == f"unix:{path}"
    assert "PORT" not in wrapping.environ


def test_the_unix_target_is_the_commands_socket() -> None:
    wrapping = planned("sh", "{socket}", unix_target="/run/x.sock", target="unix:/run/x.sock")
    assert wrapping.argv[1] == "/run/x.sock"
    assert (wrapping.target, wrapping.private) == ("unix:/run/x.sock", None)
    assert planned("sh", unix_target="/run/x.sock").target == "unix:/run/x.sock"


def test_a_target_argument_is_where_the_command_listens() -> None:
    wrapping = planned("sh", "-rfbport", "{port}", target="localhost:5901")
    assert wrapping.argv == ("/usr/bin/sh", "-rfbport", "5901")
    assert (wrapping.target, wrapping.environ["PORT"]) == ("localhost:5901", "5901")
    assert "LD_PRELOAD" not in planned("sh", target="localhost:5901").environ


@pytest.mark.parametrize(
    ("command", "settings"),
    [
        (("sh", "{port}", "{socket}"), {}),
        (("sh", "{port}"), {"unix_target": "/x.sock"}),
        (("sh", "{port}"), {"target": "echo:"}),
    ],
)
def test_a_port_and_a_socket_contradict_each_other(
    command: tuple[str, ...], settings: dict[str, Any]
) -> None:
    with pytest.raises(UsageError, match=r"the command has \{port\}"):
        planned(*command, **settings)


@pytest.mark.parametrize("name", ["no-such-command", "./no-such", "/etc/passwd"])
def test_what_cannot_be_started_is_told(name: str) -> None:
    with pytest.raises(StartError, match=f"there is no command '{name}' to start"):
        planned(name)


def test_a_command_is_found_from_the_callers_directory() -> None:
    directory, name = os.path.split(os.path.realpath(sys.executable))
    settings = Settings(source="1", command=(f"./{name}", "{port}"))
    found = plan(settings, Caller(ENVIRON, directory, 0)).argv[0]
    assert os.path.samefile(found, sys.executable)


def test_the_settings_forward_to_it_and_wait_while_it_starts() -> None:
    wrapping = planned("sh", "{port}")
    applied = wrapping.applied(Settings())
    assert (applied.target, applied.dial_wait) == ("localhost:12345", 10)
    assert wrapping.applied(Settings(dial_wait=60)).dial_wait == 60


def test_the_umask_is_looked_at_and_left() -> None:
    before = os.umask(0o031)
    try:
        assert Caller.now({}, "/").umask == 0o031
        assert os.umask(0o031) == 0o031
    finally:
        os.umask(before)


def test_the_library_is_that_of_the_package() -> None:
    library = find_library()
    assert library is None or re.search(r"/_rebind\..*\.so$", library)
