"""Text of peers, made fit for a log: one line, no controls, no secrets."""

from __future__ import annotations

import re
from urllib.parse import unquote

ESCAPED_CHARACTERS = 512

_SECRET = re.compile(r"(?:^|[?&;])(?:token|password|access_token|jwt|key)=", re.IGNORECASE)

# What `escape` would not change.
_PLAIN = re.compile(rf"[ -\[\]-~]{{0,{ESCAPED_CHARACTERS}}}")

_QUOTED = re.compile(r'[ "=]|^$')


def escape(text: str, limit: int = ESCAPED_CHARACTERS) -> str:
    """Printable ASCII of at most `limit` characters, whatever came in.

    Backslashes are doubled, so that an escape cannot be forged; `...` at the
    end says that there was more.
    """
    # The cut before keeps a huge text from being escaped whole.
    escaped = text[: limit + 1].encode("unicode_escape").decode("ascii")
    if len(escaped) <= limit:
        return escaped
    return escaped[: max(0, limit - 3)] + "..."[:limit]


def peers_field(name: str, text: str | None) -> str:
    """A `field` of a peer's text, escaped where it needs to be."""
    if text is not None and not _PLAIN.fullmatch(text):
        text = escape(text)
    return field(name, text)


def redact(target: str) -> str:
    """A request target, or any text with a query in it, without its secrets.

    The values of token, password, access_token, jwt and key become `…`,
    their names in any case and percent-encoded once or twice: a page's own
    query may carry another one as a value.  A parameter that holds a secret
    anywhere loses its whole value.
    """
    path, mark, query = target.partition("?")
    return path + mark + "&".join(map(_redact_parameter, query.split("&")))


def field(name: str, value: object) -> str:
    """`name=value` for a log line; None is `-`.  Peers' text is to be escaped first.

    A value with blanks, quotes or `=` in it is quoted.
    """
    text = "-" if value is None else str(value)
    if _QUOTED.search(text):
        text = '"' + text.replace('"', '\\"') + '"'
    return f"{name}={text}"


def _redact_parameter(parameter: str) -> str:
    if not _holds_secret(parameter):
        return parameter
    name, equals, _ = parameter.partition("=")
    return f"{name}=…" if equals and not _holds_secret(name) else "…"


def _holds_secret(parameter: str) -> bool:
    return _SECRET.search(unquote(unquote(parameter))) is not None
