"""websockify's options: none forgotten, each meant as its help says."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cases.websockify import NAMES, OPTIONS, Option
from wsproxy_gevent.config import profile
from wsproxy_gevent.config.arguments import TAKES_VALUE, full_name, parse
from wsproxy_gevent.config.settings import DECLARATIONS

TESTS = Path(__file__).resolve().parents[1]
WEBSOCKIFY = TESTS.parent / ".peers" / "websockify"

# "  -6, --prefer-ipv6     prefer IPv6 when ..." or "  --cert=CERT  SSL ..."
ROW = re.compile(r"  (?:(-\w), )?(--[\w-]+)(=\S+)?(?:\s|$)")


def listed(help_text: str) -> list[Option]:
    """The options of a help text that optparse made, in their order."""
    found = (ROW.match(line) for line in help_text.splitlines())
    return [
        Option(tuple(flag for flag in row.group(1, 2) if flag), row[3] is not None)
        for row in found
        if row
    ]


def test_the_table_is_what_websockify_itself_lists() -> None:
    if not WEBSOCKIFY.exists():
        pytest.skip(f"websockify is not in {WEBSOCKIFY} (make .stamps/websockify puts it there)")
    shown = subprocess.run(
        [sys.executable, "-m", "websockify", "--help"],
        env={**os.environ, "PYTHONPATH": str(WEBSOCKIFY), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert listed(shown.stdout) == [*OPTIONS]


def test_each_is_served() -> None:
    ours = {one.flag for one in DECLARATIONS.values()} | {"--help"}
    assert sorted(profile.OPTIONS) == sorted(NAMES)
    assert {*NAMES} <= ours


@pytest.mark.parametrize("option", OPTIONS, ids=NAMES)
def test_each_takes_a_value_or_none_in_every_spelling(option: Option) -> None:
    if option.name == "--help":
        return
    assert TAKES_VALUE[option.name] is option.takes_value
    spellings = [[flag, "x"] for flag in option.flags] + [[f"{option.name}=x"]]
    for words in spellings if option.takes_value else [[flag] for flag in option.flags]:
        # Before, between and behind the places.
        for at in range(3):
            line = ["6080", "target:1"]
            line[at:at] = words
            read = parse(line)
            assert read.arguments == ["6080", "target:1"]
            [(_, value)] = read.texts.items()
            assert value == (["x"] if option.takes_value else True)


@pytest.mark.parametrize("name", NAMES)
def test_an_abbreviation_that_is_clear_to_websockify_is_clear_to_us(name: str) -> None:
    ours = {one.flag for one in DECLARATIONS.values()}
    for end in range(3, len(name) + 1):
        short = name[:end]
        meant = [short] if short in NAMES else [one for one in NAMES if one.startswith(short)]
        # `--web` and the like: the whole name of an option of ours wins as well.
        if len(meant) == 1 and short not in ours:
            assert full_name(short) == meant[0]


def proven(module: Path) -> Iterator[str]:
    """The options that the tests of a module are marked with."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.option":
                    yield from (ast.literal_eval(word) for word in mark.args)


def test_the_behaviour_of_each_that_is_served_has_its_test() -> None:
    modules = sorted((TESTS / "e2e").glob("test_*.py"))
    proofs = [name for module in modules for name in proven(module)]
    assert {*proofs} <= {*NAMES}
    assert {*NAMES} == {*proofs}
