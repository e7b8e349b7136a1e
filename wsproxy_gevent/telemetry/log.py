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
from .text import escape, field, redact


class TextSessionLog:
    """A `SessionLog` over a standard logger."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def opened(self, info: SessionInfo) -> None:
        self._logger.info("session opened %s", _session(info))

    def closed(self, summary: SessionSummary) -> None:
        self._logger.info(
            "session closed %s %s %s %s",
            _session(summary.info),
            _traffic("upstream", summary.upstream),
            _traffic("downstream", summary.downstream),
            _outcome(summary),
        )

    def refused(self, peer: Peer, stage: str, error: ProxyError) -> None:
        self._logger.log(
            error.log_level,
            "refused %s %s %s %s",
            field("peer", peer),
            field("stage", stage),
            field("reason", error.slug),
            _detail(error.detail or error.reason),
        )


def _session(info: SessionInfo) -> str:
    subprotocol = None if info.subprotocol is None else escape(info.subprotocol)
    return " ".join(
        (
            field("id", info.id),
            field("peer", info.peer),
            field("target", escape(str(info.target))),
            field("dialect", info.dialect.value),
            field("subprotocol", subprotocol),
            field("tls", info.tls),
        )
    )


def _traffic(direction: str, traffic: Traffic) -> str:
    return " ".join(
        (
            field(f"{direction}_bytes", traffic.payload_bytes),
            field(f"{direction}_chunks", traffic.chunks),
        )
    )


def _outcome(summary: SessionSummary) -> str:
    fields = [
        field("seconds", f"{summary.seconds:.3f}"),
        field("ended_by", summary.ended_by),
        field("close_code", summary.close_code),
        field("reason", summary.reason),
    ]
    return " ".join([*fields, _detail(summary.detail)] if summary.detail else fields)


def _detail(text: str) -> str:
    return field("detail", redact(escape(text)))
