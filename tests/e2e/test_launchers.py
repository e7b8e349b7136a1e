"""What people start websockify with, unedited: here it starts the proxy by that name."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from wsproxy_gevent.wrap import find_library

from .certificates import make_certificate
from .programs import Program, Programs, free_port, needs, needs_file, wait_until_gone
from .proxy import SCRIPT, Proxy, clean_environment
from .websockify import Websockify, get, leave, talk
from .wire import SECONDS, Wire, any_certificate

pytestmark = pytest.mark.e2e

NOVNC = Path("/usr/share/novnc")


def with_shim(shim: Path, **more: str) -> Mapping[str, str]:
    """An environment in which `websockify` means the proxy."""
    return {**clean_environment(), "PATH": f"{shim.parent}:{os.environ['PATH']}", **more}


def session(port: int) -> bool:
    """Whether there is one, from its opening to its orderly end."""
    with Wire.open(port) as wire:
        talk(wire, f"127.0.0.1:{port}")
        leave(wire)
    return True


# -- noVNC ----------------------------------------------------------------------------


@pytest.mark.parametrize("options", [(), ("--heartbeat", "30", "--idle-timeout", "600")])
def test_novncs_own_script_serves_its_page_and_the_desktop(
    options: tuple[str, ...], programs: Programs, shim: Path, target: str, tmp_path: Path
) -> None:
    script = needs_file(NOVNC / "utils" / "novnc_proxy", "Debian's novnc")
    port = free_port()
    launcher = programs.start(
        *(str(script), "--listen", str(port), "--vnc", target, *options),
        env=with_shim(shim),
        cwd=tmp_path,
    )
    launcher.wait_for_output("Press Ctrl-C to exit")
    assert f"Using installed websockify at {shim}" in launcher.output
    status, page = get(Proxy(launcher, port), "/vnc.html")
    assert (status, b"noVNC" in page) == (200, True)
    assert session(port)
    pid = pid_listening(port)
    assert launcher.stop() == 128 + signal.SIGTERM
    assert f"Terminating WebSockets proxy ({pid})" in launcher.output
    wait_until_gone(pid)


def pid_listening(port: int) -> int:
    """The process that holds the listening socket of that port on every address."""
    table = Path("/proc/net/tcp").read_text().splitlines()[1:]
    rows = [row.split() for row in table]
    inode = next(row[9] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "0A")
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(descriptor) == f"socket:[{inode}]":
                return int(descriptor.parts[2])
        except OSError:
            continue
    raise AssertionError(f"nobody listens on {port}")


def test_novncs_own_script_serves_over_tls_alone(
    programs: Programs, shim: Path, target: str, tmp_path: Path
) -> None:
    script = needs_file(NOVNC / "utils" / "novnc_proxy", "Debian's novnc")
    (tmp_path / "self.pem").write_bytes(make_certificate(5))
    port = free_port()
    launcher = programs.start(
        *(script, "--listen", str(port), "--vnc", target, "--ssl-only", "--record", "rec"),
        env=with_shim(shim),
        cwd=tmp_path,
    )
    launcher.wait_for_output("Press Ctrl-C to exit")
    with Wire.open(port, tls=any_certificate()) as wire:
        talk(wire, f"127.0.0.1:{port}")
        leave(wire)
    launcher.wait_for_output("session closed")
    assert (tmp_path / "rec.1").exists()
    with Wire.open(port) as wire:
        wire.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert wire.read_answer().status == 308


# -- Jupyter, and the wrapped VNC server ---------------------------------------------------

# What a desktop would be; it lasts as long as the server.
XSTARTUP = "#!/bin/sh\nexec sleep 1000\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home directory with something to run on the desktop."""
    script = tmp_path / "xstartup"
    script.write_text(XSTARTUP)
    script.chmod(0o755)
    return tmp_path


def free_display() -> int:
    """One that has neither a socket nor a lock file."""
    used = {path.name for path in (*Path("/tmp/.X11-unix").glob("X*"), *Path("/tmp").glob(".X*"))}
    numbers = (n for n in range(200 + os.getpid() % 500, 2000))
    return next(n for n in numbers if not {f"X{n}", f".X{n}-lock"} & used)


def greeting(port: int) -> bytes:
    """What the VNC server says first (RFC 6143, section 7.1.1)."""
    with Wire.open(port) as wire:
        wire.upgrade(f"127.0.0.1:{port}", "Sec-WebSocket-Protocol: binary")
        return wire.read_payload(12)


@pytest.mark.deadline(90)
def test_jupyters_desktop_wraps_a_vncserver_on_a_unix_socket(
    websockify: Websockify, home: Path
) -> None:
    """As jupyter-remote-desktop-proxy starts it: by a shell, in front, page and all."""
    vncserver, page = needs("vncserver"), needs_file(NOVNC / "vnc_lite.html", "Debian's novnc")
    sockets = home / "sockets"
    sockets.mkdir(mode=0o700)
    path, port = sockets / "vnc-socket", free_port()
    server = (
        f"{vncserver} -verbose -xstartup {home}/xstartup -geometry 640x480 -SecurityTypes None "
        f"-rfbunixpath {path} -fg :{free_display()}"
    )
    program = websockify.run(
        *("-v", "--web", page.parent, "--heartbeat", "30", "--unix-target", path),
        *(str(port), "--", "/bin/sh", "-c", f"cd {home} && {server}"),
        env={"HOME": str(home)},
    )
    program.wait_for_output(r"command: .*unix socket")
    assert greeting(port) == b"RFB 003.008\n"
    assert get(Proxy(program, port), "/vnc_lite.html")[0] == 200
    assert program.stop() == 0
    assert not path.exists()


@pytest.mark.deadline(90)
@pytest.mark.skipif(find_library() is None, reason="the preload was not compiled here")
def test_a_vncserver_that_takes_the_public_port_and_leaves_is_served(
    websockify: Websockify, home: Path
) -> None:
    """websockify's own example: `websockify 5901 --wrap-mode=ignore -- vncserver :1`."""
    vncserver, port, display = needs("vncserver"), free_port(), free_display()
    program = websockify.run(
        *(str(port), "--wrap-mode=ignore", "--", vncserver, "-xstartup", f"{home}/xstartup"),
        *("-rfbport", str(port), "-SecurityTypes", "None", f":{display}"),
        env={"HOME": str(home)},
    )
    program.wait_for_output("command ended with status 0")
    try:
        assert greeting(port) == b"RFB 003.008\n"
    finally:
        subprocess.run(
            [vncserver, "-kill", f":{display}"],
            env={**clean_environment(), "HOME": str(home)},
            capture_output=True,
            timeout=SECONDS,
        )


# -- Supervisors --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["websockify", "wsproxy-gevent"])
def test_supervisord_keeps_it_and_stops_it_well(
    name: str, programs: Programs, shim: Path, target: str, tmp_path: Path
) -> None:
    command = {"websockify": shim, "wsproxy-gevent": SCRIPT}[name]
    port, config = free_port(), tmp_path / "supervisord.conf"
    config.write_text(
        f"[supervisord]\nnodaemon=true\nuser={os.geteuid()}\nlogfile=/dev/null\n"
        f"logfile_maxbytes=0\npidfile={tmp_path}/supervisord.pid\n"
        f"[program:proxy]\ncommand={command} 127.0.0.1:{port} {target}\n"
        "startsecs=1\nredirect_stderr=true\nstdout_logfile=/dev/stdout\n"
        "stdout_logfile_maxbytes=0\n"
    )
    supervisor = programs.start(
        needs("supervisord"), "-c", config, env=clean_environment(), cwd=tmp_path
    )
    supervisor.wait_for_output("success: proxy entered RUNNING state")
    assert session(port)
    supervisor.stop()
    assert "stopped: proxy (exit status 0)" in supervisor.output
    assert "exited: proxy" not in supervisor.output


@pytest.mark.parametrize("name", ["websockify", "wsproxy-gevent"])
def test_tini_hands_it_the_signal_and_its_exit_status_on(
    name: str, programs: Programs, shim: Path, target: str, tmp_path: Path
) -> None:
    """As in an image whose entrypoint is `tini --`."""
    command = {"websockify": shim, "wsproxy-gevent": SCRIPT}[name]
    port = free_port()
    container = [*in_pid_namespace(), needs("tini"), "--"]
    started = programs.start(
        *(*container, str(command), f"127.0.0.1:{port}", target),
        env={**clean_environment(), "container": "docker"},
        cwd=tmp_path,
    )
    started.wait_for_output(rf"127\.0\.0\.1:{port} -> ")
    assert session(port)
    # tini is the only child of unshare, and passes on what it gets.
    os.kill(child_of(started), signal.SIGTERM)
    assert started.exit_status() == 0


def in_pid_namespace() -> list[str]:
    unshare = [needs("unshare"), "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*unshare, "true"], capture_output=True, timeout=SECONDS).returncode:
        pytest.skip("no PID namespace can be had here (unshare)")
    return unshare


def child_of(program: Program) -> int:
    children = Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text()
    return int(children.split()[0])


@pytest.mark.parametrize("name", ["websockify", "wsproxy-gevent"])
def test_systemd_starts_it_with_next_to_nothing_and_ends_it_well(
    name: str, programs: Programs, shim: Path, target: str
) -> None:
    """A unit of Type=simple: a bare environment, `/`, no input, the output to the journal."""
    command = {"websockify": shim, "wsproxy-gevent": SCRIPT}[name]
    port = free_port()
    unit = programs.start(
        *("/bin/sh", "-c", 'SYSTEMD_EXEC_PID=$$ exec "$@"', "systemd"),
        *(command, "--web", "/usr/share", f"127.0.0.1:{port}", target),
        env={"PATH": "/usr/bin:/bin", "INVOCATION_ID": "0" * 32, "LANG": "C"},
        cwd="/",
    )
    unit.wait_for_output(rf"127\.0\.0\.1:{port} -> ")
    assert session(port)
    assert unit.stop() == 0


@pytest.mark.parametrize("closed", ["<&-", "<&- >&-", "<&- >&- 2>&-"])
def test_it_starts_with_its_standard_descriptors_closed(
    closed: str, programs: Programs, shim: Path, target: str, tmp_path: Path
) -> None:
    """From cron, or a launcher that has closed what it did not need."""
    port = free_port()
    program = programs.start(
        *("/bin/sh", "-c", f'exec "$@" {closed}', "sh", shim, f"127.0.0.1:{port}", target),
        *("--log-file", "it.log"),
        env=clean_environment(),
        cwd=tmp_path,
    )
    program.wait_until_listening(port)
    assert session(port)
    assert program.stop() == 0
    assert "session closed" in (tmp_path / "it.log").read_text()
