"""docs/options.md, rendered from the declarations.

`python -m wsproxy_gevent.config.reference > docs/options.md` writes it anew.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from .arguments import in_words
from .declare import Declaration, Topic
from .settings import DECLARATIONS

OPENING = """\
# Options

Made from the declarations by `python -m wsproxy_gevent.config.reference`; a
test holds it to them.

Each setting is a flag, a variable and a key of the TOML file that `--config`
names. A flag wins over a variable, a variable over the file. In a file,
relative paths start from the file's directory, a repeatable flag is a list,
and an unknown key is an error. A variable takes a list with commas
(`WSPROXY_HEADER`: one header a line), and for a switch 1, true, yes, on or 0,
false, no, off. `--no-NAME` turns the switch `--NAME` off again.

The last default is that of the profile `websockify`, where it differs.
"""

COLUMNS = ("Flag", "Variable", "Key", "Default", "websockify", "Meaning")


def render() -> str:
    """The whole page, with the newline at its end."""
    parts = [OPENING, *(section(topic) for topic in Topic)]
    return "\n".join(parts)


def section(topic: Topic) -> str:
    rows = [row(one) for one in DECLARATIONS.values() if one.topic is topic]
    head = [_line(COLUMNS), _line(["---"] * len(COLUMNS))]
    return "\n".join([f"## {topic.value}", "", *head, *map(_line, rows), ""])


def row(one: Declaration) -> Iterator[str]:
    yield ", ".join(f"`{flag}`" for flag in one.flags) + _argument(one)
    yield f"`{one.variable}`"
    yield f"`{one.name}`" if one.in_file else ""
    yield one.shown or in_words(one.default)
    ours, theirs = one.default, one.default_in(lenient=True)
    yield in_words(theirs) if ours != theirs else ""
    yield one.meaning + (" Repeatable." if one.kind.is_list else "")


def _argument(one: Declaration) -> str:
    return "" if one.kind.is_switch else f" `{one.kind.metavar}`"


def _line(cells: Iterator[str] | list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    sys.stdout.write(render())
