"""Which engine is taken: the compiled one where it is, unless somebody insists."""

from __future__ import annotations

import os

import pytest

from wsproxy_gevent import engine


@pytest.mark.parametrize(
    ("wanted", "built", "compiled"),
    [
        ("", True, True),
        ("", False, False),
        ("python", True, False),
        ("python", False, False),
        ("compiled", True, True),
    ],
)
def test_the_compiled_one_is_taken_where_it_is(wanted: str, built: bool, compiled: bool) -> None:
    assert engine._choice(wanted, built=built) is compiled


def test_who_insists_on_what_is_not_there_learns_what_to_do() -> None:
    with pytest.raises(ImportError, match="install again with a C compiler"):
        engine._choice("compiled", built=False)


def test_a_word_that_is_no_engine_is_refused() -> None:
    with pytest.raises(ImportError, match="'compiled' or 'python'"):
        engine._choice("fast", built=True)


def test_this_run_has_the_engine_that_was_asked_for() -> None:
    assert os.environ.get(engine.VARIABLE) in (None, "", engine.NAME)
