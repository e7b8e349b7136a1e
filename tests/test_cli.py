"""What the command says and with which status it ends, short of serving."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from wsproxy_gevent import __version__, engine
from wsproxy_gevent.cli import decided, log_places, main
from wsproxy_gevent.config.settings import Settings
from wsproxy_gevent.errors import UsageError
from wsproxy_gevent.reload import HELD
from wsproxy_gevent.supervisor import Detach, Stay

PLACES = ["6080", "localhost:5900"]


class NeverMade:
    """A command that is wrong, or only asks, makes no proxy."""

    start_line = ""

    def __init__(
        self, settings: Settings, reread: Callable[[], Settings], wrapping: object
    ) -> None:
        raise AssertionError(settings)

    def serve(self, ready: Callable[[], None]) -> int:
        raise AssertionError


def run(*arguments: str, environ: dict[str, str] | None = None) -> int:
    return main(["wsproxy-gevent", *arguments], environ or {}, NeverMade)


def test_the_help_is_an_answer(capfd: pytest.CaptureFixture[str]) -> None:
    assert run("-h") == 0
    out, err = capfd.readouterr()
    assert out.startswith("usage: wsproxy-gevent [options] [source_addr:]source_port target\n")
    assert out.endswith("again.\n")
    assert err == ""


def test_the_version_is_an_answer(capfd: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capfd.readouterr() == (f"wsproxy-gevent {__version__} ({engine.NAME} engine)\n", "")


WRONG = [
    [],
    ["6080"],
    [*PLACES, "--no-such"],
    [*PLACES, "--config", "/no/such.toml"],
    [*PLACES, "--"],
    ["6080", "a\nb:1"],
]


@pytest.mark.parametrize("arguments", WRONG)
def test_a_wrong_command_is_one_line_on_stderr_and_status_2(
    arguments: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("wsproxy-gevent: error: ")
    assert err.count("\n") == 1


def test_a_wrong_variable_is_status_2(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(*PLACES, environ={"WSPROXY_GRACE": "long"}) == 2
    assert "WSPROXY_GRACE: 'long' is not a number of seconds" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--user", "no-such-user"], "there is no user 'no-such-user'"),
        (["--key-password-file", "/no/such"], "cannot read the key password from /no/such"),
    ],
)
def test_what_could_not_run_is_status_1(
    flags: list[str], complaint: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(*PLACES, "-f", *flags) == 1
    assert capfd.readouterr().err.startswith(f"wsproxy-gevent: error: {complaint}")


# A process of its own: a mask is a thread's, and the tests' has several by now.
HURRIED = """
import os, signal
from wsproxy_gevent.cli import main
from wsproxy_gevent.reload import HELD, release_signals

class Hurried:
    "Is told to reload before it can."

    start_line = ""

    def __init__(self, settings, reread, wrapping):
        for number in HELD:
            os.kill(os.getpid(), number)

    def serve(self, ready):
        for number in HELD:
            signal.signal(number, lambda got, _: print("taken", got))
        release_signals()
        return 0

print(main(["wsproxy-gevent", "6080", "echo:", "-f"], {}, Hurried))
print(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
"""


def test_signals_that_come_before_it_serves_wait_and_do_not_kill() -> None:
    done = subprocess.run([sys.executable, "-c", HURRIED], capture_output=True, timeout=30)
    taken = [f"taken {number:d}" for number in HELD]
    said = done.stdout.decode().splitlines()
    assert (sorted(said[:2]), said[2:]) == (sorted(taken), ["0", "set()"]), done.stderr


def test_an_interrupt_leaves_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("wsproxy_gevent.cli.load", interrupted)
    assert run(*PLACES) == 130
    assert capfd.readouterr() == ("", "")


def test_a_name_that_is_no_text_is_shown_escaped(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise UsageError("no such file: \udcff.pem")

    monkeypatch.setattr("wsproxy_gevent.cli.load", refuse)
    assert run(*PLACES) == 2
    assert capfd.readouterr().err == "wsproxy-gevent: error: no such file: \\udcff.pem\n"


LOCAL = "/dev/log"

DECIDED: list[tuple[Settings, Stay | Detach, str | None, str | None]] = [
    (Settings(), Stay(), LOCAL, None),
    (Settings(), Detach(), LOCAL, LOCAL),
    (Settings(), Detach(), None, None),
    (Settings(log_file="/x.log"), Detach(), LOCAL, None),
    (Settings(syslog="loghost:514"), Detach(), LOCAL, "loghost:514"),
    (Settings(syslog="loghost:514"), Stay(), LOCAL, "loghost:514"),
]


@pytest.mark.parametrize(("settings", "decision", "local", "syslog"), DECIDED)
def test_a_daemon_without_a_place_for_its_log_takes_the_syslog(
    settings: Settings, decision: Stay | Detach, local: str | None, syslog: str | None
) -> None:
    assert decided(settings, decision, local).syslog == syslog


@pytest.mark.parametrize(
    "settings", [Settings(foreground=True), Settings(daemon=True), Settings()]
)
def test_the_settings_say_what_was_decided(settings: Settings) -> None:
    front = decided(settings, Stay("why"), None)
    behind = decided(settings, Detach(), None)
    assert (front.foreground, front.daemon) == (True, False)
    assert (behind.foreground, behind.daemon) == (False, True)


@pytest.mark.parametrize(
    ("log_file", "syslog", "places"),
    [
        (None, None, ""),
        ("/x.log", None, "/x.log"),
        (None, "/dev/log", "syslog /dev/log"),
        ("/x.log", "h:1", "/x.log and syslog h:1"),
    ],
)
def test_the_places_of_the_log_are_named(
    log_file: str | None, syslog: str | None, places: str
) -> None:
    assert log_places(Settings(log_file=log_file, syslog=syslog)) == places
