"""All that a start would find wrong, and what holds, with where it is from."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from wsproxy_gevent.check import examine, report, settings_lines
from wsproxy_gevent.config.loading import Loaded, load
from wsproxy_gevent.config.settings import DECLARATIONS, Settings
from wsproxy_gevent.pidfile import PidFile


def checked(*arguments: str) -> tuple[int, str]:
    said: list[str] = []
    status = report(load(["wsproxy-gevent", "check", *arguments], {}, "/base"), said.append)
    return status, "\n".join(said)


def of(**changes: object) -> Settings:
    settings = {"source": "127.0.0.1:0", "target": "echo:", "cert": "none", **changes}
    return Settings(**settings)  # type: ignore[arg-type]


def test_what_would_start_is_told_so() -> None:
    status, said = checked("127.0.0.1:0", "echo:")
    assert (status, said.endswith("\nit would start")) == (0, True)
    assert "error:" not in said


def test_every_fault_is_told_and_not_only_the_first(tmp_path: Path) -> None:
    absent = str(tmp_path / "absent" / "x")
    found = examine(of(user="no-such-user", web=absent, log_file=absent, pid_file=absent))
    assert len(found.faults) == 4
    status, said = checked("127.0.0.1:0", "echo:", "--log-file", absent)
    assert status == 1
    assert said.endswith("it would not start")


@pytest.mark.parametrize(
    "changes",
    [
        {"cert": "/absent.pem"},
        {"record": "/absent/rec"},
        {"allow_origin": ("http://",)},
        {"max_connections": 10**9},
        {"source": "192.0.2.1:6080"},
        {"syslog": "/absent/log"},
        {"pid_file": "/tmp"},
        {"log_file": "/tmp"},
    ],
)
def test_what_a_start_refuses_is_a_fault(changes: dict[str, object]) -> None:
    assert len(examine(of(**changes)).faults) == 1


def test_a_port_that_somebody_holds_is_a_notice() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        found = examine(of(source=f"127.0.0.1:{held.getsockname()[1]}"))
    assert found.faults == []
    assert "the port is taken" in found.notices[0]


def test_a_process_that_runs_is_a_notice(tmp_path: Path) -> None:
    path = str(tmp_path / "p")
    with PidFile(path):
        found = examine(of(pid_file=path))
    assert found.faults == []
    assert f"process {os.getpid()} runs" in found.notices[0]


def test_a_target_that_is_down_is_a_notice() -> None:
    found = examine(of(target="unix:/nowhere.sock"))
    assert found.faults == []
    assert found.notices == [
        "the target unix:/nowhere.sock is down for now: there is no such socket"
    ]


def test_a_check_leaves_nothing_behind(tmp_path: Path) -> None:
    names = {name: str(tmp_path / name) for name in ("pid_file", "log_file", "record")}
    names["unix_listen"] = str(tmp_path / "sock")
    examine(of(**names))
    assert list(tmp_path.iterdir()) == []


def lines(**changes: object) -> dict[str, str]:
    given = Loaded(of(**changes), dict.fromkeys(changes, "somewhere"))
    pairs = (line.split(" = ", 1) for line in settings_lines(given) if " = " in line)
    return {name: rest for name, rest in pairs}  # noqa: C416


def test_every_setting_is_shown() -> None:
    assert set(lines()) == set(DECLARATIONS)


@pytest.mark.parametrize(
    ("changes", "name", "line"),
    [
        ({}, "grace", "25  # default"),
        ({"grace": 7.5}, "grace", "7.5  # somewhere"),
        ({"allow_host": ("a", "b")}, "allow_host", '["a", "b"]  # somewhere'),
        ({"ssl_only": True}, "ssl_only", "true  # somewhere"),
        ({"unix_listen_mode": 0o660}, "unix_listen_mode", '"0660"  # somewhere'),
        ({"key_password": "sesame"}, "key_password", '"***"  # somewhere'),
        ({}, "key_password", "none  # default"),
        ({"profile": "websockify", "web_index": True}, "web_index", "true  # somewhere"),
    ],
)
def test_a_value_is_shown_with_where_it_is_from(
    changes: dict[str, object], name: str, line: str
) -> None:
    assert lines(**changes)[name] == line


def test_a_default_of_the_profile_is_told_as_one() -> None:
    given = Loaded(of(profile="websockify", heartbeat=0.0), {"profile": "--profile"})
    assert "heartbeat = 0  # default of the profile websockify" in settings_lines(given)


def test_what_another_setting_decides_is_told_as_such() -> None:
    given = Loaded(of(pid_file="/run/x/wsproxy-gevent.pid"), {"run_dir": "--run-dir"})
    assert 'pid_file = "/run/x/wsproxy-gevent.pid"  # follows from the others' in settings_lines(
        given
    )


def test_what_each_process_counts_is_told_for_all_of_them() -> None:
    _, said = checked("127.0.0.1:0", "echo:", "--workers", "4", "--max-per-target", "10")
    assert "# max_per_target of all 4 workers: 40" in said
    assert "# max_pending_per_address of all 4 workers: 256" in said
    _, said = checked("127.0.0.1:0", "echo:", "--max-per-target", "10")
    assert "of all" not in said


@pytest.mark.parametrize("form", ["tokens", "plugin", "target_config"])
def test_each_bad_line_of_a_token_file_is_a_fault(tmp_path: Path, form: str) -> None:
    file = tmp_path / "tokens"
    file.write_text("good: localhost:1\nbad\ngood: localhost:2\nworse: nowhere\n")
    settings = {
        "tokens": {"tokens": f"file:{file}"},
        "plugin": {"token_plugin": "TokenFile", "token_source": str(file)},
        "target_config": {"target_config": str(file)},
    }[form]
    faults = examine(of(target=None, **settings)).faults
    assert [fault.partition(": ")[0] for fault in faults] == [
        f"{file}, line {number}" for number in (2, 3, 4)
    ]
    file.write_text("good: localhost:1\n")
    assert examine(of(target=None, **settings)).faults == []
