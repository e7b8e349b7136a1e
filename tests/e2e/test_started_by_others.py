"""Started by systemd, by inetd, or to listen on a unix socket.

No systemd runs here: a few lines of Python do what it does, by its protocol.
"""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .pools import open_files
from .programs import Program, Programs, free_port, is_listening
from .proxy import COMMAND, clean_environment, start_proxy
from .targets import echo, tcp_target
from .wire import SECONDS, Wire, masked_frame

pytestmark = pytest.mark.e2e

# Descriptor 3 is the first that systemd passes; LISTEN_PID is known only after the fork.
AS_SYSTEMD = """
import os, sys
count, *command = sys.argv[1:]
sources = [int(fd) for fd in os.environ.pop("SOURCES").split(",")]
high = [os.dup2(fd, 100 + n) for n, fd in enumerate(sources)]
for number, fd in enumerate(high):
    os.dup2(fd, 3 + number)
    os.close(fd)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=count)
os.execvp(command[0], command)
"""


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with tcp_target(echo) as port:
        yield f"127.0.0.1:{port}"


def start_with(
    programs: Programs, cwd: Path, sockets: list[socket.socket], *arguments: str | Path
) -> Program:
    """The proxy with these listening sockets, as systemd passes them."""
    fds = [sock.fileno() for sock in sockets]
    env = {**clean_environment(), "SOURCES": ",".join(map(str, fds))}
    env.pop("LISTEN_FDS", None)
    parent = [sys.executable, "-c", AS_SYSTEMD, str(len(fds))]
    return programs.start(
        *parent, *COMMAND, *arguments, name="wsproxy-gevent", env=env, cwd=cwd, pass_fds=fds
    )


def listen() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def talk(wire: Wire) -> None:
    wire.upgrade("127.0.0.1")
    wire.send(masked_frame(b"are you there"))
    assert wire.read_payload(13) == b"are you there"


def wire_to(path: Path) -> Wire:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(SECONDS)
    sock.connect(str(path))
    return Wire(sock)


# -- systemd ---------------------------------------------------------------------------


def test_the_sockets_that_were_passed_are_served(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    path = tmp_path / "passed.sock"
    with listen() as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(path))
        unix.listen()
        proxy = start_with(programs, tmp_path, [tcp, unix], "-f", target)
        # It was the parent that bound: clients come before the proxy is there.
        with Wire.open(tcp.getsockname()[1]) as wire:
            talk(wire)
        with wire_to(path) as wire:
            talk(wire)
        assert proxy.stop() == 0
    assert path.exists()


def test_passed_sockets_win_over_the_source_and_are_not_inherited_by_a_daemon(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    file, port = tmp_path / "proxy.pid", free_port()
    with listen() as tcp:
        command = ("-D", f"127.0.0.1:{port}", target, "--pid-file", file)
        assert start_with(programs, tmp_path, [tcp], *command).exit_status() == 0
        pid = int(file.read_text())
        try:
            with Wire.open(tcp.getsockname()[1]) as wire:
                talk(wire)
            assert not is_listening(port)
        finally:
            stop = [*COMMAND, "stop", "--pid-file", str(file)]
            subprocess.run(stop, env=clean_environment(), check=True, timeout=SECONDS)
        assert open_files(pid) == []


def test_a_socket_that_does_not_listen_is_told(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    with socket.socket() as idle:
        proxy = start_with(programs, tmp_path, [idle], "-f", target)
        assert proxy.exit_status() == 1
    assert "descriptor 3 is no listening stream socket" in proxy.output


@pytest.mark.parametrize("workers", ["1", "2"])
def test_systemd_hears_of_every_turn(
    programs: Programs, target: str, tmp_path: Path, workers: str
) -> None:
    address, port = tmp_path / "notify", free_port()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(address))
        supervisor.settimeout(SECONDS)
        environ = {
            **clean_environment(),
            "NOTIFY_SOCKET": str(address),
            "WATCHDOG_USEC": "200000",
        }
        proxy = programs.start(
            *(*COMMAND, f"127.0.0.1:{port}", target, "--workers", workers, "--grace", "5"),
            name="wsproxy-gevent",
            env=environ,
            cwd=tmp_path,
        )

        def next_news() -> str:
            while (news := supervisor.recv(4096).decode()) == "WATCHDOG=1":
                pass
            return news

        assert next_news().startswith("READY=1\nSTATUS=wsproxy-gevent ")
        Wire.open(port).sock.close()
        assert supervisor.recv(4096) == b"WATCHDOG=1"
        os.kill(proxy.pid, signal.SIGHUP)
        reloading, micros, _ = next_news().split("\n")
        assert reloading == "RELOADING=1"
        assert int(micros.removeprefix("MONOTONIC_USEC=")) > 0
        assert next_news().startswith("READY=1\n")
        os.kill(proxy.pid, signal.SIGTERM)
        stopping, micros, _ = next_news().split("\n")
        assert stopping == "STOPPING=1"
        # A watchdog that was not fed meanwhile must not be taken for a death.
        assert int(micros.removeprefix("EXTEND_TIMEOUT_USEC=")) > 5_000_000
        assert proxy.exit_status() == 0


# -- inetd ---------------------------------------------------------------------------


@contextmanager
def inetd(cwd: Path, sock: socket.socket, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """The proxy with the socket as its standard input, output and error."""
    process = subprocess.Popen(
        [*COMMAND, "--inetd", *arguments],
        stdin=sock.fileno(),
        stdout=sock.fileno(),
        stderr=sock.fileno(),
        env=clean_environment(),
        cwd=cwd,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(SECONDS)


@pytest.mark.row("`--inetd`")
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_inetd_wait_serves_the_listening_socket(host: str, target: str, tmp_path: Path) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with (
        socket.create_server((host, 0), family=family) as listener,
        inetd(tmp_path, listener, target) as process,
    ):
        for _ in range(2):
            sock = socket.create_connection(listener.getsockname()[:2], timeout=SECONDS)
            with Wire(sock) as wire:
                talk(wire)
        process.terminate()
        assert process.wait(SECONDS) == 0


@pytest.mark.row("`--inetd`")
def test_inetd_nowait_serves_one_connection_and_ends(target: str, tmp_path: Path) -> None:
    with listen() as listener, Wire.open(listener.getsockname()[1]) as wire:
        accepted, _ = listener.accept()
        with inetd(tmp_path, accepted, target) as process:
            accepted.close()
            talk(wire)
            wire.send(masked_frame(b"\x03\xe8", opcode=8))
            assert wire.read_close()[0] == 1000
            wire.sock.shutdown(socket.SHUT_WR)
            assert process.wait(SECONDS) == 0
        # Nothing but frames came: no line of a log, no warning.
        assert wire.read_to_end() == b""


def test_inetd_nowait_on_a_unix_socket(target: str, tmp_path: Path) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    ours.settimeout(SECONDS)
    with inetd(tmp_path, theirs, target) as process, Wire(ours) as wire:
        theirs.close()
        talk(wire)
        wire.sock.shutdown(socket.SHUT_WR)
        assert process.wait(SECONDS) == 0


def test_inetd_without_a_socket_is_told(programs: Programs, target: str, tmp_path: Path) -> None:
    started = programs.start(*COMMAND, "--inetd", target, env=clean_environment(), cwd=tmp_path)
    assert started.exit_status() == 1
    assert "standard input is no socket" in started.output


# -- --unix-listen -----------------------------------------------------------------------


def start_unix(programs: Programs, cwd: Path, *arguments: str | Path) -> Program:
    return programs.start(
        *COMMAND, "-f", *arguments, name="wsproxy-gevent", env=clean_environment(), cwd=cwd
    )


@pytest.mark.parametrize(
    ("options", "mode"), [((), 0o600), (("--unix-listen-mode", "0660"), 0o660)]
)
def test_a_unix_socket_is_served_and_removed(
    options: tuple[str, ...], mode: int, programs: Programs, target: str, tmp_path: Path
) -> None:
    path = tmp_path / "proxy.sock"
    proxy = start_unix(programs, tmp_path, "--unix-listen", path, *options, target)
    proxy.wait_for_output(f"unix:{path} -> ")
    assert stat.S_IMODE(path.stat().st_mode) == mode
    with wire_to(path) as wire:
        talk(wire)
    assert proxy.stop() == 0
    assert not path.exists()


@pytest.mark.row("`--unix-listen`")
def test_a_dead_socket_gives_way_and_a_living_one_does_not(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    path = tmp_path / "proxy.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    proxy = start_unix(programs, tmp_path, "--unix-listen", path, target)
    proxy.wait_for_output(f"unix:{path} -> ")
    second = start_unix(programs, tmp_path, "--unix-listen", path, target)
    assert second.exit_status() == 1
    assert "somebody listens there" in second.output
    with wire_to(path) as wire:
        talk(wire)


@pytest.mark.row("`--unix-listen`")
def test_a_file_that_is_no_socket_stays(programs: Programs, target: str, tmp_path: Path) -> None:
    path = tmp_path / "treasure"
    path.write_text("gold")
    started = start_unix(programs, tmp_path, "--unix-listen", path, target)
    assert started.exit_status() == 1
    assert "no socket" in started.output
    assert path.read_text() == "gold"


def test_the_source_argument_is_dropped(programs: Programs, target: str, tmp_path: Path) -> None:
    started = start_unix(programs, tmp_path, "--unix-listen", tmp_path / "s", "6080", target)
    assert started.exit_status() == 2
    assert "contradict" in started.output


# -- /healthz and /readyz ------------------------------------------------------------------


def ask(wire: Wire, method: str, path: str) -> tuple[int, dict[str, str], bytes]:
    wire.send(f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    answer = wire.read_answer()
    length = 0 if method == "HEAD" else int(answer.headers["content-length"])
    return answer.status, answer.headers, wire.read(length)


def test_readiness_ends_before_the_sessions_do(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    proxy = start_proxy(programs, target, "--health", cwd=tmp_path)
    with Wire.open(proxy.port) as probe, Wire.open(proxy.port) as session:
        session.upgrade(proxy.host)
        for path in ("/healthz", "/readyz"):
            status, headers, body = ask(probe, "GET", path)
            assert (status, body) == (200, b"ok\n")
            assert headers["cache-control"] == "no-store"
            assert headers["content-type"].startswith("text/plain")
            assert ask(probe, "HEAD", path)[0] == 200
        os.kill(proxy.program.pid, signal.SIGTERM)
        assert session.read_close()[0] == 1001
        assert ask(probe, "GET", "/healthz")[::2] == (200, b"ok\n")
        assert ask(probe, "GET", "/readyz")[::2] == (503, b"stopping\n")


def test_without_the_option_they_are_paths_as_others_are(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    proxy = start_proxy(programs, target, cwd=tmp_path)
    with Wire.open(proxy.port) as wire:
        assert ask(wire, "GET", "/healthz")[0] == 426
