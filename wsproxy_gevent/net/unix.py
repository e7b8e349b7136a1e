"""A listening socket in the file system, which takes nobody's place.

A file is removed for it only if it is a dead socket of ours: a socket by
`lstat`, owned by us, to which a connect is refused.  The directory is locked
meanwhile, lest of two that start at once the later one removes the socket
that the other has just made.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from gevent import monkey

from ..errors import StartError
from .listen import BACKLOG

# How a connect says that somebody listens, or might.
_ALIVE = "somebody listens there: stop it, or name another file"

_CURES = {
    errno.EACCES: "not permitted: name a file in a directory that you may write to",
    errno.ENOENT: "its directory does not exist: make it, or name another",
    errno.EROFS: "its file system is read-only: name a file elsewhere",
}

# The umask that the mode is made with concerns permissions alone.
_PERMISSIONS = 0o777


@dataclass(frozen=True, slots=True)
class UnixFile:
    """The file of a socket that we bound, known by its inode and by being dead.

    An inode's number is given to another file soon after it is free.
    """

    path: str
    device: int
    inode: int

    def remove(self) -> None:
        """Remove the file if it is still that one and we may; may be called again.

        To be called when the socket is closed.
        """
        with suppress(OSError):
            facts = os.lstat(self.path)
            same = (facts.st_dev, facts.st_ino) == (self.device, self.inode)
            if same and stat.S_ISSOCK(facts.st_mode) and _is_dead(self.path):
                os.unlink(self.path)


def bind_unix(path: str, mode: int, *, backlog: int = BACKLOG) -> tuple[socket.socket, UnixFile]:
    """Listen on a unix socket that has this mode from its first moment.

    To be called while no other thread makes files: the umask is changed
    meanwhile.  Raises `StartError`.
    """
    try:
        with _locked(os.path.dirname(path) or "."):
            make_way(path)
            return _listen(path, mode, backlog)
    except OSError as error:
        cure = _CURES.get(error.errno or 0, error.strerror or str(error))
        raise StartError(f"cannot listen on unix:{path}: {cure}") from error


def make_way(path: str, *, remove: bool = True) -> None:
    """Remove a dead socket of ours, if one is there; with `remove` False, only look.

    Raises `StartError` for anything else that stands there.
    """
    try:
        facts = os.lstat(path)
    except FileNotFoundError:
        return
    fault = _why_not(path, facts)
    if fault:
        raise StartError(f"cannot listen on unix:{path}: {fault}")
    if remove:
        os.unlink(path)


def _why_not(path: str, facts: os.stat_result) -> str:
    if not stat.S_ISSOCK(facts.st_mode):
        return "there is a file of that name which is no socket: name another"
    if facts.st_uid != os.geteuid():
        return "the socket there belongs to somebody else: name another file"
    return "" if _is_dead(path) else _ALIVE


def _is_dead(path: str) -> bool:
    with _socket() as asking:
        asking.setblocking(False)
        return asking.connect_ex(path) == errno.ECONNREFUSED


def _listen(path: str, mode: int, backlog: int) -> tuple[socket.socket, UnixFile]:
    listener = _socket()
    before = os.umask(_PERMISSIONS & ~mode)
    try:
        listener.bind(path)
        listener.listen(backlog)
        listener.setblocking(False)
        facts = os.lstat(path)
    except BaseException:
        listener.close()
        raise
    finally:
        os.umask(before)
    return listener, UnixFile(path, facts.st_dev, facts.st_ino)


def _socket() -> socket.socket:
    standard_socket: type[socket.socket] = monkey.get_original("socket", "socket")
    return standard_socket(socket.AF_UNIX, socket.SOCK_STREAM)


@contextmanager
def _locked(directory: str) -> Iterator[None]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StartError(
                f"{directory} is locked: another process is just starting there"
            ) from error
        yield
    finally:
        # Not left to the close: a child that is just being forked holds the
        # descriptor until its exec, and with it the lock.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)
