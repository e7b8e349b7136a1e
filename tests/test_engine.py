"""The compiled loop where it is there, its twin where it is not or is asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

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
def test_what_is_built_is_used_unless_the_other_is_asked_for(
    wanted: str, built: bool, compiled: bool
) -> None:
    assert engine._choice(wanted, built=built) is compiled


def test_asking_for_what_is_not_installed_says_how_to_have_it() -> None:
    with pytest.raises(ImportError, match="install again with a C compiler"):
        engine._choice("compiled", built=False)


def test_an_engine_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(ImportError, match="WSPROXY_ENGINE is 'fast'; it can be"):
        engine._choice("fast", built=True)


def test_where_there_is_a_compiler_the_tests_run_compiled() -> None:
    """Or they would all pass and prove nothing of it."""
    if not shutil.which("cc"):
        pytest.skip("cc is missing")
    assert engine.COMPILED or os.environ.get(engine.VARIABLE) == "python"


@pytest.mark.parametrize("name", ["python", "compiled"])
def test_every_part_is_of_the_engine_that_is_asked_for(name: str) -> None:
    if name == "compiled" and not engine._is_built():
        pytest.skip("the compiled loop is not built here")
    script = (
        "from wsproxy_gevent.net.streams import PlainStream, TlsStream\n"
        "from wsproxy_gevent.relay import shortcut\n"
        "from wsproxy_gevent.wire import hybi, mask\n"
        "parts = (PlainStream, TlsStream, hybi.Reader)\n"
        "print(*(part.__module__.rpartition('.')[2] for part in parts))\n"
        "print(hasattr(shortcut, 'Upstream'), type(mask._xor).__name__)\n"
    )
    environment = {**os.environ, engine.VARIABLE: name}
    told = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    ).stdout.split()
    if name == "compiled":
        assert told == ["_plain", "_tls", "_reader", "True", "cython_function_or_method"]
    else:
        assert told[:4] == ["stream", "tls", "hybi_reader", "False"]
