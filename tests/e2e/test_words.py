"""status, reload, stop and check, as an operator types them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from .certificates import make_certificate
from .programs import Program, Programs, free_port, wait_until_gone
from .proxy import COMMAND, clean_environment, start_proxy
from .targets import echo, tcp_target
from .wire import Wire

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with tcp_target(echo) as port:
        yield f"127.0.0.1:{port}"


def word(programs: Programs, cwd: Path, *arguments: str | Path) -> Program:
    """Run the command to its end."""
    program = programs.start(
        *COMMAND, *arguments, name=str(arguments[0]), env=clean_environment(), cwd=cwd
    )
    program.exit_status()
    return program


def test_a_daemon_is_found_reloaded_and_stopped_by_its_pid_file(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    file, log = tmp_path / "proxy.pid", tmp_path / "proxy.log"
    known = ("--pid-file", file)
    port = free_port()
    word(programs, tmp_path, f"127.0.0.1:{port}", target, "-D", *known, "--log-file", log)
    pid = int(file.read_text())

    status = word(programs, tmp_path, "status", *known)
    assert (status.exit_status(), status.output) == (0, f"running as process {pid}\n")

    reload = word(programs, tmp_path, "reload", *known)
    assert reload.exit_status() == 0
    assert f"process {pid} was asked to reload" in reload.output

    stop = word(programs, tmp_path, "stop", *known)
    assert (stop.exit_status(), stop.output) == (0, f"process {pid} has ended\n")
    assert not Path(f"/proc/{pid}").exists() or state(pid) == "Z"
    assert not file.exists()
    assert "reloaded: " in log.read_text()

    assert word(programs, tmp_path, "status", *known).exit_status() == 3


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_run_directory_does_as_well(programs: Programs, target: str, tmp_path: Path) -> None:
    directory = tmp_path / "run"
    proxy = start_proxy(programs, target, "--run-dir", directory, cwd=tmp_path)
    status = word(programs, tmp_path, "status", "--run-dir", directory)
    assert status.output == f"running as process {proxy.program.pid}\n"
    assert word(programs, tmp_path, "stop", "--run-dir", directory).exit_status() == 0
    assert proxy.program.exit_status() == 0


def test_a_file_left_behind_is_told_as_stale(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    file = tmp_path / "proxy.pid"
    known = ("--pid-file", file)
    word(programs, tmp_path, f"127.0.0.1:{free_port()}", target, "-D", *known)
    pid = int(file.read_text())
    os.kill(pid, signal.SIGKILL)
    wait_until_gone(pid)
    for name, status in (("status", 3), ("reload", 3), ("stop", 0)):
        asked = word(programs, tmp_path, name, *known)
        assert (asked.exit_status(), "stale" in asked.output) == (status, True)


def test_stop_says_so_when_the_process_does_not_go(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    file = tmp_path / "proxy.pid"
    proxy = start_proxy(programs, target, "--pid-file", file, cwd=tmp_path)
    os.kill(proxy.program.pid, signal.SIGSTOP)
    try:
        stop = word(programs, tmp_path, "stop", "--pid-file", file, "--grace", "0")
    finally:
        os.kill(proxy.program.pid, signal.SIGCONT)
    assert stop.exit_status() == 1
    assert f"process {proxy.program.pid} is still there after 5 s" in stop.output


def test_check_prints_where_settings_come_from_and_the_risks(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    certificate, config = tmp_path / "served.pem", tmp_path / "wsproxy.toml"
    certificate.write_bytes(make_certificate(1))
    config.write_text('grace = 7\nkey_password = "sesame"\norigin_check = "any"\n')
    flags = ("--config", config, "--cert", certificate)
    checked = word(programs, tmp_path, "check", "0", target, *flags)
    assert checked.exit_status() == 0
    assert f'target = "{target}"  # the target argument\n' in checked.output
    assert f"grace = 7  # {config}: grace\n" in checked.output
    assert "heartbeat = 30  # default\n" in checked.output
    assert "sesame" not in checked.output
    assert "risk: plain connections are served beside TLS" in checked.output
    assert "risk: pages of any site may connect" in checked.output
    assert checked.output.endswith("it would start\n")


def test_check_finds_every_fault_and_exits_1(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    wrong = ("--cert", "absent.pem", "--user", "no-such-user", "--log-file", "absent/proxy.log")
    checked = word(programs, tmp_path, "check", f"127.0.0.1:{free_port()}", target, *wrong)
    assert checked.exit_status() == 1
    for fault in ("absent.pem", "no-such-user", "--log-file"):
        assert f"error: {fault}" in checked.output or fault in checked.output
    assert checked.output.count("error: ") == 3
    assert checked.output.endswith("it would not start\n")


def test_a_running_proxy_can_be_checked_beside_it(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    file = tmp_path / "proxy.pid"
    known = ("--pid-file", file)
    proxy = start_proxy(programs, target, *known, cwd=tmp_path)
    with Wire.open(proxy.port) as wire:
        wire.upgrade(proxy.host)
        checked = word(programs, tmp_path, "-t", proxy.host, target, *known)
    assert checked.exit_status() == 0
    assert f"notice: cannot listen on {proxy.host}: the port is taken" in checked.output
    assert f"process {proxy.program.pid} runs" in checked.output


def test_a_wrong_option_is_status_2_for_check_too(programs: Programs, tmp_path: Path) -> None:
    assert word(programs, tmp_path, "check", "6080").exit_status() == 2
    assert word(programs, tmp_path, "status").exit_status() == 2
