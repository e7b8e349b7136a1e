"""Which source the settings mean, by its own name and by websockify's."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jwcrypto import jwk

from wsproxy_gevent import sources
from wsproxy_gevent.auth.login import EveryLogin
from wsproxy_gevent.config.settings import Settings
from wsproxy_gevent.errors import StartError, TokenRefused, UsageError
from wsproxy_gevent.model import TcpTarget, Token
from wsproxy_gevent.net.pool import NativePool
from wsproxy_gevent.net.turns import Turns
from wsproxy_gevent.sources import find_gate, find_resolver, page_login, places_of, token_file
from wsproxy_gevent.targets.plugin import PluginResolver
from wsproxy_gevent.targets.resolver import Resolver, StaticResolver
from wsproxy_gevent.targets.token_directory import DirectorySource, SocketDirectory
from wsproxy_gevent.targets.token_file import FileSource
from wsproxy_gevent.targets.token_http import HttpSource
from wsproxy_gevent.targets.token_jwt import JwtSource
from wsproxy_gevent.targets.token_redis import RedisPlace, RedisSource
from wsproxy_gevent.targets.tokens import TokenResolver
from wsproxy_gevent.wire.message import Request

HERE = TcpTarget("vm7", 5900)
ASKING = Request("GET", "/?token=one")


def resolver(settings: Settings) -> Resolver:
    return find_resolver(settings, None, NativePool(2), Turns(), Turns())


def by_plugin(name: str, argument: str | None, **changes: Any) -> Settings:
    return Settings(token_plugin=name, token_source=argument, **changes)


def source(settings: Settings) -> object:
    found = resolver(settings)
    assert isinstance(found, TokenResolver)
    return found._source


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """What any source may be made of: a file of tokens, keys, names and sockets."""
    (tmp_path / "tokens").write_text("one: vm7:5900\n")
    (tmp_path / "names").mkdir()
    (tmp_path / "names" / "one").write_text("vm7:5900\n")
    (tmp_path / "key").write_bytes(jwk.JWK.generate(kty="EC", crv="P-256").export_to_pem())
    return tmp_path


NAMES: list[tuple[str, str, str, type[object]]] = [
    ("file:{}/tokens", "TokenFile", "{}/tokens", FileSource),
    ("file:{}/tokens", "ReadOnlyTokenFile", "{}/tokens", FileSource),
    ("dir:{}/names", "TokenFileName", "{}/names", DirectorySource),
    ("unixdir:{}/names", "UnixDomainSocketDirectory", "{}/names", SocketDirectory),
    ("jwt:{}/key", "JWTTokenApi", "{}/key", JwtSource),
    ("https://api.example/%s", "BaseTokenAPI", "https://api.example/%s", HttpSource),
    ("https://api.example/%s", "JSONTokenApi", "https://api.example/%s", HttpSource),
    ("redis://h:7/3", "TokenRedis", "h:7:3", RedisSource),
]


@pytest.mark.parametrize(("own", "theirs", "argument", "kind"), NAMES, ids=[n[1] for n in NAMES])
def test_each_source_has_two_names(
    place: Path, own: str, theirs: str, argument: str, kind: type[object]
) -> None:
    assert isinstance(source(Settings(tokens=own.format(place))), kind)
    for prefix in ("", "websockify.token_plugins.", "wsproxy_gevent.token_plugins."):
        named = by_plugin(prefix + theirs, argument.format(place))
        assert isinstance(source(named), kind)


def test_a_target_config_is_a_token_file(place: Path) -> None:
    found = resolver(Settings(target_config=f"{place}/tokens")).resolve(ASKING)
    assert (found.target, found.token) == (HERE, Token("one"))


def test_a_read_only_file_is_read_once_and_the_other_when_it_has_changed(place: Path) -> None:
    once = resolver(by_plugin("ReadOnlyTokenFile", f"{place}/tokens"))
    again = resolver(by_plugin("TokenFile", f"{place}/tokens"))
    for one in (once, again):
        assert one.resolve(ASKING).target == HERE
    (place / "tokens").write_text("other: vm7:5900\n")
    assert once.resolve(ASKING).target == HERE
    with pytest.raises(TokenRefused):
        again.resolve(ASKING)


def test_where_everybody_has_one_target_no_token_is_asked_for() -> None:
    found = find_resolver(Settings(), HERE, NativePool(1), Turns(), Turns())
    assert isinstance(found, StaticResolver)


def test_somebodys_own_is_asked_in_turns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "somebodys_shelf.py").write_text(
        "class Shelf:\n    def __init__(self, src): self.src = src\n"
        "    def lookup(self, token): return 'vm7', self.src\n"
        "class Empty:\n    def __init__(self, src=None): pass\n"
        "    def authenticate(self, headers, host, port): assert port == '5900', port\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    settings = by_plugin("somebodys_shelf.Shelf", "5900", auth_plugin="somebodys_shelf.Empty")
    found = resolver(settings)
    assert isinstance(found, PluginResolver)
    assert found.resolve(ASKING).target == HERE
    gate = find_gate(settings, Turns())
    assert gate is not None
    assert find_gate(Settings(), Turns()) is None
    every = page_login(None, gate, HERE)
    assert isinstance(every, EveryLogin)
    assert page_login(None, None, HERE) is None


@pytest.mark.parametrize(
    ("name", "argument", "said"),
    [
        ("TokenFile", None, "TokenFile needs a --token-source"),
        ("BasePlugin", "x", "BasePlugin looks up nothing"),
        ("BaseTokenAPI", "https://api.example/", "has no %s"),
        ("TokenRedis", ":7", "TokenRedis takes host"),
        ("TokenRedis", "h:x", "TokenRedis takes host"),
        ("TokenRedis", "h:7:3:p:n:more", "TokenRedis takes host"),
    ],
)
def test_what_cannot_be_meant_is_said(name: str, argument: str | None, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        resolver(by_plugin(name, argument))


@pytest.mark.parametrize(
    "tokens", ["jwt:{}/none", "jwt:{}/tokens", "dir:{}/key", "unixdir:{}/key"]
)
def test_what_is_not_what_it_should_be_stops_the_start(place: Path, tokens: str) -> None:
    with pytest.raises(StartError, match=str(place)):
        resolver(Settings(tokens=tokens.format(place)))


@pytest.mark.parametrize("tokens", ["file:{}/none", "dir:{}/none", "unixdir:{}/none"])
def test_what_is_not_there_yet_may_come(place: Path, tokens: str) -> None:
    with pytest.raises(TokenRefused):
        resolver(Settings(tokens=tokens.format(place))).resolve(ASKING)


def place_of(found: object) -> RedisPlace:
    assert isinstance(found, RedisSource)
    return found._place


def test_a_redis_by_websockifys_name() -> None:
    assert place_of(source(by_plugin("TokenRedis", "h"))) == RedisPlace("h")
    everything = by_plugin("TokenRedis", '"::1":7:3:"a:b":console')
    expected = RedisPlace("::1", 7, 3, password="a:b", namespace="console:")
    assert place_of(source(everything)) == expected


def of_variable(monkeypatch: pytest.MonkeyPatch, _: Path) -> str:
    monkeypatch.setenv("REDIS_PASSWORD", "sesame")
    return "env:REDIS_PASSWORD"


def of_file(_: pytest.MonkeyPatch, place: Path) -> str:
    (place / "password").write_text("sesame\r\nmore\n")
    return f"file:{place}/password"


@pytest.mark.parametrize("written", [of_variable, of_file])
def test_its_password_need_not_be_on_the_command_line(
    monkeypatch: pytest.MonkeyPatch,
    place: Path,
    written: Callable[[pytest.MonkeyPatch, Path], str],
) -> None:
    by_url = Settings(tokens="rediss://h", token_password=written(monkeypatch, place))
    found = place_of(source(replace(by_url, token_ca="/ca.pem")))
    assert found == RedisPlace("h", password="sesame", tls=True, ca="/ca.pem")
    by_name = by_plugin("TokenRedis", "h", token_password=by_url.token_password)
    assert place_of(source(by_name)).password == "sesame"


@pytest.mark.parametrize("where", ["env:NOWHERE_AT_ALL", "file:/nowhere/at/all"])
def test_a_password_that_is_nowhere_stops_the_start(where: str) -> None:
    with pytest.raises(StartError, match=f"--token-password: cannot read {where}"):
        resolver(Settings(tokens="redis://h", token_password=where))


def test_jwts_of_others_are_warned_of(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, sources.__name__):
        source(Settings(tokens=f"jwt:{place}/key", jwt_audience="consoles"))
        assert not caplog.messages
        source(Settings(tokens=f"jwt:{place}/key"))
        source(by_plugin("JWTTokenApi", f"{place}/key"))
    audience, lenient = caplog.messages
    assert "--jwt-audience NAME" in audience
    assert "JWTTokenApi takes tokens without an end" in lenient


def test_data_from_elsewhere_names_sockets_only_where_some_are_listed(place: Path) -> None:
    listed = Settings(tokens=f"unixdir:{place}/names", allow_target=("unix:/run/vms/",))
    assert isinstance(source(listed), SocketDirectory)
    for allowed, expected in (((), False), (("vm7:5900",), False), (("unix:/run/vms/",), True)):
        found = source(Settings(tokens="redis://h", allow_target=allowed))
        assert isinstance(found, RedisSource)
        assert found._unix is expected


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        (Settings(), None),
        (Settings(tokens="file:/t"), "/t"),
        (Settings(tokens="dir:/t"), None),
        (Settings(target_config="/t"), "/t"),
        (Settings(token_plugin="TokenFile", token_source="/t"), "/t"),
        (Settings(token_plugin="websockify.token_plugins.TokenFile", token_source="/t"), "/t"),
        (Settings(token_plugin="TokenFileName", token_source="/t"), None),
        (Settings(token_plugin="mine.TokenFile", token_source="/t"), None),
    ],
)
def test_the_file_whose_lines_are_tokens(settings: Settings, path: str | None) -> None:
    assert token_file(settings) == path


def test_where_a_token_stands_is_a_setting() -> None:
    places = places_of(Settings(token_from=("cookie",), token_cookie="vm"))
    assert places.find(ASKING) is None
