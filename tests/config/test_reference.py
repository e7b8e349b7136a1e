"""The documents say what the declarations say."""

from __future__ import annotations

import re
from pathlib import Path

from wsproxy_gevent.config.layers import of_file
from wsproxy_gevent.config.reference import render
from wsproxy_gevent.config.settings import DECLARATIONS

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLE = ROOT / "conf" / "wsproxy.toml"


def test_the_page_of_options_is_current() -> None:
    assert (ROOT / "docs" / "options.md").read_text() == render()


def test_every_row_has_as_many_cells_as_the_head() -> None:
    rows = [line for line in render().splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {7}


def test_every_setting_has_its_row() -> None:
    page = render()
    assert all(f"| `{one.variable}` |" in page for one in DECLARATIONS.values())


def test_the_example_starts_as_it_stands() -> None:
    assert {name: one.value for name, one in of_file(str(EXAMPLE)).items()} == {
        "source": "6080",
        "target": "localhost:5900",
    }


def test_the_example_shows_every_key_with_a_value_that_is_right(tmp_path: Path) -> None:
    whole = tmp_path / "whole.toml"
    whole.write_text(re.sub(r"^#(?=\w+ = )", "", EXAMPLE.read_text(), flags=re.MULTILINE))
    assert set(of_file(str(whole))) == {name for name, one in DECLARATIONS.items() if one.in_file}
