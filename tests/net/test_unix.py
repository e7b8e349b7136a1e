"""A socket in the file system takes nobody's place and leaves nothing behind."""

from __future__ import annotations

import os
import socket
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from wsproxy_gevent.errors import StartError
from wsproxy_gevent.net import unix
from wsproxy_gevent.net.unix import bind_unix, make_way


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "proxy.sock")


def dead_socket(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o777])
def test_the_mode_holds_and_the_umask_is_as_before(mode: int, path: str) -> None:
    before = os.umask(0o077)
    try:
        sock, _ = bind_unix(path, mode)
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(before)
    with sock:
        assert stat.S_IMODE(os.lstat(path).st_mode) == mode


def test_clients_can_connect(path: str) -> None:
    sock, _ = bind_unix(path, 0o600)
    with sock, socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        accepted, _ = sock.accept()
        accepted.close()


def test_a_dead_socket_of_ours_gives_way(path: str) -> None:
    dead_socket(path)
    sock, file = bind_unix(path, 0o600)
    sock.close()
    assert os.lstat(path).st_ino == file.inode


def test_a_living_one_does_not(path: str) -> None:
    first, file = bind_unix(path, 0o600)
    with first, pytest.raises(StartError, match="somebody listens there"):
        bind_unix(path, 0o600)
    assert os.lstat(path).st_ino == file.inode


def test_one_whose_queue_is_full_lives(path: str) -> None:
    first, _ = bind_unix(path, 0o600, backlog=0)
    with first, socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        with pytest.raises(StartError, match="somebody listens there"):
            bind_unix(path, 0o600)


def test_a_file_is_not_removed(path: str) -> None:
    Path(path).write_text("gold")
    with pytest.raises(StartError, match="no socket"):
        bind_unix(path, 0o600)
    assert Path(path).read_text() == "gold"


def test_a_link_to_a_dead_socket_is_not_followed(path: str, tmp_path: Path) -> None:
    dead_socket(str(tmp_path / "other"))
    os.symlink(tmp_path / "other", path)
    with pytest.raises(StartError, match="no socket"):
        bind_unix(path, 0o600)
    assert os.path.islink(path)


def test_somebody_elses_socket_is_not_removed(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dead_socket(path)
    monkeypatch.setattr("os.geteuid", lambda: os.lstat(path).st_uid + 1)
    with pytest.raises(StartError, match="belongs to somebody else"):
        bind_unix(path, 0o600)
    assert os.path.lexists(path)


def test_looking_removes_nothing(path: str) -> None:
    make_way(path, remove=False)
    dead_socket(path)
    make_way(path, remove=False)
    assert os.path.lexists(path)


def test_what_has_taken_our_place_is_not_removed_at_the_end(path: str) -> None:
    sock, file = bind_unix(path, 0o600)
    sock.close()
    file.remove()
    assert not os.path.lexists(path)
    Path(path).write_text("of somebody else")
    file.remove()
    assert os.path.lexists(path)


def test_a_living_socket_in_our_place_is_not_removed_either(path: str) -> None:
    sock, file = bind_unix(path, 0o600)
    sock.close()
    other, its_file = bind_unix(path, 0o600)
    with other:
        replace(file, inode=its_file.inode).remove()
        assert os.path.lexists(path)


@pytest.mark.parametrize(("name", "cure"), [("absent/x", "does not exist"), ("x" * 200, "")])
def test_what_cannot_be_bound_is_told(name: str, cure: str, tmp_path: Path) -> None:
    with pytest.raises(StartError, match=f"cannot listen on unix:.*{cure}"):
        bind_unix(str(tmp_path / name), 0o600)


def test_two_starts_at_once_do_not_remove_each_others_socket(path: str) -> None:
    with (
        unix._locked(os.path.dirname(path)),
        pytest.raises(StartError, match="is just starting there"),
    ):
        bind_unix(path, 0o600)
