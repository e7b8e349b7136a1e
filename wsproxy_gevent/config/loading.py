"""Settings from three places: the file, over it the environment, over it the flags.

Everything wrong with them is found here, as a `UsageError` that names the
place, what stands there and what would be right.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..errors import StartError, UsageError
from . import arguments, words
from .layers import Found, Layer, near_names, of_environment, of_file, of_flags
from .profile import profile_of
from .settings import DECLARATIONS, Mode, Profile, Settings

# Where the words listen when nobody says where.
LOOPBACK: Final = "127.0.0.1:6080"

# One of these set in a higher place undoes the other in a lower one.
RIVALS: Final = (("foreground", "daemon"), ("key_password", "key_password_file"))


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and where each one that somebody set was set.

    `asked` is "help" or "version" when the command line asks for nothing
    else; the settings are then the defaults.
    """

    settings: Settings
    origins: Mapping[str, str]
    warnings: tuple[str, ...] = ()
    asked: str | None = None


def load(argv: Sequence[str], environ: Mapping[str, str], directory: str) -> Loaded:
    """Settings for a command; `argv[0]` is the name it was called by.

    Relative paths start from `directory`, those in a file from the file's.
    Raises `UsageError`, and `StartError` for a password file that cannot be read.
    """
    line = arguments.parse(argv[1:])
    if line.asked:
        return Loaded(Settings(), {}, asked=line.asked)
    mode, places = words.read_mode(line.arguments)
    flags = of_flags(line.texts, directory)
    flags.update(_places(mode, places, list(flags), directory))
    lower = of_environment(environ, directory)
    file = _file(flags, lower)
    found = merge((file, lower, flags))
    if mode is Mode.DEMO:
        _refuse_target(flags)
        found.pop("target", None)
    settings = _settings(found, mode, profile_of(argv[0]), directory)
    _check(settings, found)
    warnings = tuple(_warnings(found, environ))
    return Loaded(settings, {name: one.origin for name, one in found.items()}, warnings)


def _places(mode: Mode, texts: list[str], flags: list[str], directory: str) -> Layer:
    """The settings that stand on the command line without a flag."""
    layer = {}
    for name, text in words.fill_places(mode, texts, flags).items():
        meant = words.vnc_target(text) if mode is Mode.VNC else text
        layer[name] = Found.of_text(DECLARATIONS[name], meant, f"the {name} argument", directory)
    return layer


def _file(flags: Layer, environment: Layer) -> Layer:
    named = flags.get("config") or environment.get("config")
    return of_file(str(named.value)) if named else {}


def merge(layers: Sequence[Layer]) -> Layer:
    """The highest value of each; the last layer is the highest."""
    merged: Layer = {}
    for layer in layers:
        for rivals in RIVALS:
            _settle(rivals, layer, merged)
        merged.update(layer)
    return merged


def _settle(rivals: tuple[str, str], layer: Layer, lower: Layer) -> None:
    chosen = [name for name in rivals if name in layer and layer[name].value]
    if len(chosen) > 1:
        one, other = (layer[name].origin for name in chosen)
        raise UsageError(f"{one} and {other} contradict each other; give one of them")
    if chosen:
        for name in rivals:
            lower.pop(name, None)


def _refuse_target(flags: Layer) -> None:
    if "target" in flags:
        raise UsageError("demo has a target of its own; leave --target out")


# -- Settings from what was found --------------------------------------------------


def _settings(found: Layer, mode: Mode, called: Profile, directory: str) -> Settings:
    profile = str(found["profile"].value) if "profile" in found else called.value
    lenient = profile == Profile.WEBSOCKIFY.value
    values: dict[str, Any] = {
        name: found[name].value if name in found else one.default_in(lenient=lenient)
        for name, one in DECLARATIONS.items()
    }
    values["profile"] = profile
    values["cert"] = _absolute_cert(values["cert"], directory)
    values["target"] = values["target"] or _TARGETS.get(mode)
    values["source"] = values["source"] or (LOOPBACK if mode is not Mode.PROXY else None)
    values["key_password"] = _password(values)
    if "dead_after" not in found:
        # Between two pings a healthy client may well be silent.
        values["dead_after"] = max(values["dead_after"], 3 * values["heartbeat"])
    if values["daemon"]:
        values["foreground"] = False
    named = "source" in found or mode is Mode.PROXY
    return Settings(mode=mode, source_named=named, cert_given="cert" in found, **values)


_TARGETS: Final = {Mode.DEMO: "echo:", Mode.VNC: f"localhost:{words.VNC_PORT}"}


def _absolute_cert(cert: str, directory: str) -> str:
    """The default, too: a daemon looks for it again after it has changed directory."""
    kind = DECLARATIONS["cert"].kind
    return str(kind.read(cert, directory))


def _password(values: Mapping[str, Any]) -> str | None:
    """The key's password, from its file if it is in one."""
    if (path := values["key_password_file"]) is None:
        password: str | None = values["key_password"]
        return password
    try:
        with open(path, encoding="utf-8") as file:
            return file.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise StartError(f"cannot read the key password from {path}: {error}") from error


# -- Checks ------------------------------------------------------------------------


def _check(settings: Settings, found: Layer) -> None:
    for name in ("source", "target"):
        if not getattr(settings, name):
            raise UsageError(f"no {name} is named; {words.USAGE}")
    if settings.ssl_only and settings.cert == "none":
        raise UsageError("--ssl-only needs a certificate, but --cert is none")
    if 0 < settings.dead_after <= settings.heartbeat:
        raise UsageError(
            f"{found['dead_after'].origin}: {settings.dead_after:g} s must be longer than"
            f" the heartbeat, {settings.heartbeat:g} s"
        )


def _warnings(found: Layer, environ: Mapping[str, str]) -> Iterator[str]:
    password = found.get("key_password")
    if password and password.origin == "--key-password":
        yield "others can see --key-password in the list of processes; give --key-password-file"
    config = found.get("config")
    if config and os.stat(str(config.value)).st_mode & 0o002:
        yield f"anyone on this machine may write to {config.value}: chmod o-w {config.value}"
    for variable, near in near_names(environ):
        yield f"the variable {variable} means nothing; did you mean {near}?"
