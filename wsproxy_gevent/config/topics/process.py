"""The life of the process."""

from __future__ import annotations

from dataclasses import dataclass

from .. import kinds
from ..declare import Topic, setting


@dataclass(frozen=True, kw_only=True)
class ProcessSettings:
    """The settings of the life of the process."""

    profile: str = setting(
        "default",
        kind=kinds.choice("default", "websockify"),
        topic=Topic.PROCESS,
        meaning="Whose defaults hold; websockify where the command is called by that name.",
    )
    config: str | None = setting(
        None,
        kind=kinds.FILE,
        topic=Topic.PROCESS,
        meaning="Read settings from this TOML file; variables and flags win over it.",
        in_file=False,
    )
    foreground: bool = setting(
        False,
        "-f",
        "--foreground",
        kind=kinds.SWITCH,
        topic=Topic.PROCESS,
        meaning="Stay in the foreground.",
        websockify=True,
        shown="off; on with demo and vnc and under a supervisor",
        fixed=True,
    )
    daemon: bool = setting(
        False,
        "-D",
        "--daemon",
        kind=kinds.SWITCH,
        topic=Topic.PROCESS,
        meaning="Go to the background, even under a supervisor.",
        shown="on unless something else holds it in front",
        fixed=True,
    )
    pid_file: str | None = setting(
        None,
        kind=kinds.FILE,
        topic=Topic.PROCESS,
        meaning="Hold the process id in this file, locked, as long as the process lives; "
        "status, reload and stop find it there.",
        fixed=True,
    )
    run_dir: str | None = setting(
        None,
        kind=kinds.DIRECTORY,
        topic=Topic.PROCESS,
        meaning="Keep the pid file in this directory, as wsproxy-gevent.pid.",
        fixed=True,
    )
    workers: int = setting(
        1,
        kind=kinds.COUNT,
        topic=Topic.PROCESS,
        meaning="Serve in so many processes, under gunicorn's arbiter if more than one.",
        fixed=True,
    )
    user: str | None = setting(
        None,
        kind=kinds.NAME,
        topic=Topic.PROCESS,
        meaning="Become this user, by name or number, once the port is bound.",
        fixed=True,
    )
    group: str | None = setting(
        None,
        kind=kinds.NAME,
        topic=Topic.PROCESS,
        meaning="Become this group, by name or number.",
        shown="the user's own",
        fixed=True,
    )
    grace: float = setting(
        25.0,
        kind=kinds.seconds(zero=True),
        topic=Topic.PROCESS,
        meaning="On SIGTERM, give live sessions this long to end before they are cut.",
    )
