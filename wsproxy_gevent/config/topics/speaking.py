"""How WebSocket is spoken."""

from __future__ import annotations

from dataclasses import dataclass

from .. import kinds
from ..declare import Topic, setting


@dataclass(frozen=True, kw_only=True)
class SpeakingSettings:
    """The settings of how WebSocket is spoken."""

    subprotocol: tuple[str, ...] = setting(
        (),
        kind=kinds.SUBPROTOCOLS,
        topic=Topic.SPEAKING,
        meaning="Accept this subprotocol and no other that is not named.",
        shown="binary, base64, or the first offered",
    )
    no_legacy: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.SPEAKING,
        meaning="Speak RFC 6455 only: no older dialects, no Flash policy.",
    )
    compress: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.SPEAKING,
        meaning="Compress messages with clients that offer it (permessage-deflate).",
    )
    text: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.SPEAKING,
        meaning="Send what the target says as text frames; it must be UTF-8.",
    )
    heartbeat: float = setting(
        30.0,
        kind=kinds.seconds(zero=True),
        topic=Topic.SPEAKING,
        meaning="Ping each client this often; 0 never.",
        websockify=0.0,
    )
    dead_after: float = setting(
        180.0,
        kind=kinds.seconds(zero=False),
        topic=Topic.SPEAKING,
        meaning="End a session whose client once answered a ping and then sent nothing so long.",
        shown="180, or three heartbeats if that is longer",
    )
