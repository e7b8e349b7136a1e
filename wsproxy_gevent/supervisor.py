"""Whether to stay in the foreground, and at whose wish.

Somebody who watches a process takes one that detaches for one that died.
So in our own profile, which detaches by default, one small table recognises
those who watch; `-D` detaches in spite of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from .config.settings import Mode, Settings


@dataclass(frozen=True, slots=True)
class Stay:
    """In the foreground; `why` is empty where the user said so."""

    why: str = ""


@dataclass(frozen=True, slots=True)
class Detach:
    """To the background."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a process knows of who started it; `exists` tells of a path."""

    environ: Mapping[str, str]
    pid: int
    ppid: int
    exists: Callable[[str], bool]


def _in_container(here: Surroundings) -> bool:
    """The container's first process started us: it ends when that one does.

    Someone who types in a container's shell may detach there as elsewhere.
    """
    marked = here.exists("/.dockerenv") or here.exists("/run/.containerenv")
    named = "container" in here.environ or "KUBERNETES_SERVICE_HOST" in here.environ
    return here.ppid == 1 and (marked or named)


def _has(*variables: str) -> Callable[[Surroundings], bool]:
    return lambda here: all(here.environ.get(variable) for variable in variables)


SUPERVISORS: Final[tuple[tuple[str, Callable[[Surroundings], bool]], ...]] = (
    ("this is process 1", lambda here: here.pid == 1),
    ("the first process of a container started it", _in_container),
    (
        "systemd started it (SYSTEMD_EXEC_PID)",
        lambda here: here.environ.get("SYSTEMD_EXEC_PID") == str(here.pid),
    ),
    ("systemd waits for it (NOTIFY_SOCKET)", _has("NOTIFY_SOCKET")),
    ("supervisord started it (SUPERVISOR_ENABLED)", _has("SUPERVISOR_ENABLED")),
    ("it runs on a dyno (DYNO)", _has("DYNO")),
    ("honcho started it (HONCHO_PROCESS_NAME)", _has("HONCHO_PROCESS_NAME")),
    # foreman and overmind set these two for each process of a Procfile.
    ("a Procfile runner started it (PS and PORT)", _has("PS", "PORT")),
)


def decide(
    settings: Settings,
    environ: Mapping[str, str],
    pid: int,
    ppid: int,
    exists: Callable[[str], bool],
) -> Stay | Detach:
    """What the settings say, or else what the surroundings do."""
    if settings.daemon:
        return Detach()
    if settings.foreground or settings.mode is not Mode.PROXY:
        asked = settings.foreground and environ.get("WSPROXY_FOREGROUND")
        return Stay("WSPROXY_FOREGROUND says so" if asked else "")
    if settings.inetd:
        return Stay("inetd started it")
    if settings.command:
        return Stay("it runs a command")
    if settings.run_once:
        return Stay("--run-once ends with its session")
    here = Surroundings(environ, pid, ppid, exists)
    return next((Stay(why) for why, holds in SUPERVISORS if holds(here)), Detach())
