"""To the background: real forks, watched from outside through pipes and sockets."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from wsproxy_gevent.pidfile import PidFile
from wsproxy_gevent.telemetry.destinations import NO_DESTINATION, default_destination

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not os.path.exists("/proc/self/comm"), reason="looks into Linux's /proc"),
]

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = Path(__file__).with_name("fake_command.py")
SECONDS = 20.0
PLACES = ("6080", "localhost:5900")

# The shell is the parent, so that a test which is itself process 1's child is not recognised.
IN_A_SHELL = ("sh", "-c", '"$@"; exit $?', "sh")
WITHOUT_STREAMS = ("sh", "-c", '"$@" <&- >&- 2>&-; exit $?', "sh")


@dataclass
class Started:
    """A fake proxy that serves, as it described itself, until told to stop."""

    facts: dict[str, object]
    connection: socket.socket

    @property
    def pid(self) -> int:
        pid = self.facts["pid"]
        assert isinstance(pid, int)
        return pid

    def stop(self) -> None:
        """Send SIGTERM and wait for the end of the process."""
        os.kill(self.pid, signal.SIGTERM)
        assert self.connection.recv(1) == b""


class Stage:
    """Where fake commands are run, and report what they became."""

    def __init__(self, directory: Path, held: ExitStack) -> None:
        self.directory = directory
        self._held = held
        self._reports = held.enter_context(socket.create_server(("127.0.0.1", 0)))
        self._reports.settimeout(SECONDS)

    def environ(self, behaviour: str, **more: str) -> dict[str, str]:
        port = self._reports.getsockname()[1]
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "FAKE_PROXY": behaviour,
            "FAKE_REPORT": str(port),
            **more,
        }

    def command(self, *arguments: str, script: Path = SCRIPT) -> list[str]:
        return [*IN_A_SHELL, sys.executable, str(script), *PLACES, *arguments]

    def run(
        self, *arguments: str, behaviour: str = "serves", **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, and until its streams are let go of."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environ(behaviour, **more),
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    def start(
        self, *arguments: str, script: Path = SCRIPT, **more: str
    ) -> tuple[subprocess.Popen[str], Started]:
        """Start a command that stays in front, and wait until it serves."""
        process = subprocess.Popen(
            self.command(*arguments, script=script),
            env=self.environ("serves", **more),
            cwd=self.directory,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._held.enter_context(process)
        return process, self.serving()

    def serving(self) -> Started:
        """The fake that reports next; it is ended with the test."""
        connection, _ = self._reports.accept()
        self._held.enter_context(connection)
        connection.settimeout(SECONDS)
        line = connection.makefile("rb").readline()
        started = Started(json.loads(line), connection)
        self._held.callback(end, started.pid, connection)
        return started

    def ended_without_serving(self) -> bool:
        connection, _ = self._reports.accept()
        with connection:
            connection.settimeout(SECONDS)
            return connection.recv(1) == b""


def end(pid: int, connection: socket.socket) -> None:
    """Kill, unless the end of its connection says that it has gone."""
    connection.setblocking(False)
    try:
        gone = connection.recv(1) == b""
    except BlockingIOError:
        gone = False
    if not gone:
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as held:
        yield Stage(tmp_path, held)


# -- Detaching ----------------------------------------------------------------------


def test_the_parent_says_where_it_serves_and_how_to_stop_it(stage: Stage) -> None:
    done = stage.run("--log-file", "x.log")
    daemon = stage.serving()
    assert done.returncode == 0
    assert done.stdout == (
        "from here to there\n"
        f"process {daemon.pid}, log: {stage.directory}/x.log; stop it with: kill {daemon.pid}\n"
    )


def test_the_daemon_is_on_its_own(stage: Stage) -> None:
    # That the run ended shows already that nobody holds its output open.
    stage.run()
    facts = stage.serving().facts
    assert facts["session"] not in (facts["pid"], os.getsid(0))
    assert facts["directory"] == "/"
    assert facts["umask"] == 0o077
    assert facts["is_null"] == [True, True, True]
    assert (facts["foreground"], facts["daemon"]) == (False, True)


def test_paths_were_made_absolute_before(stage: Stage) -> None:
    stage.run()
    assert stage.serving().facts["cert"] == f"{stage.directory}/self.pem"


def test_nothing_that_the_caller_had_open_stays_open(stage: Stage) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe:
        done = subprocess.run(
            stage.command(),
            env=stage.environ("serves"),
            pass_fds=[writing],
            capture_output=True,
            timeout=SECONDS,
        )
        os.close(writing)
        stage.serving()
        assert (done.returncode, pipe.read()) == (0, b"")


def test_it_starts_with_its_streams_closed(stage: Stage) -> None:
    command = [*WITHOUT_STREAMS, *stage.command()[len(IN_A_SHELL) :]]
    done = subprocess.run(
        command, env=stage.environ("serves"), cwd=stage.directory, timeout=SECONDS
    )
    facts = stage.serving().facts
    assert done.returncode == 0
    assert facts["is_null"] == [True, True, True]
    assert isinstance(facts["lowest_socket"], int)
    assert facts["lowest_socket"] > 2


def test_without_a_place_for_the_log_there_is_a_warning(stage: Stage) -> None:
    done = stage.run()
    stage.serving()
    if place := default_destination():
        assert f"log: syslog {place}; " in done.stdout
    else:
        assert "log: nowhere; " in done.stdout
        assert f"wsproxy-gevent: warning: {NO_DESTINATION}\n" in done.stderr


# -- What goes wrong ----------------------------------------------------------------


def errors(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The error lines; a warning about root or the log may stand before them."""
    return [line for line in done.stderr.splitlines() if " warning: " not in line]


@pytest.mark.parametrize("flags", [(), ("-f",), ("-D",)])
@pytest.mark.parametrize(
    ("behaviour", "complaint"),
    [("cannot be made", "the port is taken"), ("cannot serve", "no log can be written")],
)
def test_what_is_found_wrong_is_told_in_one_line(
    stage: Stage, flags: tuple[str, ...], behaviour: str, complaint: str
) -> None:
    done = stage.run(*flags, behaviour=behaviour)
    assert stage.ended_without_serving()
    assert (done.returncode, done.stdout) == (1, "")
    assert errors(done) == [f"wsproxy-gevent: error: {complaint}"]


def test_a_daemon_that_dies_before_it_serves_is_an_error(stage: Stage) -> None:
    done = stage.run(behaviour="dies")
    assert done.returncode == 1
    assert errors(done) == [
        "wsproxy-gevent: error: the background process died before it served; -f shows why"
    ]


# -- The pid file -------------------------------------------------------------------


@pytest.mark.parametrize("flags", [(), ("-D",)])
def test_the_pid_file_names_the_daemon_and_goes_with_it(
    stage: Stage, flags: tuple[str, ...]
) -> None:
    path = stage.directory / "wsproxy.pid"
    stage.run(*flags, "--pid-file", "wsproxy.pid")
    daemon = stage.serving()
    assert path.read_text() == f"{daemon.pid}\n"
    daemon.stop()
    assert not path.exists()


def test_a_second_daemon_is_told_of_the_first(stage: Stage) -> None:
    with PidFile(str(stage.directory / "wsproxy.pid")):
        done = stage.run("--pid-file", "wsproxy.pid")
    assert done.returncode == 1
    assert f"already running as process {os.getpid()}" in errors(done)[0]


# -- The foreground -----------------------------------------------------------------


def test_in_front_it_stays_where_it_is_and_gives_its_status(stage: Stage) -> None:
    process, started = stage.start("-f", "--pid-file", "wsproxy.pid")
    assert started.facts["session"] == os.getsid(0)
    assert started.facts["directory"] == str(stage.directory)
    assert started.facts["umask"] == 0o077
    assert started.facts["foreground"] is True
    started.stop()
    assert process.wait(SECONDS) == 7
    assert not (stage.directory / "wsproxy.pid").exists()


def test_it_says_what_holds_it_in_front(stage: Stage) -> None:
    process, started = stage.start(SUPERVISOR_ENABLED="1")
    started.stop()
    assert process.stderr
    assert "stays in the foreground: supervisord started it" in process.stderr.read()
    assert process.wait(SECONDS) == 7


def test_the_daemon_flag_wins_over_a_supervisor(stage: Stage) -> None:
    assert stage.run("-D", SUPERVISOR_ENABLED="1").returncode == 0
    assert stage.serving().facts["daemon"] is True


def test_a_symlink_called_websockify_stays_in_front_and_bears_the_name(stage: Stage) -> None:
    link = stage.directory / "websockify"
    link.symlink_to(SCRIPT)
    process, started = stage.start(script=link)
    assert started.facts["name"] == "websockify"
    assert started.facts["foreground"] is True
    started.stop()
    assert process.wait(SECONDS) == 7


def test_the_name_is_cut_to_what_the_kernel_keeps(stage: Stage) -> None:
    link = stage.directory / "a-name-of-twenty-one"
    link.symlink_to(SCRIPT)
    _, started = stage.start("-f", script=link)
    assert started.facts["name"] == "a-name-of-twent"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give anything up")
def test_the_pid_file_and_the_log_are_made_before_the_user_changes(stage: Stage) -> None:
    stage.directory.chmod(0o755)
    done = stage.run("--user", "nobody", "--pid-file", "wsproxy.pid", "--log-file", "x.log")
    daemon = stage.serving()
    assert done.returncode == 0
    assert "running as root" not in done.stderr
    assert "--pid-file will be left behind" in done.stderr
    assert daemon.facts["user"] != 0
    assert (stage.directory / "wsproxy.pid").stat().st_uid == 0
    assert (stage.directory / "x.log").stat().st_uid == daemon.facts["user"]
    daemon.stop()
    assert (stage.directory / "wsproxy.pid").read_text() == ""
