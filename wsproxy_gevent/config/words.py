"""The first word of a command line, and what the places after it mean.

A first argument that is a port or `addr:port` is the proxy itself; anything
else must be one of our words.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Final

from ..errors import UsageError
from .settings import Mode

USAGE: Final = (
    "usage: wsproxy-gevent [options] [source_addr:]source_port target,"
    " for example: wsproxy-gevent 6080 localhost:5900"
)

WORDS: Final = {"demo": Mode.DEMO, "vnc": Mode.VNC}

# Which settings the places after the word fill, in their order.
PLACES: Final[dict[Mode, tuple[str, ...]]] = {
    Mode.PROXY: ("source", "target"),
    Mode.DEMO: (),
    Mode.VNC: ("target",),
}

RESERVED: Final = ("check", "status", "reload", "stop", "sessions", "kick", "replay")

VNC_PORT: Final = 5900

# Below this a number behind a colon is a display, as VNC viewers have it.
_DISPLAYS: Final = 100

_VNC: Final = re.compile(r"(?P<host>\[[^\]]+\]|[^:\[\]/]*)(?P<colons>::?)(?P<number>[0-9]{1,5})")


def read_mode(arguments: Sequence[str]) -> tuple[Mode, list[str]]:
    """What is asked for, and the arguments that fill its places."""
    if not arguments:
        return Mode.PROXY, []
    first, *rest = arguments
    if first in WORDS:
        return WORDS[first], rest
    if re.fullmatch(r"[A-Za-z][A-Za-z-]*", first):
        raise UsageError(_not_a_word(first))
    return Mode.PROXY, list(arguments)


def _not_a_word(word: str) -> str:
    if word in RESERVED:
        return f"the word {word!r} is not supported yet"
    near = difflib.get_close_matches(word, WORDS, 1)
    hint = f"did you mean {near[0]}?" if near else f"the words are {', '.join(WORDS)}"
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
