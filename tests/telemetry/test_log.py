from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator

import pytest

from wsproxy_gevent.errors import HostRefused, PeerLeft, ProxyError, TargetTimeout, TlsUnavailable
from wsproxy_gevent.model import Dialect, Peer, SessionId, TcpTarget
from wsproxy_gevent.observer import SessionInfo, SessionLog, SessionSummary, Traffic
from wsproxy_gevent.telemetry.log import TextSessionLog

INFO = SessionInfo(
    id=SessionId("0123456789abcdef"),
    peer=Peer("2001:db8::1", 40000),
    target=TcpTarget("localhost", 5900),
    dialect=Dialect.HIXIE_76,
    subprotocol=None,
    tls="TLSv1.3",
    path="/websockify?token=s3cret",
    opened_at=1795420422.25,
)

SUMMARY = SessionSummary(
    info=INFO,
    seconds=12.3456,
    upstream=Traffic(10, 2),
    downstream=Traffic(4096, 7),
    ended_by="client",
    close_code=1000,
    reason="closed",
)

SESSION = (
    "id=0123456789abcdef peer=[2001:db8::1]:40000 target=localhost:5900"
    " dialect=hixie-76 subprotocol=- tls=TLSv1.3 user=-"
)


ENDING = (
    "upstream_bytes=10 upstream_frames=2 downstream_bytes=4096 downstream_frames=7"
    " seconds=12.346 ended_by=client close_code=1000 reason=closed"
)


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.levelno, record.getMessage()))


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def log(kept: Kept) -> Iterator[SessionLog]:
    logger = logging.getLogger("tests.telemetry.sessions")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(kept)
    yield TextSessionLog(logger)
    logger.removeHandler(kept)


def test_a_session_that_opens_is_one_line(log: SessionLog, kept: Kept) -> None:
    log.opened(INFO)
    assert kept.lines == [(logging.INFO, f"session opened {SESSION}")]


def test_a_session_that_ends_is_one_line(log: SessionLog, kept: Kept) -> None:
    log.closed(SUMMARY)
    assert kept.lines == [
        (
            logging.INFO,
            f"session closed {SESSION} {ENDING}",
        )
    ]


def test_an_end_that_has_a_detail_tells_it_escaped(log: SessionLog, kept: Kept) -> None:
    log.closed(
        dataclasses.replace(
            SUMMARY, ended_by="target", close_code=None, reason="target-reset", detail="\x1bno"
        )
    )
    assert kept.lines[0][1].endswith(
        r"ended_by=target close_code=- reason=target-reset detail=\x1bno"
    )


def test_a_subprotocol_cannot_forge_a_line_or_a_field(log: SessionLog, kept: Kept) -> None:
    log.opened(dataclasses.replace(INFO, subprotocol="x\nid=1 tls=no"))
    assert r'subprotocol="x\nid=1 tls=no" tls=TLSv1.3' in kept.lines[0][1]


REFUSALS: list[tuple[str, ProxyError, int, str]] = [
    (
        "host",
        HostRefused("allow it with --allow-host", detail="evil.example"),
        logging.INFO,
        "reason=host-refused detail=evil.example",
    ),
    (
        "dial",
        TargetTimeout("the target does not answer"),
        logging.INFO,
        'reason=target-timeout detail="the target does not answer"',
    ),
    (
        "request",
        HostRefused("no", detail="/?a=1&token=s3cret&b=\x1b[2J"),
        logging.INFO,
        r'reason=host-refused detail="/?a=1&token=…&b=\x1b[2J"',
    ),
    ("tls", TlsUnavailable("no certificate; use --cert"), logging.WARNING, "tls-unavailable"),
    ("opening", PeerLeft("left"), logging.DEBUG, "reason=peer-left"),
]


@pytest.mark.parametrize(("stage", "error", "level", "said"), REFUSALS)
def test_a_refusal_is_one_line_at_its_own_level(
    log: SessionLog, kept: Kept, stage: str, error: ProxyError, level: int, said: str
) -> None:
    log.refused(Peer("192.0.2.1", 5), stage, error)
    ((logged, line),) = kept.lines
    assert logged == level
    assert line.startswith(f"refused peer=192.0.2.1:5 stage={stage} reason=")
    assert said in line


def test_no_line_holds_the_token(log: SessionLog, kept: Kept) -> None:
    log.opened(INFO)
    log.closed(SUMMARY)
    log.refused(INFO.peer, "target", HostRefused("no", detail=INFO.path))
    assert "s3cret" not in str(kept.lines)
