"""Tokens that are names in a directory: of files with a target in each, or of sockets.

A token is a name and nothing else: what would lead out of the directory, or
name what is hidden in it, is not known.  A symlink counts if it stays inside,
as those do by which volumes of secrets are swapped.
"""

from __future__ import annotations

import os
import stat
from typing import Final

from ..errors import SourceFailed, StartError, UsageError
from ..model import Target, Token, UnixTarget
from ..net.turns import Turns
from .naming import parse_named
from .tokens import LOOKUP_SECONDS, unknown

FILE_BYTES: Final = 4096

NAME_BYTES: Final = 255


class DirectorySource:
    """A token is the name of a file that holds its target."""

    def __init__(self, path: str, *, turns: Turns) -> None:
        """Raises `StartError` for what is there and no directory."""
        check_directory(path)
        self._path = path
        self._turns = turns

    def find(self, token: Token) -> Target:
        """May switch."""
        return self._turns.call(self._read, token, timeout=LOOKUP_SECONDS)

    def _read(self, token: Token) -> Target:
        path = path_inside(self._path, token)
        try:
            # Not to wait for a FIFO's writer.
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as exc:
            raise unknown(token, f"no such file: {exc.strerror}") from exc
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise unknown(token, "this is no regular file")
            content = os.read(descriptor, FILE_BYTES + 1)
        finally:
            os.close(descriptor)
        try:
            if len(content) > FILE_BYTES:
                raise UsageError(f"it is longer than {FILE_BYTES} bytes")
            return parse_named(content.decode().strip())
        except (UsageError, UnicodeDecodeError) as exc:
            fault = f"the file of token {token} in {self._path} names no target: {exc}"
            raise SourceFailed("this token's file names no target", detail=fault) from exc


class SocketDirectory:
    """A token is the name of a unix socket."""

    def __init__(self, path: str, *, turns: Turns) -> None:
        """Raises `StartError` for what is there and no directory."""
        check_directory(path)
        self._path = path
        self._turns = turns

    def find(self, token: Token) -> Target:
        """May switch."""
        return self._turns.call(self._look, token, timeout=LOOKUP_SECONDS)

    def _look(self, token: Token) -> Target:
        path = path_inside(self._path, token)
        try:
            is_socket = stat.S_ISSOCK(os.lstat(path).st_mode)
        except OSError as exc:
            raise unknown(token, f"no such socket: {exc.strerror}") from exc
        if not is_socket:
            raise unknown(token, "this is no socket")
        return UnixTarget(path)


def check_directory(path: str) -> None:
    """Blocks.  Raises `StartError`; a directory may still be made later."""
    if os.path.exists(path) and not os.path.isdir(path):
        raise StartError(f"{path} is no directory: tokens are the names in one")


def path_inside(directory: str, token: Token) -> str:
    """The token's path, behind all symlinks.  Blocks; raises `TokenRefused`."""
    name = token.secret
    size = len(name.encode("utf-8", "replace"))
    if not 0 < size <= NAME_BYTES or "/" in name or "\x00" in name or name.startswith("."):
        raise unknown(token, "this is no name in a directory")
    try:
        root = os.path.realpath(directory)
        path = os.path.realpath(os.path.join(root, name))
    except (OSError, ValueError) as exc:
        raise unknown(token, "this is no name in a directory") from exc
    if not path.startswith(root.rstrip("/") + "/"):
        raise unknown(token, "it leads out of the directory")
    return path
