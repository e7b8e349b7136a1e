"""`check`: all that a start would find wrong, without starting.

Nothing is bound that somebody else holds, nothing is written, nobody is
connected to.  The parts are made by the same code as at a start.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from . import privileges
from .assembly import Parts
from .config.declare import Declaration, Topic
from .config.kinds import FILE_MODE
from .config.loading import Loaded
from .config.settings import DECLARATIONS, Settings
from .errors import StartError, UsageError
from .limits import connections_allowed
from .listening import Listening, why_not
from .net.probe import warning_of
from .pidfile import owner
from .risks import risks
from .sources import token_file
from .targets.spelling import parse_target
from .targets.token_file import read_tokens

FINE, FAULTY = 0, 1


@dataclass
class Findings:
    """`faults` keep a process from starting, `notices` are true just now."""

    faults: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    secure: bool = False

    def attempt(self, step: Callable[[Settings, Findings], None], settings: Settings) -> None:
        """Take a step; what is wrong with it is a fault."""
        try:
            step(settings, self)
        except (StartError, UsageError) as error:
            self.faults.append(str(error))


def report(loaded: Loaded, say: Callable[[str], None]) -> int:
    """Say everything; the value is the exit status: 1 if a start would fail."""
    found = examine(loaded.settings)
    lines = [*settings_lines(loaded)]
    lines += [f"warning: {text}" for text in loaded.warnings]
    lines += [f"risk: {text}" for text in risks(loaded.settings, secure=found.secure)]
    lines += [f"notice: {text}" for text in found.notices]
    lines += [f"error: {text}" for text in found.faults]
    lines.append("it would not start" if found.faults else "it would start")
    say("\n".join(lines))
    return FAULTY if found.faults else FINE


def examine(settings: Settings) -> Findings:
    """All faults, not only the first.  Blocks on the disk and the resolver."""
    found = Findings()
    for step in _STEPS:
        found.attempt(step, settings)
    return found


# -- What is looked at ------------------------------------------------------------


def _account(settings: Settings, _: Findings) -> None:
    privileges.find_account(settings.user, settings.group)


def _parts(settings: Settings, found: Findings) -> None:
    nowhere = Listening([], [])
    found.secure = Parts(settings, nowhere).certificate is not None


def _port(settings: Settings, found: Findings) -> None:
    fault = why_not(settings)
    if fault is None:
        return
    cause = fault.__cause__
    if not (isinstance(cause, OSError) and cause.errno == errno.EADDRINUSE):
        raise fault
    found.notices.append(str(fault))


def _pid_file(settings: Settings, found: Findings) -> None:
    path = settings.pid_file
    if path is None:
        return
    _may_write(path, "--pid-file")
    if os.path.lexists(path) and (pid := owner(path)) is not None:
        found.notices.append(f"{path}: process {pid} runs, and a second one would not start")


def _log_file(settings: Settings, _: Findings) -> None:
    if settings.log_file is not None:
        _may_write(settings.log_file, "--log-file")


def _syslog(settings: Settings, _: Findings) -> None:
    address = settings.syslog or ""
    if address.startswith("/") and not os.path.exists(address):
        raise StartError(f"--syslog: no syslog answers at {address}")


def _tokens(settings: Settings, found: Findings) -> None:
    """Each line of a token file that a start would skip, with a warning."""
    path = token_file(settings)
    if path is not None and os.path.exists(path):
        found.faults += read_tokens(path).faults


def _target(settings: Settings, found: Findings) -> None:
    if settings.command:
        return
    if settings.finds_targets:
        return
    if warning := warning_of(parse_target(settings.target or "")):
        found.notices.append(warning)


_STEPS: tuple[Callable[[Settings, Findings], None], ...] = (
    _account,
    _parts,
    _port,
    _pid_file,
    _log_file,
    _syslog,
    _tokens,
    _target,
)


def _may_write(path: str, option: str) -> None:
    """The file, or its directory where there is none yet."""
    place = path if os.path.lexists(path) else os.path.dirname(path)
    if os.path.isdir(path) or not os.path.exists(place):
        raise StartError(f"{option}: {path} is in no directory, or one itself")
    if not os.access(place, os.W_OK):
        raise StartError(f"{option}: {place} may not be written to by this user")


# -- What holds ---------------------------------------------------------------------


def settings_lines(loaded: Loaded) -> Iterator[str]:
    """Every setting under its topic, with its value and where that is from."""
    for topic in Topic:
        yield f"# {topic.value}"
        for one in DECLARATIONS.values():
            if one.topic is topic:
                value = getattr(loaded.settings, one.name)
                yield f"{one.name} = {shown(one, value)}  # {_origin(loaded, one, value)}"
    yield from _in_all(loaded.settings)
    if loaded.settings.max_connections is None:
        yield f"# so many connections are accepted at a time: {connections_allowed()}"


# What each process counts by itself.
_OF_EACH_PROCESS: Final = (
    "max_connections",
    "max_pending_per_address",
    "max_per_address",
    "max_per_target",
    "max_per_token",
)


def _in_all(settings: Settings) -> Iterator[str]:
    """What limits of each process come to where there are several."""
    for name in _OF_EACH_PROCESS:
        if settings.workers > 1 and (most := getattr(settings, name)):
            yield f"# {name} of all {settings.workers} workers: {most * settings.workers}"


def shown(one: Declaration, value: object) -> str:
    """As a file would have it; a secret is only said to be there."""
    if value is None:
        return "none"
    if one.secret:
        return '"***"'
    if one.kind is FILE_MODE:
        return f'"{value:04o}"'
    return f"{value:g}" if isinstance(value, float) else json.dumps(value)


def _origin(loaded: Loaded, one: Declaration, value: object) -> str:
    if one.name in loaded.origins:
        return loaded.origins[one.name]
    default = one.default_in(lenient=loaded.settings.lenient)
    if one.name == "cert" and not loaded.settings.cert_named:
        return "default"
    if value != default:
        return "follows from the others"
    return "default" if default == one.default else "default of the profile websockify"
