"""Request paths: decoded once, by the server, and held to one spelling here.

A path that could be read in two ways is refused rather than put right, so
that what was checked is what is looked up.  A tilde means nothing here.
"""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import quote

from ..errors import BadRequest, NotFound

# A backslash is a slash to browsers.
_AMBIGUOUS = re.compile(r"[\x00-\x1f\x7f\\]")

# Two slashes, with nothing between them, begin the address of another site.
_NO_NAMES = ("", ".", "..")


def path_of(environ: dict[str, Any]) -> str:
    """The path that a WSGI environment asks for, from `/` on.

    Bytes that are no UTF-8 become surrogates, as in file names (PEP 383).
    Raises `BadRequest` for control characters, backslashes, empty and dot
    segments; `NotFound` for names that begin with a dot, which are not for
    strangers.
    """
    text: str = environ.get("PATH_INFO") or "/"
    try:
        path = os.fsdecode(text.encode("latin-1"))
    except UnicodeEncodeError as exc:
        raise BadRequest("the path is not bytes, as WSGI has them") from exc
    segments = path.removesuffix("/").split("/")
    if not path.startswith("/") or _AMBIGUOUS.search(path) or _has_no_name(segments):
        raise BadRequest("the path has empty, dot or control segments, or a backslash")
    if any(segment.startswith(".") for segment in segments):
        raise NotFound(detail="the name begins with a dot")
    return path


def directory_reference(path: str) -> str:
    """A relative URL from the directory `path`, asked for without its slash, to itself.

    Relative, and begun with a dot, it can name no other site and no scheme
    (RFC 3986, section 4.2).
    """
    return f"./{quoted_name(path.rpartition('/')[2])}/"


def quoted_name(name: str) -> str:
    """A file name as one segment of a URL."""
    return quote(os.fsencode(name), safe="")


def _has_no_name(segments: list[str]) -> bool:
    return any(segment in _NO_NAMES for segment in segments[1:])
