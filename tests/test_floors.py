"""The house: a module imports from lower floors and from its own package.

Read from the source, not from what happens to be loaded, so that an import
inside a function or under TYPE_CHECKING counts as well.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "wsproxy_gevent"

FLOORS: dict[str, int] = {
    "__init__": 0,
    "engine": 0,
    "errors": 0,
    "model": 0,
    "observer": 0,
    "wire": 1,
    "net": 2,
    "relay": 3,
    "targets": 3,
    "auth": 3,
    "live": 3,
    "record": 3,
    "telemetry": 3,
    "limits": 3,
    "web": 4,
    "server": 5,
    "config": 6,
}
DOORS = 7

MODULES = sorted(PACKAGE.rglob("*.py"))
COMPILED = sorted([*PACKAGE.rglob("*.pyx"), *PACKAGE.rglob("*.pxd")])
SOURCES = [*MODULES, *COMPILED]

# The wire floor is meaning without motion; each of these names moves.
MOVING = {"gevent", "socket", "ssl", "time", "os", "logging", "select", "threading"}

LINES_OF_A_FILE = 450

# An import of a compiled module stands on one line, at the top.
IMPORTING = re.compile(r"(from [\w.]+ c?import |import )")


def room(module: Path) -> str:
    """The first name below the package: a file's stem or a folder."""
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def floor(name: str) -> int:
    return FLOORS.get(name, DOORS)


def imports(module: Path) -> list[tuple[int, str]]:
    """Each import of the module, as (line, absolute dotted name)."""
    package = module.relative_to(ROOT).with_suffix("").parts[:-1]
    found = []
    for node in ast.walk(ast.parse(python_of(module))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            stem = ".".join((*base, *([node.module] if node.module else [])))
            found += [(node.lineno, f"{stem}.{alias.name}") for alias in node.names]
    return found


def python_of(module: Path) -> str:
    """The module's source; of a compiled one, the lines that import."""
    text = module.read_text()
    if module.suffix == ".py":
        return text
    lines = [line if IMPORTING.match(line) else "" for line in text.splitlines()]
    return "\n".join(lines).replace(" cimport ", " import ")


def rooms_imported(module: Path) -> list[tuple[int, str]]:
    names = [(line, name.split(".")) for line, name in imports(module)]
    return [(line, parts[1]) for line, parts in names if parts[0] == PACKAGE.name and parts[1:]]


def ids(module: Path) -> str:
    return str(module.relative_to(PACKAGE))


@pytest.mark.parametrize("module", SOURCES, ids=ids)
def test_nothing_is_imported_from_above(module: Path) -> None:
    here = room(module)
    above = [
        f"line {line}: {name}"
        for line, name in rooms_imported(module)
        if name != here and floor(name) > floor(here)
    ]
    assert above == []


@pytest.mark.parametrize("module", [m for m in SOURCES if floor(room(m)) == 3], ids=ids)
def test_services_are_strangers_to_each_other(module: Path) -> None:
    sideways = [
        f"line {line}: {name}"
        for line, name in rooms_imported(module)
        if name != room(module) and floor(name) == 3
    ]
    assert sideways == []


@pytest.mark.parametrize("module", [m for m in SOURCES if room(m) == "wire"], ids=ids)
def test_the_wire_floor_does_not_move(module: Path) -> None:
    moving = [name for _, name in imports(module) if name.split(".")[0] in MOVING]
    assert moving == []


@pytest.mark.parametrize(
    "module",
    [*SOURCES, *sorted((ROOT / "tests").rglob("*.py"))],
    ids=lambda m: str(m.name),
)
def test_no_file_outgrows_its_room(module: Path) -> None:
    if "node_modules" not in module.parts:
        assert len(module.read_text().splitlines()) <= LINES_OF_A_FILE


@pytest.mark.parametrize("module", MODULES, ids=ids)
def test_every_module_opens_with_its_promise(module: Path) -> None:
    assert ast.get_docstring(ast.parse(module.read_text()))
