"""Tokens that are names in a directory, and nothing that leads out of it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.auditing import opened_during
from tests.cases.tokens import HOSTILE, SECRET
from wsproxy_gevent.errors import SourceFailed, StartError, TokenRefused
from wsproxy_gevent.model import Target, TcpTarget, Token, UnixTarget
from wsproxy_gevent.net.turns import Turns
from wsproxy_gevent.targets.token_directory import DirectorySource, SocketDirectory

HERE = TcpTarget("here.example", 5900)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A directory with one good token, and with all that a token must not reach."""
    root = tmp_path / "root"
    for directory in (root / "sub", root / ".hidden", tmp_path / "rooted"):
        directory.mkdir(parents=True)
    for place in (tmp_path, tmp_path / "rooted", root / "sub", root / ".hidden"):
        (place / SECRET).write_text("secret.example:1\n")
    (root / ".secret").write_text("secret.example:1\n")
    (root / "good").write_text("here.example:5900\n")
    (root / "out").symlink_to(tmp_path / SECRET)
    (root / "outdir").symlink_to(tmp_path / "rooted")
    (root / "loop").symlink_to("loop")
    (root / "inside").symlink_to("good")
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as bound:
        here = os.getcwd()
        os.chdir(root)  # a socket's path has little room
        try:
            bound.bind("socket")
        finally:
            os.chdir(here)
        yield root


@pytest.fixture
def files(root: Path) -> DirectorySource:
    return DirectorySource(str(root), turns=Turns())


@pytest.fixture
def sockets(root: Path) -> SocketDirectory:
    return SocketDirectory(str(root), turns=Turns())


def outcome(source: DirectorySource | SocketDirectory, token: str) -> Target | str:
    try:
        return source.find(Token(token))
    except TokenRefused as error:
        return error.slug


def test_the_corpus_is_not_small() -> None:
    assert len(set(HOSTILE)) >= 500


def test_a_name_is_a_token(files: DirectorySource, root: Path) -> None:
    opened, target = opened_during(partial(outcome, files, "good"))
    assert (opened, target) == ([str(root / "good")], HERE)
    assert outcome(files, "inside") == HERE


@pytest.mark.fault(45)
def test_nothing_hostile_leads_anywhere_or_opens_anything(
    files: DirectorySource, root: Path
) -> None:
    inside = [str(root / name) for name in ("fifo", "sub", "socket")]
    for token in HOSTILE:
        opened, said = opened_during(partial(outcome, files, token))
        assert said == "token-refused", token
        # What is there and no file is looked at, in order to know that.
        assert [path for path in opened if os.path.exists(path)] in ([], *([i] for i in inside))
        assert all(path.startswith(f"{root}/") for path in opened), token


def test_a_socket_is_a_token_and_nothing_else_is(sockets: SocketDirectory, root: Path) -> None:
    assert outcome(sockets, "socket") == UnixTarget(str(root / "socket"))
    for token in [*HOSTILE, "good", "inside", "nothing"]:
        opened, said = opened_during(partial(outcome, sockets, token))
        assert (opened, said == "token-refused") == ([], token != "socket"), token


def test_a_file_may_come_and_go(files: DirectorySource, root: Path) -> None:
    assert outcome(files, "new") == "token-refused"
    (root / "new").write_text("[::1]:1")
    assert outcome(files, "new") == TcpTarget("::1", 1)
    (root / "new").unlink()
    assert outcome(files, "new") == "token-refused"


@pytest.mark.parametrize("content", [b"", b"nowhere", b"\xff\xfe", b"a:1\n" * 2000])
def test_a_file_that_names_no_target_is_the_operators_fault(
    files: DirectorySource, root: Path, content: bytes
) -> None:
    (root / "bad").write_bytes(content)
    with pytest.raises(SourceFailed) as caught:
        files.find(Token("bad"))
    assert str(root) in caught.value.detail
    assert str(root) not in caught.value.reason


def test_the_volume_of_a_secret_may_be_swapped(tmp_path: Path) -> None:
    """As Kubernetes does it: every name is a symlink into `..data`, which is one itself."""
    for version, port in (("..one", 1), ("..two", 2)):
        (tmp_path / version).mkdir()
        (tmp_path / version / "token").write_text(f"vm:{port}")
    (tmp_path / "..data").symlink_to("..one")
    (tmp_path / "token").symlink_to("..data/token")
    source = DirectorySource(str(tmp_path), turns=Turns())
    assert outcome(source, "token") == TcpTarget("vm", 1)
    (tmp_path / "..new").symlink_to("..two")
    (tmp_path / "..new").rename(tmp_path / "..data")
    assert outcome(source, "token") == TcpTarget("vm", 2)


def test_a_directory_may_come_later_and_a_file_is_none(tmp_path: Path) -> None:
    source = DirectorySource(str(tmp_path / "later"), turns=Turns())
    assert outcome(source, "token") == "token-refused"
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "token").write_text("vm:1")
    assert outcome(source, "token") == TcpTarget("vm", 1)
    for kind in (DirectorySource, SocketDirectory):
        with pytest.raises(StartError, match="is no directory"):
            kind(str(tmp_path / "later" / "token"), turns=Turns())
