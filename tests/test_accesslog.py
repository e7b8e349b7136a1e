"""What gunicorn's access log is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest

from tests.fakes import RecordingLog, session_info
from wsproxy_gevent.accesslog import Answer, Environ, VisitLog, header_lines
from wsproxy_gevent.errors import NotHttp, OriginRefused, PeerLeft
from wsproxy_gevent.model import Peer
from wsproxy_gevent.observer import SessionSummary, Traffic

PEER = Peer("192.0.2.1", 50000)

ENVIRON = {"REQUEST_METHOD": "GET", "RAW_URI": "/a?b", "HTTP_USER_AGENT": "curl"}


class Told:
    """Remembers each line, and counts the visits."""

    def __init__(self) -> None:
        self.lines: list[tuple[Answer, list[tuple[str, str]], Environ, timedelta]] = []
        self.visits = 0
        self.log = RecordingLog()
        self.visit_log = VisitLog(self.log, self._write, self._visit)

    def _write(self, *line: Any) -> None:
        self.lines.append(line)

    def _visit(self) -> None:
        self.visits += 1

    def serve(self, app: Callable[..., Iterable[bytes]]) -> list[bytes]:
        body = self.visit_log.pages(app)(dict(ENVIRON), lambda *_: lambda _: None)
        pieces = list(body)
        body.close()  # type: ignore[attr-defined]
        return pieces


@pytest.fixture
def told() -> Told:
    return Told()


def summary() -> SessionSummary:
    return SessionSummary(
        info=session_info(),
        seconds=1.5,
        upstream=Traffic(10, 1),
        downstream=Traffic(2000, 2),
        ended_by="client",
        close_code=1000,
        reason="closed",
    )


def test_a_session_is_a_visit_when_it_opens_and_a_line_when_it_ends(told: Told) -> None:
    told.visit_log.opened(session_info())
    assert (told.visits, told.lines) == (1, [])
    told.visit_log.closed(summary())
    ((answer, _, environ, took),) = told.lines
    assert (answer.status, answer.sent, took.total_seconds()) == ("101", 2000, 1.5)
    assert (environ["RAW_URI"], environ["REMOTE_ADDR"]) == ("/", "192.0.2.1")


def test_the_sessions_own_log_hears_everything(told: Told) -> None:
    told.visit_log.opened(session_info())
    told.visit_log.closed(summary())
    told.visit_log.refused(PEER, "origin", OriginRefused("no"))
    log = told.log
    assert len(log.opened_sessions) == len(log.summaries) == len(log.refusals) == 1


def test_what_was_refused_over_http_has_its_status(told: Told) -> None:
    told.visit_log.refused(PEER, "origin", OriginRefused("no"))
    ((answer, _, environ, _),) = told.lines
    assert (answer.status, environ["RAW_URI"]) == ("403", "-")
    assert told.visits == 0


@pytest.mark.parametrize(
    ("stage", "error"), [("opening", NotHttp("no")), ("request", PeerLeft("gone"))]
)
def test_what_had_no_answer_has_no_line(told: Told, stage: str, error: Any) -> None:
    told.visit_log.refused(PEER, stage, error)
    assert told.lines == []


def test_a_page_has_its_status_size_and_request_headers(told: Told) -> None:
    def app(_environ: Environ, start: Callable[..., Any]) -> list[bytes]:
        start("200 OK", [("Content-Type", "text/plain")])
        return [b"hel", b"lo"]

    assert told.serve(app) == [b"hel", b"lo"]
    ((answer, headers, environ, _),) = told.lines
    assert (answer.status, answer.sent) == ("200 OK", 5)
    assert headers == [("user-agent", "curl")]
    assert environ["RAW_URI"] == "/a?b"
    assert told.visits == 1


def test_a_page_that_breaks_off_is_closed_and_logged(told: Told) -> None:
    closed = []

    class Body:
        def __iter__(self) -> Any:
            yield b"half"
            raise RuntimeError("boom")

        def close(self) -> None:
            closed.append(True)

    def app(_environ: Environ, start: Callable[..., Any]) -> Any:
        start("200 OK", [])
        return Body()

    body = told.visit_log.pages(app)(dict(ENVIRON), lambda *_: lambda _: None)
    with pytest.raises(RuntimeError):
        list(body)
    body.close()  # type: ignore[attr-defined]
    assert closed == [True]
    assert told.lines[0][0].sent == 4


def test_header_lines_are_made_from_variables() -> None:
    environ = {"HTTP_X_ONE": "1", "CONTENT_TYPE": "a", "HTTP_HOST": "b"}
    assert header_lines(environ) == [("x-one", "1"), ("host", "b")]
