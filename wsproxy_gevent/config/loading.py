"""Settings from three places: the file, over it the environment, over it the flags.

Everything wrong with them is found here, as a `UsageError` that names the
place, what stands there and what would be right.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

from ..errors import StartError, UsageError
from ..targets.spelling import parse_target
from . import arguments, checks, words
from .arguments import Texts
from .kinds import names_a_place
from .layers import Found, Layer, of_environment, of_file, of_flags, unknown_names
from .profile import bracketed, profile_of
from .settings import DECLARATIONS, Mode, Profile, Settings
from .words import Task

# Where the words listen when nobody says where.
LOOPBACK: Final = "127.0.0.1:6080"

# One of these set in a higher place undoes the other in a lower one.
RIVALS: Final = (
    ("foreground", "daemon"),
    ("key_password", "key_password_file"),
    ("source", "unix_listen", "inetd"),
    ("target", "unix_target"),
)

# What the pid file of `--run-dir` is called.
PID_FILE: Final = "wsproxy-gevent.pid"


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and where each one that somebody set was set.

    `asked` is "help" or "version" when the command line asks for nothing
    else; the settings are then the defaults.  `arguments` are those of a
    word that is not about a proxy.
    """

    settings: Settings
    origins: Mapping[str, str]
    warnings: tuple[str, ...] = ()
    asked: str | None = None
    task: Task = Task.SERVE
    arguments: tuple[str, ...] = ()


def load(
    argv: Sequence[str],
    environ: Mapping[str, str],
    directory: str,
    *,
    sockets_given: int = 0,
) -> Loaded:
    """Settings for a command; `argv[0]` is the name it was called by.

    Relative paths start from `directory`, those in a file from the file's.
    `sockets_given` is how many listening sockets came with the process.
    Raises `UsageError`, and `StartError` for a password file that cannot be read.
    """
    line = arguments.parse(argv[1:])
    if line.asked in ("help", "version"):
        return Loaded(Settings(), {}, asked=line.asked)
    task, rest = words.read_task(line.arguments)
    if task is Task.INSTALL_SHIM:
        return Loaded(Settings(), {}, task=task, arguments=tuple(rest))
    if task in words.REMOTE:
        return _remote(task, rest, line.texts, environ, directory)
    flags = of_flags(line.texts, directory)
    lower = of_environment(environ, directory)
    file = _file(flags, lower)
    merged = merge((file, lower, flags))
    elsewhere = bool(sockets_given) or _listens_elsewhere(merged)
    mode, places = words.read_mode(rest, has_source=not elsewhere)
    if mode is Mode.PROXY and _profile(merged, argv[0]) is Profile.WEBSOCKIFY:
        places = [bracketed(text) for text in places]
    taken = [*flags, "source"] if elsewhere and len(places) < 2 else list(flags)
    if "unix_target" in flags:
        taken.append("target")
    flags.update(_places(mode, places, taken, directory))
    found = merge((file, lower, flags))
    if mode is Mode.DEMO:
        _refuse_target(flags)
        found.pop("target", None)
    settings = _settings(found, mode, _profile(found, argv[0]), directory)
    settings = replace(settings, sockets_given=sockets_given, command=line.command)
    _check(settings, found)
    checks.check(settings)
    return Loaded(
        settings,
        {name: one.origin for name, one in found.items()},
        (*_warnings(found, environ), *checks.warnings(settings)),
        task=Task.CHECK if line.asked else task,
    )


def _remote(
    task: Task, rest: list[str], texts: Texts, environ: Mapping[str, str], directory: str
) -> Loaded:
    """Settings for a word about a process that runs, of which most do not matter."""
    if rest:
        raise UsageError(f"{task.value} takes no argument, only --pid-file or --run-dir")
    flags, lower = of_flags(texts, directory), of_environment(environ, directory)
    found = merge((_file(flags, lower), lower, flags))
    settings = _settings(found, Mode.PROXY, Profile.DEFAULT, directory)
    if settings.pid_file is None:
        raise UsageError(f"{task.value} needs --pid-file FILE, or --run-dir DIR: which process?")
    return Loaded(settings, {name: one.origin for name, one in found.items()}, task=task)


def _listens_elsewhere(found: Layer) -> bool:
    return any(found[name].value for name in ("unix_listen", "inetd") if name in found)


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


def _settle(rivals: tuple[str, ...], layer: Layer, lower: Layer) -> None:
    chosen = [name for name in rivals if name in layer and layer[name].value]
    if len(chosen) > 1:
        one, other, *_ = (layer[name].origin for name in chosen)
        raise UsageError(f"{one} and {other} contradict each other; give one of them")
    if chosen:
        for name in rivals:
            lower.pop(name, None)


def _refuse_target(flags: Layer) -> None:
    if "target" in flags:
        raise UsageError("demo has a target of its own; leave --target out")


# -- Settings from what was found --------------------------------------------------


def _profile(found: Layer, command: str) -> Profile:
    """The one that was named, else that of the name that we were called by."""
    return Profile(found["profile"].value) if "profile" in found else profile_of(command)


def _settings(found: Layer, mode: Mode, profile: Profile, directory: str) -> Settings:
    lenient = profile is Profile.WEBSOCKIFY
    values: dict[str, Any] = {
        name: found[name].value if name in found else one.default_in(lenient=lenient)
        for name, one in DECLARATIONS.items()
    }
    values["profile"] = profile.value
    values["cert"] = _absolute_cert(values["cert"], directory)
    if values["unix_target"] and mode is Mode.PROXY:
        values["target"] = _unix_target(values["unix_target"])
    values["target"] = values["target"] or _TARGETS.get(mode)
    if not (values["unix_listen"] or values["inetd"]):
        values["source"] = values["source"] or (LOOPBACK if mode is not Mode.PROXY else None)
    if values["run_dir"] and not values["pid_file"]:
        values["pid_file"] = os.path.join(values["run_dir"], PID_FILE)
    values["key_password"] = _password(values)
    if "dead_after" not in found:
        # Between two pings a healthy client may well be silent.
        values["dead_after"] = max(values["dead_after"], 3 * values["heartbeat"])
    if values["daemon"]:
        values["foreground"] = False
    named = "source" in found or mode is Mode.PROXY
    return Settings(mode=mode, source_named=named, cert_given="cert" in found, **values)


_TARGETS: Final = {Mode.DEMO: "echo:", Mode.VNC: f"localhost:{words.VNC_PORT}"}


def _unix_target(path: str) -> str:
    """The target by its longer name.  Raises `UsageError`."""
    try:
        return str(parse_target(f"unix:{path}"))
    except UsageError as error:
        raise UsageError(f"--unix-target: {error}") from error


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
        found_later = settings.command or settings.finds_targets
        elsewhere = settings.listens_elsewhere if name == "source" else found_later
        if not getattr(settings, name) and not elsewhere:
            raise UsageError(f"no {name} is named; {words.USAGE}")
    if settings.ssl_only and settings.cert == "none":
        raise UsageError("--ssl-only needs a certificate, but --cert is none")
    if settings.admin and not settings.admin.startswith("unix:") and not settings.admin_token:
        raise UsageError(
            f"--admin {settings.admin} needs an --admin-token, env:NAME or file:PATH; "
            "on unix:PATH the file keeps others out"
        )
    if settings.admin and settings.inetd:
        raise UsageError("--inetd starts a process for each client: leave out --admin")
    if 0 < settings.dead_after <= settings.heartbeat:
        raise UsageError(
            f"{found['dead_after'].origin}: {settings.dead_after:g} s must be longer than"
            f" the heartbeat, {settings.heartbeat:g} s"
        )


# On a command line: what others see of it, and what would keep it from them.
_SEEN_BY_OTHERS: Final = {
    "tokens": "give the password by --token-password",
    "auth_source": "give the variable WSPROXY_AUTH_SOURCE, or a file by --config",
}


def _is_secret(name: str, one: Found) -> bool:
    return name == "auth_source" or urlsplit(str(one.value)).password is not None


def _warnings(found: Layer, environ: Mapping[str, str]) -> Iterator[str]:
    password = found.get("key_password")
    if password and password.origin == "--key-password":
        yield "others can see --key-password in the list of processes; give --key-password-file"
    login = found.get("basic_auth")
    if login and login.origin == "--basic-auth" and not names_a_place(str(login.value)):
        yield "others can see --basic-auth in the list of processes; give env:NAME or file:FILE"
    for name, cure in _SEEN_BY_OTHERS.items():
        if (one := found.get(name)) and one.origin.startswith("--") and _is_secret(name, one):
            yield f"others can see {one.origin} in the list of processes; {cure}"
    config = found.get("config")
    if config and os.stat(str(config.value)).st_mode & 0o002:
        yield f"anyone on this machine may write to {config.value}: chmod o-w {config.value}"
    for variable, near in unknown_names(environ):
        hint = f"did you mean {near}?" if near else "docs/options.md has those that do"
        yield f"the variable {variable} means nothing; {hint}"
