"""Media types by file name, the same on each machine.

The system's own tables are left out: one that calls `.js` plain text keeps
a browser from running any module.
"""

from __future__ import annotations

import mimetypes
import os

UNKNOWN = "application/octet-stream"

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".oga": "audio/ogg",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}

# A file that is compressed is sent as the archive it is: Content-Encoding
# would have the browser save something else under its name.
_COMPRESSED = {
    "gzip": "application/gzip",
    "bzip2": "application/x-bzip2",
    "xz": "application/x-xz",
}

# A new version of these must not meet an old one of those that they load.
_FRESH = (".html", ".htm", ".js", ".mjs")

_STANDARD = mimetypes.MimeTypes(filenames=())


def media_type(name: str) -> str:
    """The Content-Type of a file of that name.  HTML says its own encoding."""
    extension = os.path.splitext(name)[1].lower()
    if extension in _TYPES:
        return _TYPES[extension]
    kind, compression = _STANDARD.guess_type(f"file{extension}")
    return _COMPRESSED.get(compression, UNKNOWN) if compression else kind or UNKNOWN


def must_be_fresh(name: str) -> bool:
    """Whether a browser must ask again before it uses its copy: pages and scripts."""
    return name.lower().endswith(_FRESH)
