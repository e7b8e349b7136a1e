from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wsproxy_gevent.telemetry import sinks
from wsproxy_gevent.telemetry.sinks import (
    FileSink,
    GlyphSink,
    Line,
    StderrSink,
    duplicate_or_none,
    open_log,
    write_fully,
)

WHEN = 1795420422.25  # 2026-11-23T07:53:42.250Z

LINE = Line(WHEN, logging.INFO, "session opened")


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        with contextlib.suppress(OSError):  # The test closed it.
            os.close(descriptor)


RENDERED = [
    (logging.INFO, "plain", b"2026-11-23 07:53:42 INFO plain\n"),
    (logging.WARNING, "token=\u2026", b"2026-11-23 07:53:42 WARNING token=\xe2\x80\xa6\n"),
    (logging.ERROR, "two\nlines", b"2026-11-23 07:53:42 ERROR two\n\tlines\n"),
    (logging.DEBUG, "\x1b[2J\r\x7f\x9b", b"2026-11-23 07:53:42 DEBUG \\x1b[2J\\x0d\\x7f\\x9b\n"),
    (logging.INFO, "\u2028\u2029", b"2026-11-23 07:53:42 INFO \\u2028\\u2029\n"),
    (logging.INFO, "\udc80", b"2026-11-23 07:53:42 INFO \\udc80\n"),
]


@pytest.mark.parametrize(("level", "text", "rendered"), RENDERED)
def test_a_line_shows_time_and_level_and_no_control(
    level: int, text: str, rendered: bytes
) -> None:
    assert Line(WHEN, level, text).render() == rendered


def test_a_log_file_is_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("of yesterday\n")
    sink = FileSink(str(path))
    sink.write(LINE)
    sink.close()
    assert path.read_text() == "of yesterday\n2026-11-23 07:53:42 INFO session opened\n"


@pytest.mark.parametrize("mask", [0, 0o022, 0o077])
def test_a_new_log_file_is_ours_alone(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        FileSink(str(tmp_path / "log")).close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600


def test_the_mode_of_an_existing_log_file_is_its_owners_choice(tmp_path: Path) -> None:
    (tmp_path / "log").touch(0o640)
    FileSink(str(tmp_path / "log")).close()
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o640


def test_a_log_file_may_be_a_link_to_a_file_yet_to_be(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to(tmp_path / "real")
    os.close(open_log(str(tmp_path / "log")))
    assert (tmp_path / "real").exists()


def test_a_log_file_is_not_handed_to_programs_that_we_start(tmp_path: Path) -> None:
    with os.fdopen(open_log(str(tmp_path / "log")), "ab") as log:
        assert not os.get_inheritable(log.fileno())


def test_a_rotated_log_goes_on_under_its_name(tmp_path: Path) -> None:
    path = tmp_path / "log"
    sink = FileSink(str(path))
    sink.write(LINE)
    path.rename(tmp_path / "log.1")
    sink.write(LINE)
    sink.reopen()
    sink.write(LINE)
    sink.close()
    assert (tmp_path / "log.1").read_bytes() == LINE.render() * 2
    assert path.read_bytes() == LINE.render()


def test_a_log_that_cannot_be_reopened_goes_on_in_the_old_file_and_says_so(
    tmp_path: Path,
) -> None:
    (tmp_path / "dir").mkdir()
    sink = FileSink(str(tmp_path / "dir" / "log"))
    (tmp_path / "dir").rename(tmp_path / "moved")
    sink.reopen()
    sink.write(LINE)
    sink.close()
    first, second = (tmp_path / "moved" / "log").read_text().splitlines()
    assert "ERROR the log cannot be reopened" in first
    assert second.endswith("session opened")


def test_a_full_disk_is_an_error_of_the_line() -> None:
    sink = FileSink("/dev/full")
    with pytest.raises(OSError, match="No space"):
        sink.write(LINE)
    sink.close()


def test_standard_error_gets_the_line(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    StderrSink(writer).write(LINE)
    assert os.read(reader, 100) == LINE.render()


def test_a_standard_error_that_nobody_reads_is_no_error(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    os.close(reader)
    StderrSink(writer).write(LINE)


def test_a_closed_standard_error_is_no_error(pipe: tuple[int, int]) -> None:
    _, writer = pipe
    sink = StderrSink(writer)
    sink.close()
    sink.write(LINE)


def test_a_pipe_that_does_not_block_is_waited_for(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = pipe
    os.set_blocking(writer, False)
    size = fcntl.fcntl(writer, fcntl.F_GETPIPE_SZ)
    assert os.write(writer, b"x" * size) == size
    waits = threading.Event()
    wait = sinks._wait_writable

    def noted(descriptor: int) -> None:
        waits.set()
        wait(descriptor)

    monkeypatch.setattr(sinks, "_wait_writable", noted)
    thread = threading.Thread(target=write_fully, args=(writer, b"y" * size * 2))
    thread.start()
    assert waits.wait(5)
    got = 0
    while got < size * 3:
        got += len(os.read(reader, size))
    thread.join(5)
    assert not thread.is_alive()
    assert got == size * 3


class Jobs:
    """A post box whose jobs are done when asked for."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []
        self.is_full = False

    def post(self, job: Callable[[], None]) -> bool:
        if not self.is_full:
            self.waiting.append(job)
        return not self.is_full

    def do(self) -> None:
        jobs, self.waiting = self.waiting, []
        for job in jobs:
            job()


def test_glyphs_gather_behind_one_job(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    jobs = Jobs()
    sink = GlyphSink(writer, jobs.post)
    for glyph in ("}", ">", "{", "<."):
        sink.put(glyph)
    assert len(jobs.waiting) == 1
    jobs.do()
    assert os.read(reader, 100) == b"}>{<."
    sink.put("}")
    jobs.do()
    assert os.read(reader, 100) == b"}"


def test_glyphs_come_back_when_the_queue_was_full(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    jobs = Jobs()
    sink = GlyphSink(writer, jobs.post)
    jobs.is_full = True
    sink.put("}")
    jobs.is_full = False
    sink.put(">")
    jobs.do()
    assert os.read(reader, 100) == b"}>"


def test_glyphs_that_nobody_reads_are_bounded(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks, "GLYPHS_WAITING", 3)
    reader, writer = pipe
    jobs = Jobs()
    sink = GlyphSink(writer, jobs.post)
    for glyph in "abcdef":
        sink.put(glyph)
    jobs.do()
    assert os.read(reader, 100) == b"def"


def test_a_standard_stream_is_duplicated(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    mine = duplicate_or_none(sys.stdout, writer)
    assert mine is not None
    os.close(writer)
    os.write(mine, b"x")
    os.close(mine)
    assert os.read(reader, 1) == b"x"


def test_a_stream_that_was_closed_from_the_beginning_is_none(pipe: tuple[int, int]) -> None:
    _, writer = pipe
    assert duplicate_or_none(None, writer) is None
    os.close(writer)
    assert duplicate_or_none(sys.stdout, writer) is None
