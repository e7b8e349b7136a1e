"""Where noVNC's `core/` is: named, or from one of those who package it."""

from __future__ import annotations

import importlib.util
import os
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..errors import StartError
from .disk import Pool
from .memory import MemoryFiles
from .pages import Files
from .static import StaticFiles

# What makes a directory noVNC's.
ENTRY = "core/rfb.js"
_LIBRARY = ("core/", "vendor/")

DEBIAN = "/usr/share/novnc"
_NPM_ROOTS = ("node_modules", "/usr/lib/node_modules", "/usr/local/lib/node_modules")
NPM = tuple(f"{root}/@novnc/novnc" for root in _NPM_ROOTS)

_ON_DEBIAN = "sudo apt-get install novnc"
_BY_PIP = "pip install 'wsproxy-gevent[vnc]'"


@dataclass(frozen=True, slots=True)
class NovncSource:
    """A directory that holds `core/rfb.js`, or an archive that does below `prefix`."""

    path: str
    prefix: str | None = None

    def __str__(self) -> str:
        return self.path

    def files(self, pool: Pool) -> Files:
        """Serve it.  An archive is read into memory now, since it is small."""
        if self.prefix is None:
            return StaticFiles(self.path, listing=False, pool=pool)
        with zipfile.ZipFile(self.path) as archive:
            contents = dict(_library(archive, self.prefix))
        return MemoryFiles(contents)


def find_novnc(
    named: str | None,
    *,
    directories: Iterable[str] = (DEBIAN, *NPM),
    package: str = "novnc",
) -> NovncSource:
    """noVNC in `named`, else in the first of `directories`, else in PyPI's `package`.

    Raises `StartError` that says what was looked for, or how to get it.
    """
    if named is not None:
        return _named(named)
    found = next(filter(_is_novnc, directories), None)
    if found is not None:
        return NovncSource(os.path.abspath(found))
    if archive := _archive_or_none(package):
        return archive
    raise StartError(f"noVNC is not installed here; get it with: {_command()}")


def _named(directory: str) -> NovncSource:
    if not _is_novnc(directory):
        raise StartError(
            f"--novnc {directory}: there is no {ENTRY} in it; name the directory that holds"
            " noVNC's core/ and vendor/"
        )
    return NovncSource(os.path.abspath(directory))


def _is_novnc(directory: str) -> bool:
    return os.path.isfile(os.path.join(directory, ENTRY))


def _archive_or_none(package: str) -> NovncSource | None:
    """PyPI's package holds noVNC as an archive.

    It is looked for without importing the package, which would unpack it
    for its own server and load that, too.
    """
    spec = importlib.util.find_spec(package)
    places = spec.submodule_search_locations if spec is not None else None
    for place in places or ():
        archive = os.path.join(place, "resources", "novnc_server.zip")
        if os.path.isfile(archive) and (source := _in_archive_or_none(archive)):
            return source
    return None


def _in_archive_or_none(path: str) -> NovncSource | None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return None
    entries = [name for name in names if name == ENTRY or name.endswith(f"/{ENTRY}")]
    if not entries:
        return None
    return NovncSource(path, prefix=min(entries, key=len).removesuffix(ENTRY))


def _library(archive: zipfile.ZipFile, prefix: str) -> Iterator[tuple[str, bytes]]:
    """Path and content of each of the library's files."""
    for name in archive.namelist():
        inner = name.removeprefix(prefix)
        if name.startswith(prefix) and inner.startswith(_LIBRARY) and not name.endswith("/"):
            yield f"/{inner}", archive.read(name)


def _command() -> str:
    return _ON_DEBIAN if os.path.exists("/etc/debian_version") else _BY_PIP
