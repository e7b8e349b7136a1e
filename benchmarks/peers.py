"""Who is compared: how each is started, and why one that is not here is not.

All run with their defaults, but for what a relay of this kind needs; their logs
go to files.  HAProxy and socat relay raw bytes, with no WebSocket to read: they
are the floor that is measured against, not competitors.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".bench" / "venv" / "bin"
NODE_MODULES = ROOT / "tests" / "e2e" / "node_modules"
WS_PIPE = Path(__file__).resolve().parent / "ws_pipe.js"

# Debian keeps servers where only root's path looks.
_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"))


@dataclass(frozen=True)
class Place:
    """Where a peer is to listen, to dial, and to put files."""

    port: int
    target_port: int
    work: Path
    certificate: Path | None = None
    """Key and certificate in one file, when it is to speak TLS."""


@dataclass(frozen=True)
class Peer:
    name: str
    command: Callable[[Place], list[str]]
    version: tuple[str, ...]
    raw: bool = False
    tls: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[Path, ...] = ()
    most_idle: int | None = None
    """A process a session: more would fill the memory, and tell nothing new."""
    cannot: Mapping[str, str] = field(default_factory=dict)
    """Modes that are beyond it, and why."""

    def missing(self) -> str | None:
        """What is not installed here, if anything."""
        gone = [str(path) for path in self.needs if not path.exists()]
        if not gone and find(self.version[0]) is None:
            gone = [self.version[0]]
        return f"not found: {', '.join(gone)}" if gone else None

    def version_said(self) -> str:
        program = find(self.version[0])
        if program is None:
            return "missing"
        done = subprocess.run(
            [program, *self.version[1:]],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **self.environment},
        )
        return (done.stdout or done.stderr).strip().partition("\n")[0]


def find(program: str) -> str | None:
    return shutil.which(program, path=_PATH)


def _found(program: str) -> str:
    path = find(program)
    assert path is not None, f"{program} was there a moment ago"
    return path


def _ours(place: Place) -> list[str]:
    program = str(Path(sys.executable).with_name("wsproxy-gevent"))
    tls = [] if place.certificate is None else ["--cert", str(place.certificate)]
    return [program, "-f", *tls, f"127.0.0.1:{place.port}", f"127.0.0.1:{place.target_port}"]


def _websockify(place: Place) -> list[str]:
    program = str(VENV / "websockify")
    tls = [] if place.certificate is None else ["--cert", str(place.certificate)]
    return [program, *tls, f"127.0.0.1:{place.port}", f"127.0.0.1:{place.target_port}"]


def _websocat(place: Place) -> list[str]:
    program = [str(VENV / "websocat"), "--binary", "--exit-on-eof"]
    scheme = "ws-listen"
    if place.certificate is not None:
        scheme = "wss-listen"
        program += ["--pkcs12-der", str(place.certificate.with_suffix(".p12"))]
    return [
        *program,
        f"{scheme}:127.0.0.1:{place.port}",
        f"tcp:127.0.0.1:{place.target_port}",
    ]


def _node(place: Place) -> list[str]:
    command = [_found("node"), str(WS_PIPE), str(place.port), str(place.target_port)]
    return command if place.certificate is None else [*command, str(place.certificate)]


def _socat(place: Place) -> list[str]:
    listen = f"TCP-LISTEN:{place.port},bind=127.0.0.1,fork,reuseaddr,nodelay,backlog=1024"
    return [_found("socat"), listen, f"TCP:127.0.0.1:{place.target_port},nodelay"]


# One thread, as we have; splicing forced on, for without it (`splice-auto` guesses
# by what it saw) bulk costs a multiple.  Pipes are few, since their descriptors are
# set aside in advance.
_HAPROXY = """\
global
    nbthread 1
    maxconn 9500
    maxpipes 100
    tune.pipesize {pipe_bytes}
defaults
    mode tcp
    timeout connect 10s
    timeout client 10m
    timeout server 10m
    option splice-request
    option splice-response
listen relay
    bind 127.0.0.1:{port}{tls}
    server target 127.0.0.1:{target_port}
"""


# The kernel's own default, and as large as the kernel gives them.
_USUAL_PIPE, _LARGE_PIPE = 1 << 16, 1 << 20


def _haproxy(place: Place, pipe_bytes: int = _USUAL_PIPE) -> list[str]:
    file = place.work / f"haproxy-{place.port}.cfg"
    tls = "" if place.certificate is None else f" ssl crt {place.certificate}"
    settings = {"port": place.port, "target_port": place.target_port, "tls": tls}
    file.write_text(_HAPROXY.format(**settings, pipe_bytes=pipe_bytes))
    return [_found("haproxy"), "-db", "-f", str(file)]


REFERENCE = "haproxy"
OURS = "ours"
DIRECT = "direct"
"""No proxy, but the target itself: what latencies are compared with."""

_OUR_PROGRAM = str(Path(sys.executable).with_name("wsproxy-gevent"))

PEERS: dict[str, Peer] = {
    peer.name: peer
    for peer in (
        Peer(OURS, _ours, (_OUR_PROGRAM, "--version")),
        Peer(
            "ours-python",
            _ours,
            (_OUR_PROGRAM, "--version"),
            environment={"WSPROXY_ENGINE": "python"},
        ),
        Peer(REFERENCE, _haproxy, ("haproxy", "-v"), raw=True),
        Peer(
            "haproxy-1m",
            partial(_haproxy, pipe_bytes=_LARGE_PIPE),
            ("haproxy", "-v"),
            raw=True,
            tls=False,
        ),
        Peer(
            "websocat",
            _websocat,
            (str(VENV / "websocat"), "--version"),
            needs=(VENV / "websocat",),
        ),
        Peer(
            "websockify",
            _websockify,
            (
                str(VENV / "python"),
                "-c",
                "import importlib.metadata as m; print(m.version('websockify'))",
            ),
            needs=(VENV / "websockify",),
            most_idle=200,
            cannot={"keys": "select() knows 1,024 descriptors: some 500 sessions"},
        ),
        Peer(
            "node-ws",
            _node,
            ("node", "--version"),
            environment={"NODE_PATH": str(NODE_MODULES)},
            needs=(NODE_MODULES / "ws",),
        ),
        Peer("socat", _socat, ("socat", "-V"), raw=True, tls=False, most_idle=200),
    )
}
