"""Tokens of a file, or of each file of a directory.

    # a comment
    token: host:port
    other: [2001:db8::1]:5900
    third: unix:/run/service.sock

The files are looked at on each lookup, so that whoever writes a line and
then sends a browser is not too early.  A line that says nothing is skipped
and told of, and of two for one token the last one counts; `strict`, they
keep the whole file from being taken.  What is taken is taken whole: while
files cannot be read, or hold nothing but faults, what they said before
stays.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import StartError, UsageError
from ..model import Target, Token
from ..net.turns import Turns
from .naming import parse_named
from .tokens import LOOKUP_SECONDS, unknown

logger = logging.getLogger(__name__)

# Of many bad lines the first ones say what is wrong.
FAULTS_TOLD = 10

# A file that was written this recently may be written again without its times
# telling: kernels count those in ticks.  Seconds.
UNSETTLED_SECONDS = 0.1

# websockify's own pattern: a name may hold colons, and what is behind one with
# white space is the target.
_LINE = re.compile(r"(?P<token>.*?):\s+(?P<target>.*)")


@dataclass(frozen=True, slots=True)
class Tokens:
    """What files say: each token's target, and what is wrong, by file and line."""

    targets: Mapping[str, Target]
    faults: Sequence[str] = ()


def parse_lines(lines: Iterable[str], path: str, targets: dict[str, Target]) -> list[str]:
    """Read lines into `targets`; returns what is wrong with them.

    No fault holds a token: logs are read by more people than token files.
    """
    faults = []
    for number, line in enumerate(lines, 1):
        line = line.strip().removeprefix("\ufeff")
        if not line or line.startswith("#"):
            continue
        where = f"{path}, line {number}"
        match = _LINE.fullmatch(line)
        if match is None or not match["token"]:
            faults.append(f"{where}: this is not TOKEN: TARGET; it is skipped")
            continue
        try:
            target = parse_named(match["target"])
        except UsageError as error:
            faults.append(f"{where}: {error}; it is skipped")
            continue
        if match["token"] in targets:
            faults.append(f"{where}: its token stands further up as well; the last one counts")
        targets[match["token"]] = target
    return faults


def read_tokens(path: str, *, strict: bool = False) -> Tokens:
    """What the file says, or the files of the directory.  Blocks.

    Raises `StartError` where there is nothing that can be used.
    """
    targets: dict[str, Target] = {}
    faults: list[str] = []
    for file in files_of(path):
        try:
            with open(file, encoding="utf-8") as lines:
                faults += parse_lines(lines, file, targets)
        except (OSError, UnicodeDecodeError) as exc:
            raise StartError(f"cannot read the tokens of {file}: {exc}") from exc
    if faults and strict:
        raise StartError(f"{faults[0]} (--strict-tokens: none of it is taken)")
    if faults and not targets:
        raise StartError(f"{path} holds no token that leads anywhere: {faults[0]}")
    return Tokens(targets, faults)


def files_of(path: str) -> list[str]:
    """The file itself, or those of a directory that are not hidden, in their order.  Blocks."""
    if not os.path.isdir(path):
        return [path]
    try:
        names = sorted(name for name in os.listdir(path) if not name.startswith("."))
    except OSError as exc:
        raise StartError(f"cannot read the tokens of {path}: {exc}") from exc
    return [file for name in names if os.path.isfile(file := os.path.join(path, name))]


_Stamp = tuple[str, int, int, int, int]


@dataclass(frozen=True, slots=True)
class _State:
    """`stamps` is None where the files may have changed unseen."""

    stamps: list[_Stamp] | None
    tokens: Tokens


class FileSource:
    """Knows the tokens of a file, or of a directory's files.

    Without `watched` the files are read once.
    """

    def __init__(
        self, path: str, *, turns: Turns, strict: bool = False, watched: bool = True
    ) -> None:
        """Read them now.  Raises `StartError`; missing files are only told of."""
        self._path = path
        self._turns = turns
        self._strict = strict
        self._watched = watched
        stamps = _stamps(path)
        if not stamps:
            logger.warning("%s is not there yet: until it is, no token is known", path)
            self._state = _State([], Tokens({}))
        else:
            tokens = read_tokens(path, strict=strict)
            self._state = _State(_settled(stamps), tokens)
            _tell(tokens)

    @property
    def tokens(self) -> Tokens:
        """What was said last."""
        return self._state.tokens

    def find(self, token: Token) -> Target:
        """May switch."""
        tokens = self._state.tokens
        if self._watched:
            tokens = self._turns.call(self._look, timeout=LOOKUP_SECONDS)
        target = tokens.targets.get(token.secret)
        if target is None:
            raise unknown(token)
        return target

    def _look(self) -> Tokens:
        """On native threads, of which several may be here at once.

        What each reads is whole, and the last one's is what stays.
        """
        stamps, before = _stamps(self._path), self._state
        if stamps == before.stamps:
            return before.tokens
        try:
            tokens = read_tokens(self._path, strict=self._strict)
        except StartError as error:
            self._state = _State(stamps, before.tokens)
            logger.error("the tokens of before stay in use: %s", error)
            return before.tokens
        self._state = _State(_settled(stamps), tokens)
        if before.tokens != tokens:
            _tell(tokens)
        return tokens


def _tell(tokens: Tokens) -> None:
    for fault in tokens.faults[:FAULTS_TOLD]:
        logger.warning("%s", fault)
    if (more := len(tokens.faults) - FAULTS_TOLD) > 0:
        logger.warning("... and %d lines more", more)


def _stamps(path: str) -> list[_Stamp]:
    """What changes when the files do; nothing of a file that is not there."""
    stamps = []
    try:
        for file in files_of(path):
            status = os.stat(file)
            times = status.st_mtime_ns, status.st_ctime_ns
            stamps.append((file, *times, status.st_size, status.st_ino))
    except (OSError, StartError):
        return []
    return stamps


def _settled(stamps: list[_Stamp]) -> list[_Stamp] | None:
    newest = max((changed for _, _, changed, _, _ in stamps), default=0)
    return None if time.time() - newest / 1e9 < UNSETTLED_SECONDS else stamps
