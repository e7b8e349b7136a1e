"""File, environment and flags together, and what the profile adds."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsproxy_gevent.config.loading import Loaded, load
from wsproxy_gevent.config.settings import Mode, Settings
from wsproxy_gevent.config.words import Task
from wsproxy_gevent.errors import StartError, UsageError

PROXY = "6080 localhost:5900"


def loaded(
    line: str, environ: dict[str, str] | None = None, name: str = "wsproxy-gevent"
) -> Loaded:
    return load([name, *line.split()], environ or {}, "/base")


def settings(line: str, environ: dict[str, str] | None = None) -> Settings:
    return loaded(line, environ).settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "wsproxy.toml"


def test_the_plain_command_has_the_defaults() -> None:
    assert settings(PROXY) == Settings(
        source="6080", target="localhost:5900", cert="/base/self.pem"
    )


def test_flags_win_over_variables_and_variables_over_the_file(file: Path) -> None:
    file.write_text('grace = 1\ndial_wait = 1\nheartbeat = 1\nallow_host = ["file.org"]')
    environ = {"WSPROXY_DIAL_WAIT": "2", "WSPROXY_HEARTBEAT": "2", "WSPROXY_CONFIG": str(file)}
    found = loaded(f"{PROXY} --heartbeat 3 --allow-host flag.org", environ)
    assert found.settings.grace == 1
    assert found.settings.dial_wait == 2
    assert found.settings.heartbeat == 3
    assert found.settings.allow_host == ("flag.org",)
    assert found.origins["grace"] == f"{file}: grace"
    assert found.origins["dial_wait"] == "WSPROXY_DIAL_WAIT"
    assert found.origins["heartbeat"] == "--heartbeat"
    assert found.origins["target"] == "the target argument"


def test_the_file_of_the_flag_wins_over_that_of_the_variable(file: Path) -> None:
    file.write_text("grace = 1")
    assert settings(f"{PROXY} --config {file}", {"WSPROXY_CONFIG": "/no/such"}).grace == 1


def test_the_last_of_a_repeated_flag_counts_unless_it_is_a_list() -> None:
    found = settings(f"{PROXY} --grace 1 --grace 2 --allow-host a --allow-host b,c")
    assert (found.grace, found.allow_host) == (2, ("a", "b", "c"))


def test_a_file_can_hold_it_all(file: Path) -> None:
    file.write_text('source = 7000\ntarget = "echo:"\n')
    found = settings(f"--config {file}")
    assert (found.source, found.target, found.source_named) == ("7000", "echo:", True)


def test_arguments_win_over_variables() -> None:
    environ = {"WSPROXY_SOURCE": "1", "WSPROXY_TARGET": "x:1"}
    assert settings("2", environ).source == "2"
    assert settings("2", environ).target == "x:1"


def test_a_switch_of_the_file_is_turned_off_by_its_negation(file: Path) -> None:
    file.write_text("ssl_only = true")
    assert settings(f"{PROXY} --config {file} --no-ssl-only").ssl_only is False


@pytest.mark.parametrize(
    ("line", "environ"),
    [
        ("6080 --unix-target x.sock", {}),
        ("--unix-target=/base/x.sock 6080", {"WSPROXY_TARGET": "a:1"}),
        ("6080", {"WSPROXY_UNIX_TARGET": "x.sock"}),
    ],
)
def test_a_unix_target_is_the_target(line: str, environ: dict[str, str]) -> None:
    assert settings(line, environ).target == "unix:/base/x.sock"


def test_a_target_argument_wins_over_a_variable_for_the_other() -> None:
    assert settings(PROXY, {"WSPROXY_UNIX_TARGET": "x.sock"}).target == "localhost:5900"


# -- Foreground and background ------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "environ", "foreground", "daemon"),
    [
        ("", {}, False, False),
        ("-f", {}, True, False),
        ("-D", {}, False, True),
        ("-D", {"WSPROXY_FOREGROUND": "1"}, False, True),
        ("-f", {"WSPROXY_DAEMON": "1"}, True, False),
        ("--no-daemon", {"WSPROXY_FOREGROUND": "1"}, True, False),
        ("--profile websockify", {}, True, False),
        ("--profile websockify -D", {}, False, True),
    ],
)
def test_the_higher_place_decides_where_to_run(
    flags: str, environ: dict[str, str], foreground: bool, daemon: bool
) -> None:
    found = settings(f"{PROXY} {flags}", environ)
    assert (found.foreground, found.daemon) == (foreground, daemon)


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        ("-f -D", "--foreground and --daemon contradict each other"),
        ("--key-password x --key-password-file y", "--key-password and --key-password-file"),
    ],
)
def test_one_place_must_not_contradict_itself(flags: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        settings(f"{PROXY} {flags}")


# -- The profile --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "flags", "lenient"),
    [
        ("wsproxy-gevent", "", False),
        ("/usr/bin/websockify", "", True),
        ("wsproxy-gevent", "--profile websockify", True),
        ("websockify", "--profile default", False),
    ],
)
def test_the_flag_wins_over_the_name(name: str, flags: str, lenient: bool) -> None:
    found = loaded(f"{PROXY} {flags}", name=name).settings
    assert found.lenient is lenient
    assert found.listing is lenient
    assert found.heartbeat == (0 if lenient else 30)
    assert found.foreground is lenient


def test_the_profile_only_changes_defaults() -> None:
    found = loaded(f"{PROXY} --heartbeat 5 --file-only", name="websockify").settings
    assert (found.heartbeat, found.listing) == (5, False)


# -- Words --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "mode", "source", "named", "target"),
    [
        ("demo", Mode.DEMO, "127.0.0.1:6080", False, "echo:"),
        ("demo --source 7000", Mode.DEMO, "7000", True, "echo:"),
        ("vnc", Mode.VNC, "127.0.0.1:6080", False, "localhost:5900"),
        ("vnc :1", Mode.VNC, "127.0.0.1:6080", False, "localhost:5901"),
        ("--verbose vnc host", Mode.VNC, "127.0.0.1:6080", False, "host:5900"),
        ("vnc --target host:7", Mode.VNC, "127.0.0.1:6080", False, "host:7"),
    ],
)
def test_a_word_fills_in_what_nobody_named(
    line: str, mode: Mode, source: str, named: bool, target: str
) -> None:
    found = settings(line)
    assert (found.mode, found.source, found.source_named) == (mode, source, named)
    assert found.target == target


def test_the_demo_keeps_its_target_whatever_the_environment_says() -> None:
    assert settings("demo", {"WSPROXY_TARGET": "x:1"}).target == "echo:"


def test_the_demo_takes_no_target_flag() -> None:
    with pytest.raises(UsageError, match="demo has a target of its own"):
        settings("demo --target x:1")


@pytest.mark.parametrize("asked", ["help", "version"])
def test_a_question_needs_nothing_else(asked: str) -> None:
    assert loaded(f"--{asked}").asked == asked


# -- What is wrong ------------------------------------------------------------------

WRONG = {
    "": "no source is named; usage: .* for example: wsproxy-gevent 6080 localhost:5900",
    "6080": "no target is named; usage: ",
    "6080 x": "the target argument: ",
    "70000 x:1": "the source argument: .*65535",
    "vnc http://x": "the target argument: .*URL",
    f"{PROXY} --unix-target x": "'localhost:5900' is one argument too many",
    "6080 --unix-target x --target a:1": "--target and --unix-target contradict each other",
    f"6080 --unix-target {'x' * 120}": "--unix-target: target .* the path is longer",
    f"{PROXY} --source 1": "'localhost:5900' is one argument too many",
    f"{PROXY} --heartbeat x": "--heartbeat: 'x' is not a number of seconds, such as 30",
    f"{PROXY} --origin-check no": "--origin-check: 'no' is not one of same-host",
    f"{PROXY} --profile x": "--profile: 'x' is not one of default, websockify",
    f"{PROXY} --ssl-only --cert none": "--ssl-only needs a certificate",
    f"{PROXY} --dead-after 20": "--dead-after: 20 s must be longer than the heartbeat, 30 s",
    f"{PROXY} --config /no/such": "cannot read the settings in /no/such: No such file",
}


@pytest.mark.parametrize(("line", "complaint"), WRONG.items())
def test_a_wrong_command_is_told_where_and_what_would_be_right(line: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        settings(line)


@pytest.mark.parametrize(
    ("flags", "dead_after"), [("", 180), ("--heartbeat 300", 900), ("--dead-after 50", 50)]
)
def test_a_client_is_not_dead_between_two_pings(flags: str, dead_after: float) -> None:
    assert settings(f"{PROXY} {flags}").dead_after == dead_after


# -- Certificate and password -------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "cert", "named"),
    [
        ("", "/base/self.pem", False),
        ("--cert self.pem", "/base/self.pem", True),
        ("--cert auto", "auto", True),
        ("--cert=none", "none", True),
    ],
)
def test_the_default_certificate_is_absolute_but_not_named(
    flags: str, cert: str, named: bool
) -> None:
    found = settings(f"{PROXY} {flags}")
    assert (found.cert, found.cert_named) == (cert, named)


def test_the_password_comes_from_the_first_line_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("open sesame\nsecond line\n")
    assert settings(f"{PROXY} --key-password-file {path}").key_password == "open sesame"


def test_a_password_file_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="cannot read the key password from "):
        settings(f"{PROXY} --key-password-file {tmp_path}/none")


# -- Warnings -----------------------------------------------------------------------


def test_a_password_among_the_arguments_is_a_warning() -> None:
    assert "--key-password-file" in loaded(f"{PROXY} --key-password x").warnings[0]
    assert loaded(PROXY, {"WSPROXY_KEY_PASSWORD": "x"}).warnings == ()


def test_a_file_that_anyone_may_write_is_a_warning(file: Path) -> None:
    file.write_text("grace = 1")
    file.chmod(0o646)
    assert f"chmod o-w {file}" in loaded(f"{PROXY} --config {file}").warnings[0]
    file.chmod(0o664)
    assert loaded(f"{PROXY} --config {file}").warnings == ()


def test_a_misspelt_variable_is_a_warning() -> None:
    assert "WSPROXY_HEARTBEAT?" in loaded(PROXY, {"WSPROXY_HEARBEAT": "1"}).warnings[0]


# -- Listening elsewhere than at a source --------------------------------------------------


@pytest.mark.parametrize(
    ("line", "environ"),
    [
        ("--unix-listen /run/x.sock localhost:5900", {}),
        ("localhost:5900", {"WSPROXY_UNIX_LISTEN": "/run/x.sock"}),
        ("--unix-listen /run/x.sock localhost:5900", {"WSPROXY_SOURCE": "6080"}),
    ],
)
def test_with_a_unix_socket_the_first_argument_is_the_target(
    line: str, environ: dict[str, str]
) -> None:
    found = settings(line, environ)
    assert (found.source, found.target) == (None, "localhost:5900")
    assert found.unix_listen == "/run/x.sock"


def test_under_inetd_the_first_argument_is_the_target() -> None:
    assert settings("--inetd localhost:5900").target == "localhost:5900"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (f"{PROXY} --admin 127.0.0.1:6081", "needs an --admin-token"),
        ("--inetd localhost:5900 --admin unix:x", "leave out --admin"),
    ],
)
def test_an_admin_listener_wants_a_token_and_a_process_that_lasts(
    line: str, complaint: str
) -> None:
    with pytest.raises(UsageError, match=complaint):
        settings(line)


def test_an_admin_listener_at_a_file_needs_no_token() -> None:
    assert settings(f"{PROXY} --admin unix:x").admin == "unix:/base/x"
    assert settings(f"{PROXY} --admin [::1]:1 --admin-token env:T").admin_token == "env:T"


def test_a_word_needs_no_source_either() -> None:
    assert settings("demo --unix-listen x").source is None


@pytest.mark.parametrize(
    "line",
    [f"--inetd {PROXY}", f"{PROXY} --unix-listen x", "--inetd --unix-listen x localhost:5900"],
)
def test_two_places_to_listen_contradict_each_other(line: str) -> None:
    with pytest.raises(UsageError, match="contradict each other"):
        settings(line)


@pytest.mark.parametrize(("line", "source"), [("localhost:5900", None), (PROXY, "6080")])
def test_with_sockets_that_were_passed_a_source_may_stand_there(
    line: str, source: str | None
) -> None:
    found = load(["wsproxy-gevent", *line.split()], {}, "/base", sockets_given=2).settings
    assert (found.source, found.target, found.sockets_given) == (source, "localhost:5900", 2)


def test_the_mode_of_a_unix_socket_is_octal() -> None:
    assert settings("--unix-listen x --unix-listen-mode 660 l:1").unix_listen_mode == 0o660


# -- Words about a process that runs --------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "pid_file"),
    [
        ("stop --pid-file p", "/base/p"),
        ("stop --run-dir run", "/base/run/wsproxy-gevent.pid"),
        ("stop --run-dir run --pid-file p", "/base/p"),
    ],
)
def test_the_process_is_known_by_its_pid_file(line: str, pid_file: str) -> None:
    found = loaded(line)
    assert (found.task, found.settings.pid_file) == (Task.STOP, pid_file)


def test_the_pid_file_may_stand_in_the_settings_of_the_process(file: Path) -> None:
    file.write_text('source = "6080"\npid_file = "p"\ngrace = 3')
    found = loaded(f"status --config {file}").settings
    assert (found.pid_file, found.grace) == (str(file.parent / "p"), 3)


@pytest.mark.parametrize("line", ["status", "reload", "stop", "stop 6080 --pid-file p"])
def test_a_word_about_no_process_is_wrong(line: str) -> None:
    with pytest.raises(UsageError, match="--pid-file"):
        loaded(line)


@pytest.mark.parametrize("line", [f"check {PROXY}", f"-t {PROXY}", f"{PROXY} --check"])
def test_a_check_has_the_settings_that_a_start_would_have(line: str) -> None:
    found = loaded(line)
    assert found.task is Task.CHECK
    assert found.settings == settings(PROXY)
