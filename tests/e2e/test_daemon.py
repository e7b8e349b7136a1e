"""The process itself: in the background or in front, its pid file, its exit, its name."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from .programs import LOOK_AGAIN, Program, Programs, free_port, is_listening, wait_until_gone
from .proxy import COMMAND, SCRIPT, clean_environment, start_proxy
from .targets import echo, tcp_target
from .wire import SECONDS, Wire, masked_frame

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with tcp_target(echo) as port:
        yield f"127.0.0.1:{port}"


@dataclass
class Launcher:
    """Starts the command the way a shell would, and ends what it left running."""

    programs: Programs
    directory: Path
    pids: list[int] = field(default_factory=list)

    @property
    def pid_file(self) -> Path:
        return self.directory / "proxy.pid"

    def run(self, *arguments: str | Path, command: Sequence[str | Path] = COMMAND) -> Program:
        return self.programs.start(
            *command,
            *arguments,
            name="wsproxy-gevent",
            env=clean_environment(),
            cwd=self.directory,
        )

    def detach(self, *arguments: str | Path, command: Sequence[str | Path] = COMMAND) -> Program:
        """Start with our pid file; the process that was started has ended well."""
        started = self.run(*arguments, "--pid-file", self.pid_file, command=command)
        try:
            status = started.exit_status()
        finally:
            if self.pid_file.exists():
                self.pids.append(self.pid)
        assert status == 0, started.output
        return started

    @property
    def pid(self) -> int:
        return int(self.pid_file.read_text())

    def end(self) -> None:
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                wait_until_gone(pid)


@pytest.fixture
def launcher(programs: Programs, tmp_path: Path) -> Iterator[Launcher]:
    mine = Launcher(programs, tmp_path)
    yield mine
    mine.end()


def check_serves(port: int) -> None:
    with Wire.open(port) as wire:
        wire.upgrade(f"127.0.0.1:{port}")
        wire.send(masked_frame(b"are you there"))
        assert wire.read_payload(13) == b"are you there"


def wait_until_logged(log: Path, said: str) -> None:
    end = time.monotonic() + SECONDS
    while not (log.exists() and said in log.read_text()):
        assert time.monotonic() < end, f"not logged: {said}"
        time.sleep(LOOK_AGAIN)


def check_stops(launcher: Launcher, port: int) -> None:
    """SIGTERM ends it, and its pid file and its port with it."""
    pid = launcher.pid
    os.kill(pid, signal.SIGTERM)
    wait_until_gone(pid)
    assert not launcher.pid_file.exists()
    assert not is_listening(port)


@pytest.mark.row("foreground or background")
@pytest.mark.parametrize("options", [(), ("-D",)], ids=["by default", "with -D"])
def test_it_detaches_serves_and_stops(
    options: tuple[str, ...], launcher: Launcher, target: str
) -> None:
    port = free_port()
    started = launcher.detach(*options, f"127.0.0.1:{port}", target)
    check_serves(port)
    assert launcher.pid != started.pid
    assert os.getsid(launcher.pid) != os.getsid(0)
    for told in (str(port), target, str(launcher.pid), "log"):
        assert told in started.output
    check_stops(launcher, port)


def test_the_installed_command_detaches_as_well(launcher: Launcher, target: str) -> None:
    port = free_port()
    launcher.detach(f"127.0.0.1:{port}", target, command=[SCRIPT])
    check_serves(port)
    check_stops(launcher, port)


def test_it_detaches_with_its_standard_descriptors_closed(launcher: Launcher, target: str) -> None:
    port = free_port()
    closing = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *COMMAND]
    launcher.detach("-D", f"127.0.0.1:{port}", target, command=closing)
    check_serves(port)
    check_stops(launcher, port)


@pytest.mark.parametrize("options", [(), ("--workers", "2")], ids=["one", "two"])
def test_a_target_that_is_down_is_told_by_who_starts_it_and_is_no_error(
    options: tuple[str, ...], launcher: Launcher
) -> None:
    port, log = free_port(), launcher.directory / "proxy.log"
    with socket.socket() as down:
        down.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{down.getsockname()[1]}"
        started = launcher.detach(f"127.0.0.1:{port}", target, "--log-file", log, *options)
        said = f"the target {target} is down for now: nothing listens there"
        assert started.output.splitlines()[-1] == f"wsproxy-gevent: warning: {said}"
        wait_until_logged(log, said)
        check_stops(launcher, port)
    assert log.read_text().count(said) == 1


def test_a_daemon_logs_to_its_file(launcher: Launcher, target: str) -> None:
    port, log = free_port(), launcher.directory / "proxy.log"
    started = launcher.detach("-D", "--log-file", log, f"127.0.0.1:{port}", target)
    assert str(log) in started.output
    check_serves(port)
    check_stops(launcher, port)
    assert log.stat().st_mode & 0o007 == 0
    assert "127.0.0.1" in log.read_text()


@pytest.mark.row("`--daemon`")
@pytest.mark.parametrize("option", ["-D", "-f"])
def test_a_taken_port_is_told_and_exits_1(option: str, launcher: Launcher, target: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        started = launcher.run(option, f"127.0.0.1:{port}", target)
        assert started.exit_status() == 1
    assert re.search(rf"{port}.*(taken|in use)", started.output)
    assert "Traceback" not in started.output


@pytest.mark.row("a named certificate that is missing")
@pytest.mark.parametrize("option", ["-D", "-f"])
def test_a_named_certificate_that_is_missing_is_told_and_exits_1(
    option: str, launcher: Launcher, target: str
) -> None:
    source = f"127.0.0.1:{free_port()}"
    started = launcher.run(option, source, target, "--cert", "none.pem")
    assert started.exit_status() == 1
    assert "none.pem" in started.output
    assert "Traceback" not in started.output


def test_a_second_start_with_the_same_pid_file_is_refused(launcher: Launcher, target: str) -> None:
    port = free_port()
    launcher.detach(f"127.0.0.1:{port}", target)
    second = launcher.run(f"127.0.0.1:{free_port()}", target, "--pid-file", launcher.pid_file)
    assert second.exit_status() == 1
    assert str(launcher.pid) in second.output
    check_serves(port)


@pytest.mark.parametrize(
    "arguments",
    [(), ("--no-such-option", "6080", "localhost:5900"), ("6080", "a:1", "b:2"), ("port", "a:1")],
    ids=" ".join,
)
def test_wrong_usage_exits_2_and_says_what_is_wrong(
    arguments: tuple[str, ...], launcher: Launcher
) -> None:
    started = launcher.run(*arguments)
    assert started.exit_status() == 2
    assert "error" in started.output
    assert "Traceback" not in started.output


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_questions_are_answered(option: str, launcher: Launcher) -> None:
    started = launcher.run(option)
    assert started.exit_status() == 0
    assert "wsproxy-gevent" in started.output


def test_by_the_name_websockify_it_stays_in_front_under_that_name(
    launcher: Launcher, target: str
) -> None:
    link, port = launcher.directory / "websockify", free_port()
    link.symlink_to(SCRIPT)
    started = launcher.run(f"127.0.0.1:{port}", target, command=[link])
    started.wait_until_listening(port)
    check_serves(port)
    assert started.running
    with open(f"/proc/{started.pid}/comm", encoding="ascii") as comm:
        assert comm.read() == "websockify\n"


def test_sigterm_sends_sessions_away_and_exits_0(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    proxy = start_proxy(programs, target, cwd=tmp_path)
    with Wire.open(proxy.port) as wire:
        wire.upgrade(proxy.host)
        os.kill(proxy.program.pid, signal.SIGTERM)
        code, _ = wire.read_close()
        assert code == 1001
        wire.send(masked_frame(b"\x03\xe9", opcode=8))
        assert proxy.program.exit_status() == 0


def test_ctrl_c_ends_it_at_once(programs: Programs, target: str, tmp_path: Path) -> None:
    proxy = start_proxy(programs, target, cwd=tmp_path)
    with Wire.open(proxy.port) as wire:
        wire.upgrade(proxy.host)
        os.kill(proxy.program.pid, signal.SIGINT)
        assert proxy.program.exit_status(seconds=5) in (0, 130)
    assert "Traceback" not in proxy.program.output


def test_the_start_line_says_from_where_to_where(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    proxy = start_proxy(programs, target, cwd=tmp_path)
    proxy.program.wait_for_output(rf"(?m)^.*127\.0\.0\.1:{proxy.port}.*{re.escape(target)}.*$")
