"""Which engine is held to its word: that of `WSPROXY_ENGINE`, else the package's own choice.

`python` hides the package's compiled modules, as if they had never been
built.  `compiled` asks for them, and `check` fails where there are none.
Nobody here needs to know which modules those are, or how the package chooses.

`settle` comes before anything of the package is imported; `tests/__init__.py`
and `fuzz/__init__.py` see to that.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import (
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    PathFinder,
    SourceFileLoader,
)
from types import ModuleType

VARIABLE = "WSPROXY_ENGINE"
PYTHON, COMPILED = "python", "compiled"

_OURS = "wsproxy_gevent."
_READER = "wsproxy_gevent.wire.dialects"


class WrongEngineError(Exception):
    """The engine that was asked for is not the one that reads."""


class Uncompiled(MetaPathFinder):
    """Finds the sources of our modules only: a twin in Python, or nothing."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not name.startswith(_OURS):
            return None
        found = PathFinder.find_spec(name, path, target)
        if found is None or not isinstance(found.loader, ExtensionFileLoader):
            return found
        for place in path or ():
            if source := FileFinder(place, (SourceFileLoader, SOURCE_SUFFIXES)).find_spec(name):
                return source
        raise ModuleNotFoundError(f"{name} is compiled, and {VARIABLE} is {PYTHON}", name=name)


def asked() -> str | None:
    """The engine that was asked for, if any was."""
    engine = os.environ.get(VARIABLE) or None
    if engine not in (None, PYTHON, COMPILED):
        raise WrongEngineError(f"{VARIABLE} is {PYTHON} or {COMPILED}, not {engine}")
    return engine


def settle() -> None:
    """Make the choice; modules that are there already stay what they are."""
    if asked() == PYTHON and not any(isinstance(f, Uncompiled) for f in sys.meta_path):
        sys.meta_path.insert(0, Uncompiled())


def in_use() -> str:
    """The engine that reads frames in this process."""
    importlib.import_module(_READER)
    wire = (sys.modules[name] for name in list(sys.modules) if name.startswith(_OURS))
    compiled = [m for m in wire if isinstance(m.__loader__, ExtensionFileLoader)]
    return COMPILED if compiled else PYTHON


def check() -> str:
    """The engine in use, which must be the one that was asked for."""
    engine = in_use()
    if asked() not in (None, engine):
        raise WrongEngineError(f"{VARIABLE} is {asked()}, but the engine in use is {engine}")
    return engine
