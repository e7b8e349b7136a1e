from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.record.script import INFO
from wsproxy_gevent.errors import StartError, UsageError
from wsproxy_gevent.record.naming import RecordNames

BY_ID = "20261123T075342Z-0123456789abcdef.js"


@contextlib.contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def create(names: RecordNames) -> str:
    descriptor, path = names.create(INFO)
    os.close(descriptor)
    return path


def test_records_are_counted_from_one(tmp_path: Path) -> None:
    names = RecordNames(f"{tmp_path}/rec")
    assert [create(names) for _ in range(3)] == [f"{tmp_path}/rec.{n}" for n in (1, 2, 3)]


def test_an_existing_record_is_passed_over_and_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "rec.1").write_text("of yesterday")
    (tmp_path / "rec.2").mkdir()
    assert create(RecordNames(f"{tmp_path}/rec")) == f"{tmp_path}/rec.3"
    assert (tmp_path / "rec.1").read_text() == "of yesterday"


@pytest.mark.parametrize("aim", ["victim", "missing"])
def test_a_planted_link_is_not_followed(tmp_path: Path, aim: str) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "rec.1").symlink_to(tmp_path / aim)
    assert create(RecordNames(f"{tmp_path}/rec")) == f"{tmp_path}/rec.2"
    assert (tmp_path / "victim").read_text() == "precious"
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize("value", ["{}", "{}/", "{}/rec.js"])
def test_a_directory_or_a_script_gives_a_name_by_time_and_id(tmp_path: Path, value: str) -> None:
    assert create(RecordNames(value.format(tmp_path))) == f"{tmp_path}/{BY_ID}"


def test_a_second_record_of_that_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / BY_ID).symlink_to(tmp_path / "missing")
    with pytest.raises(FileExistsError, match="0123456789abcdef"):
        RecordNames(f"{tmp_path}/").create(INFO)
    assert not (tmp_path / "missing").exists()


def test_a_missing_directory_with_a_slash_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    names = RecordNames(f"{tmp_path}/new/")
    names.check()
    with umask(0):
        assert create(names) == f"{tmp_path}/new/{BY_ID}"
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


@pytest.mark.parametrize("mask", [0, 0o077, 0o022])
def test_only_its_owner_may_read_a_record(tmp_path: Path, mask: int) -> None:
    with umask(mask):
        path = create(RecordNames(f"{tmp_path}/rec"))
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_a_record_is_not_handed_to_programs_that_we_start(tmp_path: Path) -> None:
    descriptor, _ = RecordNames(f"{tmp_path}/rec").create(INFO)
    with os.fdopen(descriptor, "wb"):
        assert not os.get_inheritable(descriptor)


def test_the_place_is_settled_before_the_directory_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = RecordNames("rec")
    monkeypatch.chdir("/")
    assert create(names) == f"{tmp_path}/rec.1"


def test_an_empty_name_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="--record"):
        RecordNames("")


@pytest.mark.parametrize("value", ["rec", "rec.js", ""])
def test_a_writable_directory_passes_the_check(tmp_path: Path, value: str) -> None:
    RecordNames(f"{tmp_path}/{value}").check()


@pytest.mark.parametrize("value", ["none/rec", "none/rec.js", "file/rec", "file/"])
def test_a_place_without_a_directory_fails_the_check_with_the_cure(
    tmp_path: Path, value: str
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match=r"mkdir -p|name another place"):
        RecordNames(f"{tmp_path}/{value}").check()
