"""People's plugins are found by the names that they have for websockify."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wsproxy_gevent import auth_plugins, plugins, token_plugins
from wsproxy_gevent.errors import StartError

TOKEN, AUTH = "--token-plugin", "--auth-plugin"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a module of somebody's own, which can be imported."""
    name = f"own_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(
        "from websockify.token_plugins import ReadOnlyTokenFile\n"
        "from websockify.auth_plugins import AuthenticationError, BasePlugin\n"
        "import sys\n"
        "class Shelf(ReadOnlyTokenFile):\n    pass\n"
        "class Gate(BasePlugin):\n"
        "    def __init__(self, src='none given'):\n        self.src = src\n"
        "class Broken:\n    def __init__(self, src):\n        raise ValueError(f'not {src}')\n"
        "class Leaves:\n    def __init__(self, src):\n        sys.exit('no such file')\n"
        "Called = 7\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    find = importlib.util.find_spec

    def without_websockify(name: str, package: str | None = None) -> Any:
        return None if name == "websockify" else find(name, package)

    # It comes along with other things that the tests need.
    monkeypatch.setattr(importlib.util, "find_spec", without_websockify)
    for module in [name for name in sys.modules if name.partition(".")[0] == "websockify"]:
        monkeypatch.delitem(sys.modules, module)
    yield name
    for module in ("websockify", "websockify.token_plugins", "websockify.auth_plugins"):
        sys.modules.pop(module, None)


@pytest.mark.parametrize("prefix", ["", "websockify.token_plugins.", token_plugins.__name__ + "."])
def test_ours_are_known_by_each_of_their_names(prefix: str) -> None:
    for name in ("ReadOnlyTokenFile", "TokenRedis", "JWTTokenApi"):
        assert plugins.own_name(TOKEN, prefix + name) == name
        assert plugins.own_name(AUTH, prefix + name) is None


@pytest.mark.parametrize(
    "name", ["TokenFiles", "json", "parse_source_args", "mine.TokenFile", "websockify.TokenFile"]
)
def test_others_are_not_ours(name: str) -> None:
    assert plugins.own_name(TOKEN, name) is None


def test_websockifys_auth_plugins_are_made_by_name() -> None:
    made = plugins.load(AUTH, "BasicHTTPAuth", "alice:sesame")
    assert isinstance(made, auth_plugins.BasicHTTPAuth)
    assert isinstance(plugins.load(AUTH, "BasePlugin", None), auth_plugins.BasePlugin)


def test_somebodys_own_builds_on_websockifys_names(own: str) -> None:
    made = plugins.load(TOKEN, f"{own}.Shelf", "tokens.txt")
    assert isinstance(made, token_plugins.ReadOnlyTokenFile)
    assert made.source == "tokens.txt"
    raised = sys.modules[own].AuthenticationError
    assert raised is auth_plugins.AuthenticationError


def test_an_auth_plugin_without_a_source_is_given_none(own: str) -> None:
    assert plugins.load(AUTH, f"{own}.Gate", None).src == "none given"
    assert plugins.load(AUTH, f"{own}.Gate", "a").src == "a"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Broken", "ValueError: not given"),
        ("Leaves", "SystemExit: no such file"),
        ("Missing", "AttributeError"),
        ("Called", "TypeError"),
    ],
)
def test_what_cannot_be_made_stops_the_start(own: str, name: str, said: str) -> None:
    with pytest.raises(StartError, match=rf"^--token-plugin {own}\.{name}: {said}"):
        plugins.load(TOKEN, f"{own}.{name}", "given")


def test_a_module_that_is_not_found_is_told_how_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StartError, match=r"ModuleNotFoundError.*set PYTHONPATH"):
        plugins.load(TOKEN, "nowhere_at_all.Shelf", None)
    (tmp_path / "nowhere_at_all.py").touch()
    with pytest.raises(StartError, match=f"PYTHONPATH={tmp_path} makes it known"):
        plugins.load(TOKEN, "nowhere_at_all.Shelf", None)


def test_websockify_itself_is_left_alone_where_it_is(tmp_path: Path) -> None:
    """Another process, for modules once imported stay."""
    (tmp_path / "websockify").mkdir()
    for name in ("__init__", "token_plugins"):
        (tmp_path / "websockify" / f"{name}.py").write_text("THEIRS = True\n")
    code = (
        "from wsproxy_gevent import plugins\n"
        "plugins.stand_in()\n"
        "from websockify import token_plugins\n"
        "print(token_plugins.THEIRS)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert ended.stdout == "True\n"
