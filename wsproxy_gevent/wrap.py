"""`PORT -- COMMAND`: where the command listens, and how it is told.

It gets a free port by `{port}` in its arguments and PORT in its environment;
or a unix socket by `{socket}`, in a directory that is nobody else's; or it
listens where --unix-target or a target argument says.  A command that knows
of none of these and binds the public port is moved to the free one by a small
library of ours that is preloaded.  The rest is the caller's: environment,
umask and directory.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.machinery import EXTENSION_SUFFIXES
from typing import Final

from gevent import monkey

from .activation import VARIABLES
from .config.settings import Settings
from .errors import StartError, UsageError
from .model import TcpTarget
from .net.listen import parse_source
from .targets.spelling import parse_target

PORT: Final = "{port}"
SOCKET: Final = "{socket}"

# Starting takes a while, and whoever comes meanwhile can wait.
DIAL_WAIT_SECONDS: Final = 10.0

# What systemd says to us concerns nobody else.
_OURS: Final = frozenset({*VARIABLES, "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})

# Below this Linux takes no ports for outgoing connections by default, so that
# nobody has ours by accident before the command does.
_EPHEMERAL: Final = 32768
_TRIES: Final = 100


@dataclass(frozen=True, slots=True)
class Caller:
    """Who started us, as the command shall find it."""

    environ: Mapping[str, str]
    directory: str
    umask: int

    @classmethod
    def now(cls, environ: Mapping[str, str], directory: str) -> Caller:
        """As it is; to be called before we change anything, and without threads."""
        umask = os.umask(0o077)
        os.umask(umask)
        return cls(environ, directory, umask)


@dataclass(frozen=True, slots=True)
class Wrapping:
    """A command that is ready to be started.

    `target` is where it will listen.  `private` is a directory to make for
    its socket, and to remove in the end.
    """

    argv: tuple[str, ...]
    environ: Mapping[str, str]
    directory: str
    umask: int
    target: str
    private: str | None = None
    warning: str = ""

    def applied(self, settings: Settings) -> Settings:
        """The settings with the command as their target."""
        wait = settings.dial_wait or DIAL_WAIT_SECONDS
        return replace(settings, target=self.target, dial_wait=wait)


def plan(settings: Settings, caller: Caller) -> Wrapping:
    """What is to be started.  Raises `StartError` and `UsageError`."""
    environ = {name: text for name, text in caller.environ.items() if name not in _OURS}
    wrapping = Wrapping(settings.command, environ, caller.directory, caller.umask, "")
    made = _on_socket(wrapping, settings) or _on_port(wrapping, settings)
    return replace(made, argv=(_executable(made), *made.argv[1:]))


def _on_socket(wrapping: Wrapping, settings: Settings) -> Wrapping | None:
    """The command listens on a unix socket, if it is one that it is told of."""
    named = _mentions(wrapping, SOCKET)
    if not (named or settings.unix_target):
        return None
    if _mentions(wrapping, PORT):
        raise UsageError(f"the command has {PORT}, and is to listen on a unix socket: one of them")
    private = None if settings.unix_target else _private_directory()
    path = settings.unix_target or f"{private}/command.sock"
    return replace(
        wrapping, argv=_filled(wrapping, SOCKET, path), target=f"unix:{path}", private=private
    )


def _private_directory() -> str:
    """A name that is free, and that nobody can guess before it is made."""
    return os.path.join(
        tempfile.gettempdir(), f"wsproxy-{random.SystemRandom().getrandbits(64):x}"
    )


def _on_port(wrapping: Wrapping, settings: Settings) -> Wrapping:
    """The command listens on a port: that of the target, or a free one."""
    target = settings.target or f"localhost:{free_port()}"
    found = parse_target(target)
    if not isinstance(found, TcpTarget):
        if _mentions(wrapping, PORT):
            raise UsageError(f"the command has {PORT}, and its target {target} has none")
        return replace(wrapping, target=target)
    told = replace(
        wrapping,
        argv=_filled(wrapping, PORT, str(found.port)),
        environ={**wrapping.environ, "PORT": str(found.port)},
        target=target,
    )
    knows = settings.target is not None or _mentions(wrapping, PORT)
    return told if knows else _rebinding(told, settings, found.port)


def _rebinding(wrapping: Wrapping, settings: Settings, private: int) -> Wrapping:
    """The same, moved to its port should it bind ours."""
    public = parse_source(settings.source)[1] if settings.source else 0
    if not public:
        return wrapping
    if (library := find_library()) is None:
        warning = (
            f"the preload was not compiled: {wrapping.argv[0]} must listen on the port that PORT "
            f"or {PORT} in its arguments gives it"
        )
        return replace(wrapping, warning=warning)
    preloads = [library, *filter(None, [wrapping.environ.get("LD_PRELOAD")])]
    moved = {"LD_PRELOAD": ":".join(preloads), "WSPROXY_REBIND": f"{public}:{private}"}
    return replace(wrapping, environ={**wrapping.environ, **moved})


def find_library() -> str | None:
    """The file of the preload, where it was built for a system that has such."""
    if not sys.platform.startswith("linux"):
        return None
    beside = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_rebind")
    built = (beside + suffix for suffix in EXTENSION_SUFFIXES)
    return next(filter(os.path.isfile, built), None)


def free_port() -> int:
    """A port of loopback that nobody has, of those that nobody gets unasked."""
    standard: type[socket.socket] = monkey.get_original("socket", "socket")
    chosen = random.SystemRandom()
    for _ in range(_TRIES):
        port = chosen.randrange(10_000, _EPHEMERAL)
        with standard() as trying:
            try:
                trying.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise StartError("no port is free on loopback: name a target, or give the command {socket}")


def _mentions(wrapping: Wrapping, place: str) -> bool:
    return any(place in word for word in wrapping.argv)


def _filled(wrapping: Wrapping, place: str, text: str) -> tuple[str, ...]:
    return tuple(word.replace(place, text) for word in wrapping.argv)


def _executable(wrapping: Wrapping) -> str:
    """The file that the first word means, for whoever calls.  Raises `StartError`."""
    name = wrapping.argv[0]
    at = os.path.join(wrapping.directory, name) if os.sep in name else name
    found = shutil.which(at, path=wrapping.environ.get("PATH", os.defpath))
    if found is None:
        raise StartError(f"there is no command {name!r} to start")
    return os.path.join(wrapping.directory, found)
