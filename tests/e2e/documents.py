"""The command lines of the documents, read from them.

A shell block of a page is one scene: what its first line starts, the next may
ask.  In `conf/` each file is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .programs import ROOT

PAGES = ("README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")))
CONF = ("Procfile", *sorted(f"conf/{path.name}" for path in (ROOT / "conf").iterdir()))

_SHELL_BLOCK = re.compile(r"^```(?:sh|bash|shell|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# Whatever looks like a command of ours, of gunicorn's or of systemd's, where
# it begins a line, or stands behind a key, a quote, a # or a colon.
_COMMAND = re.compile(
    r'(?:^|^Exec\w+=|[#:"]\s*)((?:/\S+/)?(?:wsproxy-gevent|gunicorn|systemctl|kill) .*)$',
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Block:
    """Command lines that belong together, and where they stand."""

    document: str
    number: int
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.document}:{self.number}"


def blocks() -> Iterator[Block]:
    """All of them, in the order of the documents."""
    for page in PAGES:
        for number, text in enumerate(_SHELL_BLOCK.findall((ROOT / page).read_text()), 1):
            yield Block(page, number, tuple(line for line in text.splitlines() if line.strip()))
    for name in CONF:
        if lines := _COMMAND.findall((ROOT / name).read_text()):
            yield Block(name, 1, tuple(lines))
