"""What a record's file is called, and how it comes to be.

`--record FILE` gives `FILE.1`, `FILE.2`, ... in the order of the sessions of
this process.  A FILE that ends in `.js`, or a directory, gives
`<utc>-<session id>.js` in that directory: a name that a web server sends as
a script.

An existing file is never touched and a symbolic link never followed: a
record holds passwords, and the directory may be one where others can plant
things.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

from ..errors import StartError, UsageError
from ..observer import SessionInfo
from .format import utc

NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class RecordNames:
    """The names for one `--record` value, made absolute here and now."""

    def __init__(self, path: str) -> None:
        """Raises `UsageError` if the value is empty."""
        if not path:
            raise UsageError("--record is empty; name a file, or a directory with a trailing /")
        self.path = os.path.abspath(path)
        is_directory = path.endswith("/") or os.path.isdir(path)
        self._by_id = is_directory or path.endswith(".js")
        self._makes_directory = path.endswith("/")
        self.directory = self.path if is_directory else os.path.dirname(self.path)
        # One count serves every thread: `next` on it is a single C call.
        self._numbers = itertools.count(1)

    def check(self) -> None:
        """Raise `StartError` if no record could be made.

        A directory that was written with a trailing slash may be missing;
        it is made with the first record, by whoever the process is then.
        """
        if os.path.isdir(self.directory):
            if not os.access(self.directory, os.W_OK | os.X_OK):
                raise StartError(
                    f"--record: {self.directory} cannot be written to; "
                    "change its owner or mode, or name another place"
                )
        elif os.path.lexists(self.directory):
            raise StartError(f"--record: {self.directory} is not a directory; name another place")
        elif self._makes_directory:
            self._check_above()
        else:
            raise StartError(
                f"--record: the directory {self.directory} does not exist; "
                f"make it with: mkdir -p {self.directory}"
            )

    def _check_above(self) -> None:
        """The directory is yet to be made: the nearest one above must let us."""
        above = os.path.dirname(self.directory)
        while not os.path.lexists(above):
            above = os.path.dirname(above)
        if not os.path.isdir(above) or not os.access(above, os.W_OK | os.X_OK):
            raise StartError(
                f"--record: {self.directory} cannot be made in {above}; "
                "make it yourself, or name another place"
            )

    def create(self, info: SessionInfo) -> tuple[int, str]:
        """Make the session's file, for its owner alone; its descriptor and path.

        Blocks on the disk.  Raises `OSError`.
        """
        if self._makes_directory:
            os.makedirs(self.directory, mode=0o700, exist_ok=True)
        for path in self._candidates(info):
            try:
                return os.open(path, NEW_FILE, 0o600), path
            except FileExistsError:
                continue
        raise FileExistsError(f"{path} exists already")

    def _candidates(self, info: SessionInfo) -> Iterator[str]:
        if self._by_id:
            stamp = f"{utc(info.opened_at):%Y%m%dT%H%M%SZ}"
            yield os.path.join(self.directory, f"{stamp}-{info.id}.js")
        else:
            yield from (f"{self.path}.{number}" for number in self._numbers)
