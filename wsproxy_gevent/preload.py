"""What Python would load later, loaded while it may still be read.

After a change of user the interpreter's own files can be out of reach: a
Python below root's home is.  So they are when descriptors have run out.  A
codec or module that is wanted for the first time in the middle of a session
would then fail it.
"""

from __future__ import annotations

import codecs
import importlib
from typing import Final

CODECS: Final = ("ascii", "idna", "latin-1", "punycode", "unicode_escape", "utf-8")

# What the libraries under us import on first use.
MODULES: Final = (
    "gevent.resolver.thread",
    "gevent.threadpool",
    "linecache",
    "stringprep",
    "traceback",
)


def preload() -> None:
    """Load it all."""
    for name in CODECS:
        codecs.lookup(name)
    for name in MODULES:
        importlib.import_module(name)
