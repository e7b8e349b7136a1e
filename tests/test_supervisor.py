"""Who is recognised as a supervisor, and who may overrule that."""

from __future__ import annotations

import pytest

from wsproxy_gevent.config.settings import Mode, Settings
from wsproxy_gevent.supervisor import Detach, Stay, decide

OURS = Settings()
LENIENT = Settings(profile="websockify", foreground=True)

# environ, pid, ppid, paths that exist, and what the reason must say; None detaches.
SURROUNDINGS: list[tuple[dict[str, str], int, int, set[str], str | None]] = [
    ({}, 50, 40, set(), None),
    ({}, 50, 1, set(), None),
    ({}, 1, 0, set(), "process 1"),
    ({}, 50, 1, {"/.dockerenv"}, "container"),
    ({}, 50, 1, {"/run/.containerenv"}, "container"),
    ({"container": "lxc"}, 50, 1, set(), "container"),
    ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, 50, 1, set(), "container"),
    ({"container": "lxc"}, 50, 40, {"/.dockerenv"}, None),
    ({}, 50, 1, {"/etc/passwd"}, None),
    ({"SYSTEMD_EXEC_PID": "50"}, 50, 40, set(), "systemd"),
    ({"SYSTEMD_EXEC_PID": "40"}, 50, 40, set(), None),
    ({"NOTIFY_SOCKET": "/run/notify"}, 50, 40, set(), "NOTIFY_SOCKET"),
    ({"SUPERVISOR_ENABLED": "1"}, 50, 40, set(), "supervisord"),
    ({"DYNO": "web.1"}, 50, 40, set(), "dyno"),
    ({"HONCHO_PROCESS_NAME": "web.1"}, 50, 40, set(), "honcho"),
    ({"PS": "web.1", "PORT": "5000"}, 50, 40, set(), "Procfile"),
    ({"PS": "web.1"}, 50, 40, set(), None),
    ({"PORT": "5000"}, 50, 40, set(), None),
    ({"DYNO": ""}, 50, 40, set(), None),
]


@pytest.mark.parametrize(("environ", "pid", "ppid", "paths", "why"), SURROUNDINGS)
def test_the_surroundings_decide_when_nobody_else_does(
    environ: dict[str, str], pid: int, ppid: int, paths: set[str], why: str | None
) -> None:
    decision = decide(OURS, environ, pid, ppid, paths.__contains__)
    if why is None:
        assert decision == Detach()
    else:
        assert isinstance(decision, Stay)
        assert why in decision.why


@pytest.mark.parametrize(("environ", "pid", "ppid", "paths", "why"), SURROUNDINGS)
def test_the_daemon_flag_always_detaches(
    environ: dict[str, str], pid: int, ppid: int, paths: set[str], why: str | None
) -> None:
    settings = Settings(daemon=True, mode=Mode.DEMO)
    assert decide(settings, environ, pid, ppid, paths.__contains__) == Detach()


@pytest.mark.parametrize(
    "settings",
    [Settings(foreground=True), LENIENT, Settings(mode=Mode.DEMO), Settings(mode=Mode.VNC)],
)
def test_who_asked_for_the_foreground_is_not_told_why(settings: Settings) -> None:
    assert decide(settings, {"DYNO": "web.1"}, 50, 40, lambda _: False) == Stay()


def test_who_forgot_the_variable_is_told_of_it() -> None:
    environ = {"WSPROXY_FOREGROUND": "1"}
    decision = decide(Settings(foreground=True), environ, 50, 40, lambda _: False)
    assert decision == Stay("WSPROXY_FOREGROUND says so")


def test_what_inetd_started_stays_where_inetd_sees_it() -> None:
    decision = decide(Settings(inetd=True), {}, 50, 40, lambda _: False)
    assert decision == Stay("inetd started it")


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (Settings(command=("vncserver",)), "it runs a command"),
        (Settings(run_once=True), "--run-once ends with its session"),
    ],
)
def test_what_ends_by_itself_stays_with_who_waits_for_it(settings: Settings, why: str) -> None:
    assert decide(settings, {}, 50, 40, lambda _: False) == Stay(why)
