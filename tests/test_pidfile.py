"""The pid file: true while we live, gone when we go, and never somebody else's file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from wsproxy_gevent.errors import StartError
from wsproxy_gevent.pidfile import PidFile, owner


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "wsproxy.pid"


@pytest.fixture
def narrow_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


def test_it_holds_our_pid_and_goes_with_us(path: Path) -> None:
    with PidFile(str(path)):
        assert path.read_text() == f"{os.getpid()}\n"
    assert not path.exists()


@pytest.mark.usefixtures("narrow_umask")
def test_all_may_read_it_whatever_the_umask(path: Path) -> None:
    with PidFile(str(path)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_second_one_names_the_first(path: Path) -> None:
    with (
        PidFile(str(path)),
        pytest.raises(StartError, match=f"already running as process {os.getpid()}"),
    ):
        PidFile(str(path))


def test_being_refused_leaves_the_first_ones_file(path: Path) -> None:
    with PidFile(str(path)):
        with pytest.raises(StartError):
            PidFile(str(path))
        assert path.read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize("left", ["", "12345\n", "999999999999"])
def test_a_file_that_a_killed_process_left_is_taken_over(path: Path, left: str) -> None:
    path.write_text(left)
    with PidFile(str(path)):
        assert path.read_text() == f"{os.getpid()}\n"
    assert not path.exists()


@pytest.mark.parametrize("treasure", ["root:x:0:0:", "12 34", "-5", "1" * 40])
def test_what_is_no_pid_is_not_written_over(path: Path, treasure: str) -> None:
    path.write_text(treasure)
    with pytest.raises(StartError, match="holds something else; remove it first"):
        PidFile(str(path))
    assert path.read_text() == treasure


def test_a_symlink_is_not_followed(path: Path, tmp_path: Path) -> None:
    (tmp_path / "treasure").touch()
    path.symlink_to("treasure")
    with pytest.raises(StartError, match="symbolic link"):
        PidFile(str(path))
    assert (tmp_path / "treasure").read_bytes() == b""


def test_a_file_with_a_second_name_is_refused(path: Path, tmp_path: Path) -> None:
    path.touch()
    os.link(path, tmp_path / "other")
    with pytest.raises(StartError, match="not a regular file with one name"):
        PidFile(str(path))


def test_a_fifo_is_refused_at_once(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(StartError, match="not a regular file"):
        PidFile(str(path))


@pytest.mark.parametrize(
    ("name", "complaint"),
    [("", "is a directory|Is a directory"), ("no/such.pid", "directory does not exist")],
)
def test_a_place_that_cannot_be_says_why(tmp_path: Path, name: str, complaint: str) -> None:
    with pytest.raises(StartError, match=complaint):
        PidFile(str(tmp_path / name))


def test_a_file_that_now_holds_another_pid_is_left(path: Path) -> None:
    with PidFile(str(path)):
        path.write_text("12345\n")
    assert path.read_text() == "12345\n"


def test_a_file_that_was_put_in_our_place_is_left(path: Path) -> None:
    with PidFile(str(path)):
        path.unlink()
        path.write_text(f"{os.getpid()}\n")
    assert path.exists()


def test_a_file_that_somebody_removed_is_no_fault(path: Path) -> None:
    with PidFile(str(path)):
        path.unlink()
    assert not path.exists()


def test_closing_twice_closes_once(path: Path) -> None:
    held = PidFile(str(path))
    held.close()
    held.close()
    with PidFile(str(path)):
        assert path.exists()


def test_where_it_cannot_be_removed_it_is_emptied(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(path)

    with PidFile(str(path)):
        monkeypatch.setattr(os, "unlink", refuse)
    assert path.read_bytes() == b""


def test_a_failure_leaks_no_descriptor(path: Path) -> None:
    path.write_text("treasure")
    before = os.listdir("/dev/fd")
    with pytest.raises(StartError):
        PidFile(str(path))
    assert os.listdir("/dev/fd") == before


def test_the_owner_is_who_holds_it_now(path: Path) -> None:
    with PidFile(str(path)):
        assert owner(str(path)) == os.getpid()


def test_a_file_left_behind_has_no_owner(path: Path) -> None:
    path.write_text("4711\n")
    assert owner(str(path)) is None


def test_asking_keeps_nobody_out_though_a_child_was_forked_meanwhile(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text("4711\n")
    copies, close = [], os.close

    def close_as_after_a_fork(file: int) -> None:
        """The child has a copy of the descriptor until its exec."""
        copies.append(os.dup(file))
        close(file)

    with monkeypatch.context() as patched:
        patched.setattr(os, "close", close_as_after_a_fork)
        assert owner(str(path)) is None
    try:
        with PidFile(str(path)):
            assert owner(str(path)) == os.getpid()
    finally:
        for copy in copies:
            os.close(copy)


def test_who_is_just_starting_is_told_of(path: Path) -> None:
    with PidFile(str(path)):
        path.write_bytes(b"")
        with pytest.raises(StartError, match="just starting"):
            owner(str(path))


def test_asking_makes_no_file(path: Path) -> None:
    with pytest.raises(StartError, match="there is no such file"):
        owner(str(path))
    assert not path.exists()


def test_what_holds_something_else_is_no_pid_file(path: Path) -> None:
    path.write_text("treasure")
    with pytest.raises(StartError, match="holds something else"):
        owner(str(path))
