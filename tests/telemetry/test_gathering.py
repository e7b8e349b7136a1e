from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from wsproxy_gevent.telemetry import sinks
from wsproxy_gevent.telemetry.gathering import Gathering
from wsproxy_gevent.telemetry.sinks import FileSink, Line, Sink


class Post:
    """An outbox whose jobs are done when asked for."""

    def __init__(self) -> None:
        self.jobs: list[Callable[[], None]] = []
        self.lost = 0

    def post_always(self, job: Callable[[], None]) -> None:
        self.jobs.append(job)

    def lose(self, count: int) -> None:
        self.lost += count

    def do(self) -> None:
        jobs, self.jobs = self.jobs, []
        for job in jobs:
            job()


class Datagrams:
    """A sink that takes one line at a time, and not each."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def write(self, line: Line) -> None:
        if line.text == "too long":
            raise OSError("message too long")
        self.texts.append(line.text)

    def close(self) -> None:
        pass


@pytest.fixture
def post() -> Post:
    return Post()


def gathering(post: Post, *to: Sink, most_lines: int = 100) -> Gathering:
    return Gathering(post, list(to), seconds=0, most_lines=most_lines)  # type: ignore[arg-type]


def line(text: str) -> Line:
    return Line(0.0, logging.INFO, text)


def test_lines_that_come_together_are_one_job(post: Post) -> None:
    sink = Datagrams()
    lines = gathering(post, sink)
    for text in "abc":
        lines.put(line(text))
    assert len(post.jobs) == 1
    post.do()
    assert sink.texts == ["a", "b", "c"]


def test_a_line_behind_the_job_gets_another(post: Post) -> None:
    sink = Datagrams()
    lines = gathering(post, sink)
    lines.put(line("a"))
    post.do()
    lines.put(line("b"))
    post.do()
    assert sink.texts == ["a", "b"]


def test_a_line_that_a_sink_cannot_take_is_lost_alone(post: Post) -> None:
    sink, other = Datagrams(), Datagrams()
    lines = gathering(post, sink, other)
    for text in ("a", "too long", "b"):
        lines.put(line(text))
    post.do()
    assert (sink.texts, other.texts, post.lost) == (["a", "b"], ["a", "b"], 2)


def test_what_waits_is_bounded(post: Post) -> None:
    sink = Datagrams()
    lines = gathering(post, sink, most_lines=2)
    for text in "abc":
        lines.put(line(text))
    post.do()
    assert (sink.texts, post.lost) == (["a", "b"], 1)


def test_a_file_gets_them_in_one_write(
    post: Post, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[int] = []
    write = os.write

    def noted(descriptor: int, data: memoryview) -> int:
        writes.append(len(data))
        return write(descriptor, data)

    sink = FileSink(str(tmp_path / "log"))
    lines = gathering(post, sink)
    lines.put(line("a"))
    lines.put(line("b"))
    monkeypatch.setattr(os, "write", noted)
    post.do()
    sink.close()
    assert len(writes) == 1
    assert [text[-1] for text in (tmp_path / "log").read_text().splitlines()] == ["a", "b"]


def test_a_disk_that_is_full_in_the_middle_loses_what_is_not_there_whole(
    post: Post, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = [len(line("a").render()) + 3]

    def filling(_descriptor: int, data: memoryview) -> int:
        if not room:
            raise OSError(28, "No space left on device")
        return min(room.pop(), len(data))

    sink = FileSink(str(tmp_path / "log"))
    lines = gathering(post, sink)
    for text in "abc":
        lines.put(line(text))
    monkeypatch.setattr(sinks, "_write_some", filling)
    post.do()
    sink.close()
    assert post.lost == 2
