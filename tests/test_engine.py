"""The tests' own choice of an engine."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader
from pathlib import Path
from types import ModuleType

import pytest

from tests import engine
from tests.engine import COMPILED, PYTHON, VARIABLE, Uncompiled, WrongEngineError

SUFFIX = EXTENSION_SUFFIXES[0]


@pytest.fixture
def modules(tmp_path: Path) -> list[str]:
    """A place with a module in Python, a compiled one, and one that is both."""
    for name in ("plain.py", f"quick{SUFFIX}", "twin.py", f"twin{SUFFIX}"):
        (tmp_path / name).touch()
    return [str(tmp_path)]


def found(name: str, modules: list[str]) -> str:
    spec = Uncompiled().find_spec(f"wsproxy_gevent.wire.{name}", modules)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).name


def test_what_is_written_in_python_is_found(modules: list[str]) -> None:
    assert found("plain", modules) == "plain.py"
    assert found("twin", modules) == "twin.py"


def test_what_is_only_compiled_seems_not_to_have_been_built(modules: list[str]) -> None:
    with pytest.raises(ModuleNotFoundError, match=r"wire\.quick is compiled"):
        found("quick", modules)


def test_other_packages_and_what_is_not_there_are_left_to_others(modules: list[str]) -> None:
    assert Uncompiled().find_spec("greenlet._greenlet", modules) is None
    assert Uncompiled().find_spec("wsproxy_gevent.wire.none", modules) is None


@pytest.fixture
def finders(monkeypatch: pytest.MonkeyPatch) -> Sequence[object]:
    """Those of imports, without ours."""
    others = [finder for finder in sys.meta_path if not isinstance(finder, Uncompiled)]
    monkeypatch.setattr(sys, "meta_path", others)
    return others


@pytest.mark.parametrize(("wanted", "hidden"), [(PYTHON, 1), (COMPILED, 0), ("", 0)])
def test_only_python_hides_anything_and_does_so_once(
    wanted: str, hidden: int, finders: Sequence[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, wanted)
    engine.settle()
    engine.settle()
    assert sum(isinstance(finder, Uncompiled) for finder in finders) == hidden


def test_a_compiled_module_of_ours_makes_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = ModuleType("wsproxy_gevent.wire.quick")
    quick.__loader__ = ExtensionFileLoader(quick.__name__, f"quick{SUFFIX}")
    monkeypatch.setitem(sys.modules, quick.__name__, quick)
    assert engine.in_use() == COMPILED
    monkeypatch.setenv(VARIABLE, PYTHON)
    with pytest.raises(WrongEngineError, match="is python, but the engine in use is compiled"):
        engine.check()


def test_a_word_that_is_no_engine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "fast")
    with pytest.raises(WrongEngineError, match="python or compiled, not fast"):
        engine.settle()


def test_the_engine_that_was_asked_for_is_the_one_in_use() -> None:
    assert engine.check() in (PYTHON, COMPILED)
