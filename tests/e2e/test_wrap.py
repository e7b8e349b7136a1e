"""`PORT -- COMMAND`: real commands, told in every way where to listen."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from wsproxy_gevent.wrap import find_library

from .programs import Program, Programs, free_port, wait_until_gone
from .proxy import SCRIPT, Proxy, environment_of
from .websockify import Websockify, leave, say, talk
from .wire import SECONDS, Wire, masked_frame

pytestmark = pytest.mark.e2e

SERVICE = (sys.executable, Path(__file__).parent / "peers" / "service.py")


def wrapped(
    websockify: Websockify,
    *command: str | Path,
    options: tuple[str, ...] = (),
    port: int | None = None,
    env: dict[str, str] | None = None,
) -> Proxy:
    """`websockify OPTIONS 127.0.0.1:PORT -- service.py COMMAND`, once both listen."""
    port = port or free_port()
    source = f"127.0.0.1:{port}"
    program = websockify.run(*options, source, "--", *SERVICE, *command, env=env)
    program.wait_for_output(r"command: listening at ")
    program.wait_for_output(rf"{re.escape(source)} -> ")
    return Proxy(program, port)


def carries(proxy: Proxy) -> bool:
    with Wire.open(proxy.port) as wire:
        talk(wire, proxy.host)
        leave(wire)
    return True


def have_it_exit(wire: Wire, status: int) -> None:
    wire.send(masked_frame(f"exit {status}".encode()))


# -- How it is told -----------------------------------------------------------------------


@pytest.mark.parametrize("words", [("port", "{port}"), ("env",)])
def test_a_command_that_is_told_its_port_is_forwarded_to(
    words: tuple[str, ...], websockify: Websockify
) -> None:
    assert carries(wrapped(websockify, *words))


@pytest.mark.parametrize("options", [(), ("--unix-target=it.sock",)])
def test_a_command_may_listen_on_a_unix_socket(
    options: tuple[str, ...], websockify: Websockify
) -> None:
    proxy = wrapped(websockify, "socket", "{socket}", options=options)
    path = re.findall(r"listening at (\S+),", proxy.program.output)[0]
    assert carries(proxy)
    assert proxy.program.stop() == 0
    assert options or not Path(path).parent.exists()


def test_a_command_may_listen_where_it_is_known_to(websockify: Websockify) -> None:
    port, inner = free_port(), free_port()
    program = websockify.run(
        f"127.0.0.1:{port}", f"127.0.0.1:{inner}", "--", *SERVICE, "port", str(inner)
    )
    program.wait_for_output("command: listening at")
    assert carries(Proxy(program, port))


@pytest.mark.skipif(find_library() is None, reason="the preload was not compiled here")
@pytest.mark.parametrize("how", ["port", "any", "dual", "pair"])
def test_a_command_that_binds_the_public_port_is_moved(how: str, websockify: Websockify) -> None:
    port = free_port()
    # Behind a shell, as launchers have it.
    command = " ".join([*map(str, SERVICE), how, str(port)])
    program = websockify.run(f"127.0.0.1:{port}", "--", "/bin/sh", "-c", command)
    said = program.wait_for_output(r"command: listening at \('(.*)', (\d+)")
    assert said[1] in ("127.0.0.1", "::ffff:127.0.0.1")
    if how == "pair":
        program.wait_for_output(rf"command: and at \('::1', {said[2]}, ")
    assert int(said[2]) != port
    assert carries(Proxy(program, port))


def test_a_client_that_comes_while_it_starts_waits(websockify: Websockify) -> None:
    port = free_port()
    command = f"sleep 0.5; exec {SERVICE[0]} {SERVICE[1]} env"
    program = websockify.run(f"127.0.0.1:{port}", "--", "/bin/sh", "-c", command)
    program.wait_for_output(r" -> ")
    assert carries(Proxy(program, port))


# -- What it finds ------------------------------------------------------------------------


def test_it_finds_what_the_caller_has_and_its_output_is_in_our_log(
    websockify: Websockify,
) -> None:
    before = os.umask(0o031)
    try:
        proxy = wrapped(websockify, "env", env={"COLOUR": "blue"})
    finally:
        os.umask(before)
    assert f"{websockify.cwd} 31" in proxy.program.output
    proxy.program.wait_for_output(r"INFO command: told blue")


def test_a_daemons_command_finds_it_too(websockify: Websockify) -> None:
    port, log = free_port(), websockify.cwd / "it.log"
    started = websockify.run(
        *("-D", "--log-file", "it.log", f"127.0.0.1:{port}"),
        *("--", *SERVICE, "env"),
        env={"COLOUR": "green"},
    )
    assert started.exit_status() == 0, started.output
    pid = int(re.findall(r"process (\d+)", started.output)[0])
    try:
        with Wire.open(port) as wire:
            talk(wire)
        said = log.read_text()
        assert f"{websockify.cwd} " in said
        assert "told green" in said
        inner = int(re.findall(r"runs as process (\d+)", said)[0])
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_until_gone(pid)
    wait_until_gone(inner)


# -- Its end ----------------------------------------------------------------------------


@pytest.mark.row("`--wrap-mode`")
@pytest.mark.option("--wrap-mode")
@pytest.mark.parametrize("options", [(), ("--wrap-mode=exit",)])
def test_with_exit_its_end_is_ours_with_its_status(
    options: tuple[str, ...], websockify: Websockify
) -> None:
    proxy = wrapped(websockify, "env", options=options)
    with Wire.open(proxy.port) as wire:
        talk(wire, proxy.host)
        have_it_exit(wire, 7)
        wire.read_close()
    assert proxy.program.exit_status() == 7


@pytest.mark.option("--wrap-mode")
def test_with_ignore_we_go_on_without_it(websockify: Websockify) -> None:
    """As for one that puts itself in the background: what it left behind serves."""
    port = free_port()
    command = f"{SERVICE[0]} {SERVICE[1]} env & echo away"
    program = websockify.run(
        "--wrap-mode=ignore", f"127.0.0.1:{port}", "--", "/bin/sh", "-c", command
    )
    program.wait_for_output("command ended with status 0")
    program.wait_for_output("command: listening at")
    left = pid_of_group(program)
    try:
        assert carries(Proxy(program, port))
        assert program.stop() == 0
    finally:
        os.killpg(left, signal.SIGKILL)


def pid_of_group(program: Program) -> int:
    return int(re.findall(r"runs as process (\d+)", program.output)[0])


@pytest.mark.fault(32)
@pytest.mark.row("`--wrap-mode`")
@pytest.mark.option("--wrap-mode")
def test_with_respawn_it_is_started_again(websockify: Websockify) -> None:
    proxy = wrapped(websockify, "env", options=("--wrap-mode", "respawn"))
    with Wire.open(proxy.port) as wire:
        talk(wire, proxy.host)
        have_it_exit(wire, 3)
        wire.read_close()
    proxy.program.wait_for_output("command ended with status 3")
    # Whoever comes in between waits for it.
    assert carries(proxy)
    assert proxy.program.output.count("command: listening at") == 2
    assert "started again in 1 s" in proxy.program.output
    assert proxy.program.stop() == 0


def test_our_end_is_its_end_behind_the_last_session(websockify: Websockify) -> None:
    proxy = wrapped(websockify, "env")
    inner = pid_of_group(proxy.program)
    with Wire.open(proxy.port) as wire:
        talk(wire, proxy.host)
        os.kill(proxy.program.pid, signal.SIGTERM)
        assert wire.read_close()[0] == 1001
        leave_quietly(wire)
    assert proxy.program.exit_status() == 0
    wait_until_gone(inner)


def leave_quietly(wire: Wire) -> None:
    wire.send(masked_frame(b"\x03\xe9", opcode=8))
    wire.sock.shutdown(socket.SHUT_WR)


def test_a_command_that_is_not_there_is_told_before_anything_starts(
    websockify: Websockify,
) -> None:
    asked = websockify.run(f"127.0.0.1:{free_port()}", "--", "no-such-command")
    assert asked.exit_status() == 1
    assert "there is no command 'no-such-command' to start" in asked.output


def test_as_process_1_it_reaps_what_the_command_leaves(websockify: Websockify) -> None:
    """In a PID namespace of its own, where orphans become ours."""
    unshare = ["unshare", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*unshare, "true"], capture_output=True, timeout=SECONDS).returncode:
        pytest.skip("no PID namespace can be had here (unshare)")
    port = free_port()
    # The orphan ends when it is nobody's child any more; the service tells of zombies.
    script = (
        "(sleep 0.2 &) ; exec "
        f"{sys.executable} -c 'import pathlib, time\n"
        "while True:\n"
        '    stats = [p.read_text() for p in pathlib.Path("/proc").glob("[0-9]*/stat")]\n'
        "    names = [s.split()[1] for s in stats]\n"
        '    if "(sleep)" not in names: break\n'
        "    time.sleep(0.05)\n"
        'print("no sleep is left")\''
    )
    program = websockify._programs.start(
        *unshare, websockify.shim, f"127.0.0.1:{port}", "--", "/bin/sh", "-c", script,
        cwd=websockify.cwd,
    )  # fmt: skip
    program.wait_for_output("command: no sleep is left")
    assert program.exit_status() == 0


def test_wrapping_by_our_own_name_stays_in_front(websockify: Websockify) -> None:
    proxy = wrapped(websockify, "env", options=("--profile=default",))
    assert "stays in the foreground: it runs a command" in proxy.program.output
    with Wire.open(proxy.port) as wire:
        wire.upgrade(proxy.host)
        say(wire)


@pytest.mark.parametrize("patched", [False, True])
def test_a_reload_keeps_the_command_and_where_it_listens(
    patched: bool, programs: Programs, tmp_path: Path
) -> None:
    port = free_port()
    program = programs.start(
        *(SCRIPT, f"127.0.0.1:{port}", "--", *SERVICE, "socket", "{socket}"),
        env=environment_of(tmp_path, patched=patched),
        cwd=tmp_path,
    )
    program.wait_for_output("command: listening at")
    os.kill(program.pid, signal.SIGHUP)
    program.wait_for_output("reloaded: ")
    assert carries(Proxy(program, port))
    assert program.output.count("runs as process") == 1
    inner = pid_of_group(program)
    assert program.stop() == 0
    wait_until_gone(inner)
