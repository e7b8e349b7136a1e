"""The name websockify for this command."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wsproxy_gevent.config.loading import Loaded
from wsproxy_gevent.config.settings import Settings
from wsproxy_gevent.config.words import Task
from wsproxy_gevent.errors import StartError, UsageError
from wsproxy_gevent.shim import install, link, own_command


@pytest.fixture
def command(tmp_path: Path) -> Path:
    made = tmp_path / "bin" / "wsproxy-gevent"
    made.parent.mkdir()
    made.write_text("#!/bin/sh\n")
    made.chmod(0o755)
    return made


def asked(*arguments: str) -> Loaded:
    return Loaded(Settings(), {}, task=Task.INSTALL_SHIM, arguments=arguments)


def test_the_link_points_to_the_command(
    command: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", [str(command)])
    monkeypatch.setenv("PATH", str(tmp_path))
    said: list[str] = []
    assert install(asked(str(tmp_path)), said.append) == 0
    assert os.readlink(tmp_path / "websockify") == str(command)
    assert said == [f"{tmp_path}/websockify -> {command}"]
    assert install(asked(str(tmp_path)), said.append) == 0


def test_who_would_not_find_it_is_told(
    command: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", [str(command)])
    monkeypatch.setenv("PATH", str(command.parent))
    said: list[str] = []
    install(asked(str(tmp_path)), said.append)
    assert said[1] == f"`websockify` still means nothing: put {tmp_path} first in PATH"


@pytest.mark.parametrize("arguments", [(), ("a", "b")])
def test_it_takes_one_directory(arguments: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="one directory"):
        install(asked(*arguments), print)


def test_a_websockify_that_is_there_stays(command: Path, tmp_path: Path) -> None:
    path = tmp_path / "websockify"
    path.write_text("theirs")
    with pytest.raises(StartError, match=r"there is a .*/websockify already: remove it"):
        link(str(path), str(command))
    assert path.read_text() == "theirs"


def test_a_dangling_link_stays_too(command: Path, tmp_path: Path) -> None:
    path = tmp_path / "websockify"
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(StartError, match="already"):
        link(str(path), str(command))


def test_a_directory_that_is_missing_is_told(command: Path, tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"cannot make .*: No such file or directory"):
        link(str(tmp_path / "absent" / "websockify"), str(command))


def test_without_a_script_of_its_own_it_is_that_of_this_python(
    command: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = str(command.with_name("python"))
    assert own_command("/x/wsproxy_gevent/__main__.py", python) == str(command)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StartError, match="is not installed"):
        own_command("-c", str(tmp_path / "python"))
