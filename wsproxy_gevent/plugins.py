"""People's own plugins, found by the names that they have for websockify.

A plugin that imports `websockify.token_plugins` gets ours of the same names,
unless websockify itself is installed.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from types import ModuleType
from typing import Any, Final

from . import auth_plugins, token_plugins
from .errors import StartError

_STANDING_IN: Final[dict[str, ModuleType]] = {
    "websockify.token_plugins": token_plugins,
    "websockify.auth_plugins": auth_plugins,
}

# How each kind of plugin is called, without a dot.
HOMES: Final = {"--token-plugin": token_plugins, "--auth-plugin": auth_plugins}


def own_name(option: str, name: str) -> str | None:
    """The class of ours that a name means, in whichever way it is spelt; else None."""
    module, _, bare = name.rpartition(".")
    home = HOMES[option]
    ours = ("", home.__name__, home.__name__.replace("wsproxy_gevent", "websockify"))
    return bare if module in ours and isinstance(getattr(home, bare, None), type) else None


def load(option: str, name: str, argument: str | None) -> Any:
    """An instance of the class, made with the argument.  Raises `StartError`."""
    module, _, bare = name.rpartition(".")
    stand_in()
    try:
        home = importlib.import_module(module) if module else HOMES[option]
        made = getattr(home, bare)
        # websockify gives an auth plugin no argument where there is none.
        given = () if argument is None and option == "--auth-plugin" else (argument,)
        return made(*given)
    # Somebody else's code; SystemExit is how websockify's own give up.
    except (Exception, SystemExit) as exc:
        hint = _hint(module) if isinstance(exc, ImportError) else ""
        raise StartError(f"{option} {name}: {type(exc).__name__}: {exc}{hint}") from exc


def stand_in() -> None:
    """Answer imports of websockify's two modules, where nobody else does."""
    if "websockify" in sys.modules or importlib.util.find_spec("websockify") is not None:
        return
    package = ModuleType("websockify")
    package.__path__ = []
    sys.modules["websockify"] = package
    for name, module in _STANDING_IN.items():
        sys.modules[name] = module
        setattr(package, name.rpartition(".")[2], module)


def _hint(module: str) -> str:
    top = module.partition(".")[0]
    here = os.path.exists(f"{top}.py") or os.path.isdir(top)
    cure = f"it is in this directory: PYTHONPATH={os.getcwd()}" if here else "set PYTHONPATH"
    return f"; {cure} makes it known"
