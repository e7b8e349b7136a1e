"""The first word of a command line, and what the places after it mean.

A first argument that is a port or `addr:port` is the proxy itself; anything
else must be one of our words.  Where something else says where to listen,
the first argument is the target.
"""

from __future__ import annotations

import difflib
import enum
import re
from collections.abc import Sequence
from typing import Final

from ..errors import UsageError
from .settings import Mode

USAGE: Final = (
    "usage: wsproxy-gevent [options] [source_addr:]source_port target,"
    " for example: wsproxy-gevent 6080 localhost:5900"
)


class Task(enum.Enum):
    """What to do: serve, or something about a process that does."""

    SERVE = "serve"
    CHECK = "check"
    STATUS = "status"
    RELOAD = "reload"
    STOP = "stop"
    INSTALL_SHIM = "install-shim"


TASKS: Final = {task.value: task for task in Task if task is not Task.SERVE}

# These concern a process that runs: they need no more of the settings than its pid file.
REMOTE: Final = frozenset({Task.STATUS, Task.RELOAD, Task.STOP})

WORDS: Final = {"demo": Mode.DEMO, "vnc": Mode.VNC}

# Which settings the places after the word fill, in their order.
PLACES: Final[dict[Mode, tuple[str, ...]]] = {
    Mode.PROXY: ("source", "target"),
    Mode.DEMO: (),
    Mode.VNC: ("target",),
}

RESERVED: Final = ("sessions", "kick", "replay")

VNC_PORT: Final = 5900

# Below this a number behind a colon is a display, as VNC viewers have it.
_DISPLAYS: Final = 100

_VNC: Final = re.compile(r"(?P<host>\[[^\]]+\]|[^:\[\]/]*)(?P<colons>::?)(?P<number>[0-9]{1,5})")


def read_task(arguments: Sequence[str]) -> tuple[Task, list[str]]:
    """What to do, and the arguments that say with what."""
    if arguments and arguments[0] in TASKS:
        return TASKS[arguments[0]], list(arguments[1:])
    return Task.SERVE, list(arguments)


def read_mode(arguments: Sequence[str], *, has_source: bool = True) -> tuple[Mode, list[str]]:
    """What is served, and the arguments that fill its places."""
    if not arguments:
        return Mode.PROXY, []
    first, *rest = arguments
    if first in WORDS:
        return WORDS[first], rest
    if has_source and re.fullmatch(r"[A-Za-z][A-Za-z-]*", first):
        raise UsageError(_not_a_word(first))
    return Mode.PROXY, list(arguments)


def _not_a_word(word: str) -> str:
    if word in RESERVED:
        return f"the word {word!r} is not supported yet"
    words = [*WORDS, *TASKS]
    near = difflib.get_close_matches(word, words, 1)
    hint = f"did you mean {near[0]}?" if near else f"the words are {', '.join(words)}"
    return f"{word!r} is neither a port nor a word; {hint}; {USAGE}"


def fill_places(mode: Mode, arguments: Sequence[str], flags: Sequence[str]) -> dict[str, str]:
    """Which argument is which setting; a place that a flag fills is skipped."""
    places = [place for place in PLACES[mode] if place not in flags]
    if len(arguments) > len(places):
        extra = arguments[len(places)]
        raise UsageError(f"{extra!r} is one argument too many; {USAGE}")
    return dict(zip(places, arguments, strict=False))


def vnc_target(text: str) -> str:
    """The target that a VNC viewer would mean: `host`, `host:1`, `host::5901`.

    A number below 100 is a display, so `:1` is port 5901 of this machine; a
    double colon always takes a port.  Whatever else it is, stays as it is.
    """
    if text.isdecimal() and text.isascii():
        text = f":{text}"
    if found := _VNC.fullmatch(text):
        number = int(found["number"])
        is_display = found["colons"] == ":" and number < _DISPLAYS
        return f"{found['host'] or 'localhost'}:{number + VNC_PORT if is_display else number}"
    return f"{text}:{VNC_PORT}" if re.fullmatch(r"\[[^\]]+\]|[^:\[\]/]+", text) else text
