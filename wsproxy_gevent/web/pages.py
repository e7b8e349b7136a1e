"""Our own pages: the echo demo, and a desktop on noVNC's core.

They hold no inline script and load nothing from elsewhere, so that they run
under `SECURITY_HEADERS`; all that they refer to is relative, so that they
work below any prefix of a proxy in front.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from typing import Any, Protocol

from werkzeug.wrappers import Response

from ..errors import NotFound
from .memory import MemoryFiles
from .response import SECURITY_HEADERS, add_headers

_SHARED = ("page.css", "reach.js", "icon.svg")
_DEMO = ("demo.html", "demo.js", "demo.css", *_SHARED)
_DESKTOP = ("vnc.html", "vnc.js", "vnc.css", "touch.js", *_SHARED)

NOVNC = "/novnc"
# The library, without the pages and tests that lie beside it in some packages.
_LIBRARY = ("/core/", "/vendor/")


class Files(Protocol):
    def respond(self, path: str, environ: dict[str, Any]) -> Response:
        """The file at a path; raises `NotFound`.  May switch."""


class Pages:
    """Some of our pages; the first of `names` is at `/`, too."""

    def __init__(self, names: Sequence[str], novnc: Files | None = None) -> None:
        directory = resources.files(__package__).joinpath("pages")
        self._files = MemoryFiles(
            {f"/{name}": directory.joinpath(name).read_bytes() for name in names}
        )
        self._home = f"/{names[0]}"
        self._novnc = novnc

    @classmethod
    def demo(cls) -> Pages:
        """A page that connects to its own host and shows what comes back."""
        return cls(_DEMO)

    @classmethod
    def desktop(cls, novnc: Files) -> Pages:
        """A page that shows the desktop behind its own host; `novnc` serves `/core/rfb.js`."""
        return cls(_DESKTOP, novnc)

    def respond(self, path: str, environ: dict[str, Any]) -> Response | None:
        """The answer, or None if the path is not one of ours.  May switch.

        Raises `NotFound` for what noVNC lacks, and the errors of its files.
        """
        if path == "/":
            path = self._home
        if path in self._files:
            response = self._files.respond(path, environ)
        elif self._novnc is not None and path.startswith(f"{NOVNC}/"):
            response = _library(self._novnc, path.removeprefix(NOVNC), environ)
        else:
            return None
        return add_headers(response, SECURITY_HEADERS)


def _library(novnc: Files, path: str, environ: dict[str, Any]) -> Response:
    if not path.startswith(_LIBRARY):
        raise NotFound(detail="only noVNC's library is served")
    return novnc.respond(path, environ)
