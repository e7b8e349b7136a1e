"""A pid file that is true: locked as long as the process it names lives.

The lock, not the number, says that somebody runs: a file left behind by a
killed process is simply taken over.  The file is never followed through a
symlink, and never written over when it holds anything but a pid, for it is
opened with whatever privilege the process was started with.

*Resource handling*: `close` (or the end of the `with`) removes the file if
it is still ours; where the directory no longer lets us, it is emptied.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from types import TracebackType
from typing import Final

from .errors import StartError

# Between our open and our lock the last owner may remove the file.
_TRIES: Final = 10

# No pid is longer; a file that is holds something else.
_MOST_BYTES: Final = 32

_WHY: Final = {
    errno.ELOOP: "it is a symbolic link; name the file itself",
    errno.EISDIR: "it is a directory; name a file in it",
    errno.ENOENT: "its directory does not exist",
    errno.ENXIO: "it is not a regular file",
    errno.EACCES: "not permitted; choose a directory that you may write to",
}


_WHY_NOT_READ: Final = {
    errno.ENOENT: "there is no such file",
    errno.EACCES: "this user may not read it",
    errno.ELOOP: _WHY[errno.ELOOP],
}


class PidFile:
    """Created and locked when made; raises `StartError`.

    To be made by the process it shall name, after its last fork.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._pid = os.getpid()
        self._file = _locked(path)
        os.fchmod(self._file, 0o644)
        _write(self._file, f"{self._pid}\n".encode())

    def __enter__(self) -> PidFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the file if it still holds our pid; may be called again."""
        if self._file < 0:
            return
        # Before the lock goes: nobody can have taken the file over in between.
        if _pid_in(self._file) == self._pid and not self._removed():
            _write(self._file, b"")
        os.close(self._file)
        self._file = -1

    def _removed(self) -> bool:
        """Remove the file; False where a change of user closed the directory to us."""
        try:
            if _is_at(self._file, self._path):
                os.unlink(self._path)
        except OSError:
            return False
        return True


def owner(path: str) -> int | None:
    """The process that holds the file now; None for a file left behind.

    Raises `StartError` for a file that is missing, or is no pid file.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        why = _WHY_NOT_READ.get(error.errno or 0, os.strerror(error.errno or 0))
        raise StartError(f"no process is known by {path}: {why}") from error
    try:
        _check(file, path)
        return _holder(file)
    finally:
        os.close(file)


def _holder(file: int) -> int | None:
    """Whose lock keeps us from having one."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError as error:
        if (pid := _pid_in(file)) is None:
            raise StartError(_running(None)) from error
        return pid
    # Not left to the close: whoever starts at this moment must find it free.
    fcntl.flock(file, fcntl.LOCK_UN)
    return None


def _locked(path: str) -> int:
    """A descriptor of the file that now stands at the path, locked by us."""
    for _ in range(_TRIES):
        with contextlib.ExitStack() as unless_ours:
            file = _opened(path)
            unless_ours.callback(os.close, file)
            _check(file, path)
            _lock(file, path)
            if _is_at(file, path):
                unless_ours.pop_all()
                return file
    raise StartError(f"cannot lock {path}: other processes keep replacing it")


def _lock(file: int, path: str) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StartError(f"{path}: {_running(_pid_in(file))}") from error
    except OSError as error:
        raise StartError(f"cannot lock {path}: {error.strerror}") from error


def _running(pid: int | None) -> str:
    if pid is None:
        return "another process holds it and is just starting"
    return f"already running as process {pid}; stop it with: kill {pid}"


def _opened(path: str) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        return os.open(path, flags, 0o644)
    except OSError as error:
        why = _WHY.get(error.errno or 0, os.strerror(error.errno or 0))
        raise StartError(f"cannot make the pid file {path}: {why}") from error


def _check(file: int, path: str) -> None:
    """Refuse what may be somebody else's treasure."""
    facts = os.fstat(file)
    if not stat.S_ISREG(facts.st_mode) or facts.st_nlink > 1:
        raise StartError(f"{path} is no pid file: not a regular file with one name")
    if facts.st_size and _pid_in(file) is None:
        raise StartError(f"{path} is no pid file: it holds something else; remove it first")


def _pid_in(file: int) -> int | None:
    content = os.pread(file, _MOST_BYTES + 1, 0).strip()
    return int(content) if content.isdigit() and len(content) <= _MOST_BYTES else None


def _is_at(file: int, path: str) -> bool:
    """Whether the path still leads to the open file; `OSError` if we may not know."""
    try:
        return os.path.samestat(os.fstat(file), os.lstat(path))
    except FileNotFoundError:
        return False


def _write(file: int, content: bytes) -> None:
    os.ftruncate(file, 0)
    os.pwrite(file, content, 0)
