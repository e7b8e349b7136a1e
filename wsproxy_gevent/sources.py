"""Where targets come from, by the settings: the command line, tokens, somebody's plugin."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Final

from . import plugins
from .administration import first_line
from .auth.login import EveryLogin, Login
from .auth.plugin import PageGate, PluginGate
from .config.settings import Settings
from .errors import StartError, UsageError
from .model import Target
from .net.pool import NativePool
from .net.turns import Turns
from .net.watched import Watched
from .targets.jwt_keys import read_keys
from .targets.plugin import PluginResolver
from .targets.resolver import Resolver, StaticResolver
from .targets.token_directory import DirectorySource, SocketDirectory
from .targets.token_file import FileSource
from .targets.token_http import HttpSource
from .targets.token_jwt import JwtSource, Rules
from .targets.token_redis import RedisPlace, RedisSource
from .targets.tokens import Source, TokenResolver
from .token_plugins import parse_source_args
from .wire.tokens import TokenPlaces

logger = logging.getLogger(__name__)

TOKEN_PLUGIN, AUTH_PLUGIN = "--token-plugin", "--auth-plugin"


def find_resolver(
    settings: Settings, target: Target | None, pool: NativePool, lookups: Turns, turns: Turns
) -> Resolver:
    """What leads requests to targets; `target` is that of everybody, if there is one.

    Lookups of ours have the turns of `lookups`, somebody's own plugin those of
    `turns`.  Blocks.  Raises `StartError` for what cannot be read, `UsageError`.
    """
    if target is not None:
        return StaticResolver(target)
    places = places_of(settings)
    name = settings.token_plugin
    if name is None or plugins.own_name(TOKEN_PLUGIN, name):
        return TokenResolver(_Sources(settings, pool, lookups).find(), places)
    plugin = plugins.load(TOKEN_PLUGIN, name, settings.token_source)
    return PluginResolver(plugin, places, turns, timeout=settings.plugin_timeout)


def places_of(settings: Settings) -> TokenPlaces:
    return TokenPlaces(settings.token_places, settings.token_cookie)


def token_file(settings: Settings) -> str | None:
    """The file, or directory of files, whose lines are tokens, if there is one."""
    if settings.token_plugin is not None:
        ours = plugins.own_name(TOKEN_PLUGIN, settings.token_plugin)
        return settings.token_source if ours in ("TokenFile", "ReadOnlyTokenFile") else None
    kind, _, path = (settings.tokens or "").partition(":")
    return path if kind == "file" else settings.target_config


def find_gate(settings: Settings, turns: Turns) -> PluginGate | None:
    """The plugin that lets clients in, if there is one.  Raises `StartError`."""
    name = settings.auth_plugin
    if name is None:
        return None
    ours = plugins.own_name(AUTH_PLUGIN, name)
    plugin = plugins.load(AUTH_PLUGIN, ours or name, settings.auth_source)
    return PluginGate(
        plugin,
        None if ours else turns,
        timeout=settings.plugin_timeout,
        port_as_text=settings.finds_targets,
    )


def page_login(
    login: Login | None, gate: PluginGate | None, target: Target | None
) -> Login | None:
    """What lets clients at the pages: our own logins, then the plugin."""
    if gate is None:
        return login
    return EveryLogin([*([login] if login else []), PageGate(gate, target)])


class _Sources:
    """Makes the source that settings name, by either of its names."""

    def __init__(self, settings: Settings, pool: NativePool, turns: Turns) -> None:
        self._settings = settings
        self._pool = pool
        self._turns = turns
        listed = (entry.startswith("unix:") for entry in settings.allow_target)
        self._unix = any(listed)

    def find(self) -> Source:
        settings = self._settings
        if settings.token_plugin is not None:
            name = settings.token_plugin.rpartition(".")[2]
            if not settings.token_source:
                raise UsageError(f"--token-plugin {name} needs a --token-source")
            return self._named(name, settings.token_source)
        if settings.target_config is not None:
            return self.file(settings.target_config)
        tokens = settings.tokens or ""
        kind, _, rest = tokens.partition(":")
        if kind in _OF_PATHS:
            return _OF_PATHS[kind](self, rest)
        if kind in ("http", "https"):
            return self.http(tokens)
        return self._redis(
            RedisPlace.of_url(tokens, password=self._password(), ca=settings.token_ca)
        )

    def _named(self, name: str, argument: str) -> Source:
        """By the name that websockify has for it."""
        if name in _OF_WEBSOCKIFY:
            return _OF_WEBSOCKIFY[name](self, argument)
        raise UsageError(f"--token-plugin {name} looks up nothing; name one that does")

    def file(self, path: str) -> Source:
        return FileSource(path, turns=self._turns, strict=self._settings.strict_tokens)

    def file_once(self, path: str) -> Source:
        strict = self._settings.strict_tokens
        return FileSource(path, turns=self._turns, strict=strict, watched=False)

    def directory(self, path: str) -> Source:
        return DirectorySource(path, turns=self._turns)

    def sockets(self, path: str) -> Source:
        return SocketDirectory(path, turns=self._turns)

    def http(self, url: str) -> Source:
        if "%s" not in url:
            raise UsageError("--token-source has no %s, which is where the token goes")
        return HttpSource(url, turns=self._turns, ca=self._settings.token_ca, unix=self._unix)

    def jwt(self, path: str) -> Source:
        settings = self._settings
        if settings.jwt_audience is None:
            logger.warning(
                "a JWT that was made for another service is taken, too: --jwt-audience NAME"
                " takes those for us alone"
            )
        rules = Rules(audience=settings.jwt_audience, issuer=settings.jwt_issuer)
        return self._jwt_by(path, rules)

    def jwt_as_websockify(self, path: str) -> Source:
        logger.warning(
            "JWTTokenApi takes tokens without an end, of any issuer and for any audience;"
            " --tokens jwt:FILE does not"
        )
        return self._jwt_by(path, Rules(strict=False))

    def _jwt_by(self, path: str, rules: Rules) -> Source:
        algorithm = self._settings.jwt_algorithm

        keys = Watched(
            "key of tokens",
            [path],
            lambda: read_keys(path, algorithm, lenient=not rules.strict),
            pool=self._pool,
        )
        return JwtSource(keys.value, rules, turns=self._turns, unix=self._unix)

    def redis_as_websockify(self, argument: str) -> Source:
        given = parse_source_args(argument)
        host, port, database, password, namespace = (*given, "", "", "", "", "")[:5]
        if len(given) > 5 or not host or not all(_is_number(text) for text in (port, database)):
            raise UsageError("TokenRedis takes host[:port[:db[:password[:namespace]]]]")
        defaults = RedisPlace(host)
        return self._redis(
            RedisPlace(
                host,
                int(port or defaults.port),
                int(database or defaults.database),
                password=password or self._password(),
                namespace=f"{namespace}:" if namespace else "",
            )
        )

    def _redis(self, place: RedisPlace) -> Source:
        return RedisSource(place, turns=self._turns, unix=self._unix)

    def _password(self) -> str | None:
        place = self._settings.token_password
        if place is None:
            return None
        kind, _, name = place.partition(":")
        try:
            return os.environ[name] if kind == "env" else first_line(name).rstrip("\r\n")
        except (OSError, UnicodeDecodeError, KeyError) as exc:
            raise StartError(f"--token-password: cannot read {place}: {exc}") from exc


_Make = Callable[[_Sources, str], Source]


_OF_PATHS: Final[dict[str, _Make]] = {
    "file": _Sources.file,
    "dir": _Sources.directory,
    "unixdir": _Sources.sockets,
    "jwt": _Sources.jwt,
}

_OF_WEBSOCKIFY: Final[dict[str, _Make]] = {
    "ReadOnlyTokenFile": _Sources.file_once,
    "TokenFile": _Sources.file,
    "TokenFileName": _Sources.directory,
    "BaseTokenAPI": _Sources.http,
    "JSONTokenApi": _Sources.http,
    "JWTTokenApi": _Sources.jwt_as_websockify,
    "TokenRedis": _Sources.redis_as_websockify,
    "UnixDomainSocketDirectory": _Sources.sockets,
}


def _is_number(text: str) -> bool:
    return not text or (text.isascii() and text.isdecimal())
