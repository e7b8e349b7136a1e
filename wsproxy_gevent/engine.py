"""Which engine carries the bytes: the compiled loop, or its twin in Python.

Both do the same and pass the same tests.  The compiled one is there where a
C compiler was when the package was installed, or where it came as a wheel.
`WSPROXY_ENGINE` in the environment, `compiled` or `python`, insists on one;
it is for tests and measurements, and no setting: nobody needs the slower.
"""

from __future__ import annotations

import os
from importlib.util import find_spec

__all__ = ["COMPILED", "NAME"]

VARIABLE = "WSPROXY_ENGINE"

# All or none: the loop works inside the stream and the reader.
_PARTS = ("wire._reader", "net._plain", "net._stacks", "net._tls", "relay._lanes")


def _is_built() -> bool:
    package = __name__.rpartition(".")[0]
    return all(find_spec(f"{package}.{part}") for part in _PARTS)


def _choice(wanted: str, *, built: bool) -> bool:
    """Whether to use the compiled one.  Raises `ImportError` if that is not to be had."""
    if wanted not in ("", "compiled", "python"):
        raise ImportError(f"{VARIABLE} is {wanted!r}; it can be 'compiled' or 'python'")
    if wanted == "compiled" and not built:
        raise ImportError(
            f"{VARIABLE} asks for the compiled loop, and it is not installed: "
            "install again with a C compiler, or leave the variable out"
        )
    return built and wanted != "python"


COMPILED = _choice(os.environ.get(VARIABLE, ""), built=_is_built())
NAME = "compiled" if COMPILED else "python"
