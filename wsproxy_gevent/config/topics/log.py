"""What is written down, and where."""

from __future__ import annotations

from dataclasses import dataclass

from .. import kinds
from ..declare import Topic, setting


@dataclass(frozen=True, kw_only=True)
class LogSettings:
    """The settings of what is written down, and where."""

    verbose: bool = setting(
        False,
        "-v",
        "--verbose",
        kind=kinds.SWITCH,
        topic=Topic.LOG,
        meaning="Log more: debugging, and each HTTP request.",
    )
    traffic: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.LOG,
        meaning="Print one sign for each frame; the legend comes first.",
    )
    log_file: str | None = setting(
        None,
        kind=kinds.FILE,
        topic=Topic.LOG,
        meaning="Log to this file.",
        shown="none; in the background, syslog where there is /dev/log",
        fixed=True,
    )
    syslog: str | None = setting(
        None,
        kind=kinds.SYSLOG,
        topic=Topic.LOG,
        meaning="Log to this syslog: a socket such as /dev/log, or host:port by UDP.",
        fixed=True,
    )
    legacy_syslog: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.LOG,
        meaning="With --syslog host:port: write the old form (RFC 3164) instead of RFC 5424; a "
        "local socket gets the form that it knows anyway.",
        fixed=True,
    )
    record: str | None = setting(
        None,
        kind=kinds.FILE,
        topic=Topic.LOG,
        meaning="Record each session, to FILE.1, FILE.2 and so on; to a file of its own name "
        "where FILE ends in .js or is a directory.  noVNC's player plays them.",
    )
