"""What the README and docs/websockify.md say differs from websockify: each row is a test."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent

TABLES = {"README.md": "## Coming from websockify", "docs/websockify.md": "## Options"}


def rows(page: str, heading: str) -> Iterator[str]:
    """The first cell of each row of the table below the heading."""
    section = (ROOT / page).read_text().partition(f"{heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    for line in lines[2:]:
        yield line.split("|")[1].strip()


def marks(module: Path) -> Iterator[str]:
    """The rows that the module's tests are marked with."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.row":
                    yield from (ast.literal_eval(word) for word in mark.args)


def test_every_row_is_a_test_and_every_mark_a_row() -> None:
    written = {row for page, heading in TABLES.items() for row in rows(page, heading)}
    modules = [path for path in TESTS.rglob("test_*.py") if "node_modules" not in path.parts]
    proven = {mark for module in modules for mark in marks(module)}
    assert len(written) > 30
    assert proven == written
