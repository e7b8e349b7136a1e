"""Where it listens and where it forwards to."""

from __future__ import annotations

from dataclasses import dataclass

from .. import kinds
from ..choices import DIAL_ERRORS
from ..declare import Topic, setting


@dataclass(frozen=True, kw_only=True)
class WhereSettings:
    """The settings of where it listens and where it forwards to."""

    source: str | None = setting(
        None,
        kind=kinds.SOURCE,
        topic=Topic.WHERE,
        meaning="Listen here, as the first argument says; no address means every one.",
        shown="none; demo and vnc: 127.0.0.1:6080, or a free port when that is taken",
        fixed=True,
    )
    unix_listen: str | None = setting(
        None,
        kind=kinds.FILE,
        topic=Topic.WHERE,
        meaning="Listen on this unix socket instead; there is no source argument then.",
        fixed=True,
    )
    unix_listen_mode: int = setting(
        0o600,
        kind=kinds.FILE_MODE,
        topic=Topic.WHERE,
        meaning="The mode of that socket, in octal.",
        shown="0600",
        fixed=True,
    )
    inetd: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.WHERE,
        meaning="Serve the socket that standard input is: one that listens (wait), or a single "
        "connection (nowait); there is no source argument then.",
        fixed=True,
    )
    reuse_port: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.WHERE,
        meaning="Share the port with another process that says so, too; on SIGTERM, sessions "
        "then go on until they end or the grace does.",
        fixed=True,
    )
    target: str | None = setting(
        None,
        kind=kinds.TARGET,
        topic=Topic.WHERE,
        meaning="Forward to this, as the second argument says: host:port, [v6]:port, "
        "tls://host:port, unix:/path, or echo: to answer each message with itself.",
        shown="none; vnc: localhost:5900",
    )
    prefer_ipv6: bool = setting(
        False,
        "-6",
        "--prefer-ipv6",
        kind=kinds.SWITCH,
        topic=Topic.WHERE,
        meaning="Prefer IPv6 when the source address is resolved.",
        fixed=True,
    )
    dial_timeout: float = setting(
        10.0,
        kind=kinds.seconds(zero=False),
        topic=Topic.WHERE,
        meaning="Give up connecting to the target after this time, name lookup included.",
    )
    dial_wait: float = setting(
        0.0,
        kind=kinds.seconds(zero=True),
        topic=Topic.WHERE,
        meaning="Keep trying this long while the target refuses: a machine that boots.",
    )
    dial_error: str = setting(
        "close",
        kind=kinds.choice(*DIAL_ERRORS),
        topic=Topic.WHERE,
        meaning="Tell the client of an unreachable target by a WebSocket Close (1011), "
        "whose reason a page can show, or by an HTTP status (502, 504).",
    )
