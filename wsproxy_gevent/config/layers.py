"""One layer of settings each: what the flags say, the environment, the file.

A layer holds only what was set, already read, with the place where it was
set in the words of an error message: "--cert", "WSPROXY_CERT",
"/etc/wsproxy.toml: cert".
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ..errors import UsageError
from .arguments import Texts
from .declare import ENVIRONMENT_PREFIX, Declaration
from .settings import DECLARATIONS


@dataclass(frozen=True, slots=True)
class Found:
    """A value, and where it was found."""

    value: object
    origin: str

    @classmethod
    def of_text(cls, one: Declaration, text: str, origin: str, base: str) -> Found:
        return cls.of_texts(one, [text], origin, base)

    @classmethod
    def of_texts(cls, one: Declaration, texts: list[str], origin: str, base: str) -> Found:
        """Read texts; the last one counts unless the setting is a list."""
        try:
            if any("\0" in text for text in texts):
                raise ValueError("holds a NUL")
            if one.kind.is_list:
                return cls(one.kind.read_all(texts, base), origin)
            return cls(one.kind.read(texts[-1], base), origin)
        except ValueError as error:
            raise UsageError(f"{origin}: {', '.join(map(repr, texts))} {error}") from error
        except UsageError as error:
            raise UsageError(f"{origin}: {error}") from error


Layer = dict[str, Found]

# Read by the tests, the benchmarks and what is preloaded, not by the settings.
_NOT_SETTINGS: Final = {
    "WSPROXY_COMMAND",
    "WSPROXY_ENGINE",
    "WSPROXY_REBIND",
    "WSPROXY_SCREENSHOTS",
}

# What a Kubernetes service called wsproxy puts into every container beside it.
_KUBERNETES: Final = re.compile(r"WSPROXY_(PORT|SERVICE)(_.*)?")


# -- Flags and environment --------------------------------------------------------


def of_flags(texts: Texts, directory: str) -> Layer:
    layer = {}
    for name, given in texts.items():
        one = DECLARATIONS[name]
        if isinstance(given, bool):
            layer[name] = Found(given, one.flag if given else str(one.negation))
        else:
            _refuse_line_breaks(one, given)
            layer[name] = Found.of_texts(one, given, one.flag, directory)
    return layer


def _refuse_line_breaks(one: Declaration, texts: list[str]) -> None:
    """A variable may hold a list in lines; a flag is repeated instead."""
    for text in texts:
        if "\n" in text or "\r" in text:
            raise UsageError(
                f"{one.flag}: {text!r} holds a line break; give the flag once for each"
            )


def of_environment(environ: Mapping[str, str], directory: str) -> Layer:
    """The variables of our settings.  An empty one counts as not set.

    An unknown variable is no error: a Kubernetes service called wsproxy puts
    several of that prefix into every container beside it.
    """
    return {
        name: Found.of_text(one, text, one.variable, directory)
        for name, one in DECLARATIONS.items()
        if (text := environ.get(one.variable))
    }


def unknown_names(environ: Mapping[str, str]) -> Iterator[tuple[str, str | None]]:
    """Variables that only look like ours, each with the one that may be meant."""
    known = {one.variable for one in DECLARATIONS.values()} | _NOT_SETTINGS
    for variable in environ:
        ours = variable.startswith(ENVIRONMENT_PREFIX) and not _KUBERNETES.fullmatch(variable)
        if ours and variable not in known:
            name = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
            near = difflib.get_close_matches(name, DECLARATIONS, 1, 0.8)
            yield variable, DECLARATIONS[near[0]].variable if near else None


# -- The file ----------------------------------------------------------------------


def of_file(path: str) -> Layer:
    """The settings of a TOML file; relative paths start from its directory."""
    layer = {}
    for key, value in _parsed(path).items():
        one = _declaration(path, key)
        layer[one.name] = _of_toml(one, value, f"{path}: {key}", os.path.dirname(path))
    return layer


def _parsed(path: str) -> dict[str, object]:
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise UsageError(f"cannot read the settings in {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is no TOML: {error}") from error


def _declaration(path: str, key: str) -> Declaration:
    """What the key declares, or the reason why it may not stand there."""
    one = DECLARATIONS.get(key)
    if one and one.in_file:
        return one
    raise UsageError(f"{path}: {_why_not(key, one)}")


def _why_not(key: str, one: Declaration | None) -> str:
    if one:
        return f"{key} cannot stand in a file; give {one.flag} or {one.variable}"
    if key in ("listen", "route"):
        return f"[[{key}]] is reserved for a later version; give source and target"
    known = [name for name, known in DECLARATIONS.items() if known.in_file]
    near = difflib.get_close_matches(key.replace("-", "_").lower(), known, 1)
    hint = f"did you mean {near[0]}?" if near else "docs/options.md lists the keys"
    return f"{key!r} is no setting; {hint}"


def _of_toml(one: Declaration, value: object, origin: str, base: str) -> Found:
    """A value in its own TOML type: text in quotes, numbers and switches without."""
    if one.kind.is_list:
        if isinstance(value, list) and all(isinstance(part, str) for part in value):
            return Found.of_texts(one, value, origin, base)
    elif type(value) in one.kind.native:
        if isinstance(value, bool):
            return Found(value, origin)
        return Found.of_text(one, str(value), origin, base)
    raise UsageError(f"{origin}: must be {one.kind.wanted}, not {value!r}")
