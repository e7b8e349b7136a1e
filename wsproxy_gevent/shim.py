"""`install-shim DIR`: the name websockify for this command.

A symlink is all it takes: the name that a process is called by chooses the
profile.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable

from .config.loading import Loaded
from .config.profile import called_as
from .config.settings import Profile
from .errors import StartError, UsageError

NAME = Profile.WEBSOCKIFY.value
OURS = "wsproxy-gevent"


def install(loaded: Loaded, say: Callable[[str], None]) -> int:
    """Make the symlink; returns the exit status.  Raises `StartError` and `UsageError`."""
    if len(loaded.arguments) != 1:
        raise UsageError("install-shim takes one directory, such as ~/.local/bin")
    path = os.path.join(os.path.expanduser(loaded.arguments[0]), NAME)
    command = own_command(sys.argv[0], sys.executable)
    link(path, command)
    say(f"{path} -> {command}")
    if (found := shutil.which(NAME)) is None or not os.path.samefile(found, path):
        say(
            f"`{NAME}` still means {found or 'nothing'}: put {os.path.dirname(path)} first in PATH"
        )
    return 0


def own_command(called: str, python: str) -> str:
    """The script that starts us: the one that was called, or that of this Python."""
    named = shutil.which(called) if called_as(called) == os.path.basename(called) else None
    beside = os.path.join(os.path.dirname(python), OURS)
    for command in (named, beside, shutil.which(OURS)):
        if command and os.path.isfile(command):
            return os.path.abspath(command)
    raise StartError(f"the script {OURS} is not installed: pip install wsproxy-gevent")


def link(path: str, command: str) -> None:
    """Put the symlink there.  What stands there already is nobody's to remove."""
    try:
        os.symlink(command, path)
    except FileExistsError as error:
        if not os.path.exists(path) or not os.path.samefile(path, command):
            raise StartError(
                f"there is a {path} already: remove it, or name another directory"
            ) from error
    except OSError as error:
        raise StartError(f"cannot make {path}: {error.strerror}") from error
