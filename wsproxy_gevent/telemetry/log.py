"""What becomes of each connection, as lines of text.

One line when a session opens, one when it ends, one for a connection that
never became a session.  The names of the fields are public: people's
scripts read them.
"""

from __future__ import annotations

import logging

from ..errors import ProxyError
from ..model import Peer
from ..observer import SessionInfo, SessionSummary, Traffic
from .posting import say
from .text import escape, field, peers_field, redact


class TextSessionLog:
    """A `SessionLog` over a standard logger."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def opened(self, info: SessionInfo) -> None:
        if self._logger.isEnabledFor(logging.INFO):
            say(self._logger, logging.INFO, f"session opened {_session(info)}")

    def closed(self, summary: SessionSummary) -> None:
        if self._logger.isEnabledFor(logging.INFO):
            say(self._logger, logging.INFO, f"session closed {_closed(summary)}")

    def refused(self, peer: Peer, stage: str, error: ProxyError) -> None:
        if self._logger.isEnabledFor(error.log_level):
            say(self._logger, error.log_level, f"refused {_refused(peer, stage, error)}")


def _closed(summary: SessionSummary) -> str:
    text = (
        f"{_session(summary.info)} {_traffic('upstream', summary.upstream)}"
        f" {_traffic('downstream', summary.downstream)} seconds={summary.seconds:.3f}"
        f" ended_by={summary.ended_by} {field('close_code', summary.close_code)}"
        f" reason={summary.reason}"
    )
    return f"{text} {_detail(summary.detail)}" if summary.detail else text


def _refused(peer: Peer, stage: str, error: ProxyError) -> str:
    detail = _detail(error.detail or error.reason)
    return f"{field('peer', peer)} stage={stage} reason={error.slug} {detail}"


# What is ours and can hold no blank is written as it is; the rest goes through `field`.


def _session(info: SessionInfo) -> str:
    token = f" token={info.token}" if info.token else ""
    return (
        f"id={info.id} {field('peer', info.peer)} {peers_field('target', str(info.target))}"
        f" dialect={info.dialect.value} {peers_field('subprotocol', info.subprotocol)}"
        f" tls={info.tls or '-'} {peers_field('user', info.user)}{token}"
    )


def _traffic(direction: str, traffic: Traffic) -> str:
    return f"{direction}_bytes={traffic.payload_bytes} {direction}_frames={traffic.frames}"


def _detail(text: str) -> str:
    return field("detail", redact(escape(text)))
