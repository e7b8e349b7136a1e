"""The user's files, and never one outside their directory.

The rule: the path is in one spelling already (`path`), links are followed to
their end, and that end must lie in the directory, whose own links are
followed each time, so that a deployment may turn one.  Only regular files
are opened.

They are sent as they are: whether they may be framed, run inline scripts or
load from elsewhere is for their owner to say, by `--header`.
"""

from __future__ import annotations

import html
import os
import stat
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from werkzeug.http import http_date
from werkzeug.wrappers import Response

from ..errors import NotFound, StartError
from .disk import Disk, FileBody, Handle, Pool
from .mime import media_type, must_be_fresh
from .path import directory_reference, quoted_name
from .response import SECURITY_HEADERS, add_headers, conditional, redirect

INDEXES = ("index.html", "index.htm")
HOME = "vnc.html"
MOST_LISTED = 10_000


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    handle: Handle


@dataclass(frozen=True, slots=True)
class _Moved:
    """What was asked for is at this relative URL."""

    location: str
    status: HTTPStatus


@dataclass(frozen=True, slots=True)
class _Listing:
    """Names in a directory; those of directories end with a slash."""

    names: tuple[str, ...]


_Found = _File | _Moved | _Listing


class StaticFiles:
    """The files of one directory.

    `listing` shows directories that have no index; else they are not found.
    Raises `StartError` if `root` is no directory.
    """

    def __init__(self, root: str, *, listing: bool, pool: Pool) -> None:
        if not os.path.isdir(root):
            raise StartError(f"{root!r} is not a directory that files could be served from")
        # Absolute now: a daemon leaves its working directory.
        self._root = os.path.abspath(root)
        self._listing = listing
        self._disk = Disk(pool)

    def respond(self, path: str, environ: dict[str, Any]) -> Response:
        """The file or directory at a path that `path_of` or its like has checked.  May switch.

        Raises `NotFound` and the other errors of `Disk.call` and `conditional`.
        """
        found = self._disk.call(_find, self._root, path, self._listing)
        if isinstance(found, _Moved):
            return redirect(found.location, environ, found.status)
        if isinstance(found, _Listing):
            return _list(path, found.names)
        return self._send(found, environ)

    def _send(self, file: _File, environ: dict[str, Any]) -> Response:
        handle = file.handle
        response = Response(
            FileBody(self._disk, handle),
            content_type=media_type(file.name),
            direct_passthrough=True,
        )
        response.content_length = handle.size
        response.headers["Last-Modified"] = http_date(handle.mtime_ns // 10**9)
        response.set_etag(f"{handle.mtime_ns:x}-{handle.size:x}")
        if must_be_fresh(file.name):
            response.headers["Cache-Control"] = "no-cache"
        return conditional(response, environ, handle.size)


# -- On a native thread ---------------------------------------------------------


def _find(root: str, path: str, listing: bool) -> _Found:
    """What a path leads to, already open if it is a file.  Blocks."""
    base = os.path.realpath(root)
    full = _resolve(base, path.strip("/"))
    if stat.S_ISDIR(os.stat(full).st_mode):
        return _find_directory(base, full, path, listing)
    if path.endswith("/"):
        raise NotFound(detail="a file is no directory")
    return _open(full)


def _find_directory(base: str, full: str, path: str, listing: bool) -> _Found:
    if not path.endswith("/"):
        return _Moved(directory_reference(path), HTTPStatus.MOVED_PERMANENTLY)
    for name in INDEXES:
        if os.path.lexists(os.path.join(full, name)):
            return _open(_resolve(base, os.path.join(full, name)))
    if path == "/" and os.path.isfile(os.path.join(full, HOME)):
        return _Moved(HOME, HTTPStatus.FOUND)
    if not listing:
        raise NotFound(detail="a directory without an index")
    return _Listing(_names(full))


def _resolve(base: str, relative: str) -> str:
    """Where a path ends after all its links.  Raises `NotFound` outside of `base`."""
    full = os.path.realpath(os.path.join(base, relative))
    if os.path.commonpath((base, full)) != base:
        raise NotFound(detail="a link leads out of the directory")
    return full


def _open(full: str) -> _File:
    # Even to open a device or a FIFO can do something to it.
    if not stat.S_ISREG(os.stat(full).st_mode):
        raise NotFound(detail="not a regular file")
    return _File(os.path.basename(full), Handle(full))


def _names(full: str) -> tuple[str, ...]:
    with os.scandir(full) as entries:
        names = [
            f"{entry.name}/" if _is_directory(entry) else entry.name
            for _, entry in zip(range(MOST_LISTED), entries, strict=False)
            if not entry.name.startswith(".")
        ]
    return tuple(sorted(names))


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


# -- Listings ---------------------------------------------------------------------


def _list(path: str, names: tuple[str, ...]) -> Response:
    """A directory as a page of ours, with nothing in it that a name could start."""
    shown = html.escape(_readable(path))
    above = [] if path == "/" else ['<li><a href="../">../</a></li>']
    items = "\n".join([*above, *map(_item, names)])
    page = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{shown}</title></head>\n"
        f"<body><h1>{shown}</h1>\n<ul>\n{items}\n</ul></body></html>\n"
    )
    response = Response(page.encode(), content_type="text/html; charset=utf-8")
    return add_headers(response, (("Cache-Control", "no-store"), *SECURITY_HEADERS))


def _item(name: str) -> str:
    slash = "/" if name.endswith("/") else ""
    reference = f"./{quoted_name(name.removesuffix('/'))}{slash}"
    return f'<li><a href="{reference}">{html.escape(_readable(name))}</a></li>'


def _readable(name: str) -> str:
    """A name as text, bytes that are no UTF-8 replaced."""
    return os.fsencode(name).decode("utf-8", "replace")
