from __future__ import annotations

import logging

import pytest

from wsproxy_gevent.telemetry import posting
from wsproxy_gevent.telemetry.posting import PostingHandler, say
from wsproxy_gevent.telemetry.sinks import Line


class Lines:
    def __init__(self) -> None:
        self.put_here: list[Line] = []

    def put(self, line: Line) -> None:
        self.put_here.append(line)

    @property
    def texts(self) -> list[tuple[int, str]]:
        return [(line.level, line.text) for line in self.put_here]


class Other(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
def handler(lines: Lines) -> PostingHandler:
    return PostingHandler(lines)  # type: ignore[arg-type]


@pytest.fixture
def source(handler: PostingHandler) -> logging.Logger:
    """A tree of its own, where pytest does not listen."""
    root = logging.RootLogger(logging.INFO)
    root.manager = logging.Manager(root)
    root.addHandler(handler)
    return root


def refuse_records(*_: object) -> None:
    raise AssertionError("no record is needed")


def test_where_only_we_listen_no_record_is_made(
    source: logging.Logger, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "makeRecord", refuse_records)
    say(source, logging.INFO, "100% said")
    assert lines.texts == [(logging.INFO, "100% said")]


def test_it_is_heard_through_the_loggers_above(
    source: logging.Logger, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = source.manager.getLogger("package").getChild("sessions")
    monkeypatch.setattr(below, "makeRecord", refuse_records)
    say(below, logging.WARNING, "said")
    assert lines.texts == [(logging.WARNING, "said")]


def test_whoever_listens_besides_gets_a_record(source: logging.Logger, lines: Lines) -> None:
    other = Other()
    source.addHandler(other)
    say(source, logging.INFO, "100% said")
    assert (lines.texts, other.said) == ([(logging.INFO, "100% said")], ["100% said"])


def test_a_stranger_alone_gets_a_record(source: logging.Logger) -> None:
    other = Other()
    source.handlers = [other]
    say(source, logging.INFO, "said")
    assert other.said == ["said"]


@pytest.mark.parametrize("where", ["logger", "handler"])
def test_filters_are_heeded(
    source: logging.Logger, handler: PostingHandler, lines: Lines, where: str
) -> None:
    filtered: logging.Filterer = source if where == "logger" else handler
    filtered.addFilter(lambda record: record.getMessage() != "quiet")
    for text in ("quiet", "loud"):
        say(source, logging.INFO, text)
    assert lines.texts == [(logging.INFO, "loud")]


def test_a_formatter_is_heeded(
    source: logging.Logger, handler: PostingHandler, lines: Lines
) -> None:
    handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    say(source, logging.INFO, "said")
    assert lines.texts == [(logging.INFO, "root: said")]


def test_a_logger_that_is_switched_off_says_nothing(source: logging.Logger, lines: Lines) -> None:
    source.disabled = True
    say(source, logging.INFO, "said")
    assert lines.texts == []


def test_a_line_has_the_time(
    source: logging.Logger, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "wall", lambda: 12.5)
    say(source, logging.INFO, "said")
    assert lines.put_here[0].created == 12.5
