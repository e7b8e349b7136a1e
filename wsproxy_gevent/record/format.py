"""The recording format of noVNC's player: a script that fills one array.

A record is a classic script in pure ASCII.  `opening`, any number of
`line`s and `TAIL` make a valid one, so it is valid whenever the tail stands
at its end.  Nothing in it can end the <script> element that it may be
pasted into.

    var VNC_frame_encoding = 'binary';
    var WSPROXY_record = {"version": 1, "id": ...};
    var VNC_frame_data = [
    '{0{RFB 003.008\\n',
    '}2}RFB 003.008\\n',
    'EOF'];

The player finds a server frame's payload behind the second `{`, which is
why that delimiter stands on both sides of the milliseconds.  It guesses the
encoding from the first frame where the variable is missing, and guesses
wrong when the client spoke first: the variable is always there.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from ..model import Direction
from ..observer import SessionInfo

VERSION = 1

TAIL = b"'EOF'];\n"

REMARK = "// A recorded session. It holds what was typed, passwords too: keep it as safe as those."

_DELIMITERS = {Direction.UPSTREAM: b"}", Direction.DOWNSTREAM: b"{"}


def opening(info: SessionInfo) -> bytes:
    """What stands before the first line.

    The request's path is left out: it is where tokens travel.
    """
    about = json.dumps(_about(info)).replace("<", "\\u003c")
    lines = (
        "var VNC_frame_encoding = 'binary';",
        REMARK,
        f"var WSPROXY_record = {about};",
        "var VNC_frame_data = [",
    )
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def line(direction: Direction, milliseconds: int, payload: bytes) -> bytes:
    """One frame, with the milliseconds since the session opened."""
    mark = _DELIMITERS[direction]
    return b"'%b%d%b%b',\n" % (mark, milliseconds, mark, escape(payload))


def escape(payload: bytes) -> bytes:
    """The inside of a single-quoted literal whose characters are these bytes.

    Printable ASCII stands for itself except backslash, quote and `<`.
    """
    # Each step is one pass in C; a record must keep up with its session.
    text = payload.decode("latin-1").encode("unicode_escape")
    return text.replace(b"'", b"\\'").replace(b"<", b"\\x3c")


def utc(unix_seconds: float) -> datetime:
    return datetime.fromtimestamp(unix_seconds, UTC)


def _about(info: SessionInfo) -> dict[str, object]:
    return {
        "version": VERSION,
        "id": info.id,
        "start": utc(info.opened_at).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "peer": str(info.peer),
        "target": str(info.target),
        "dialect": info.dialect.value,
        "subprotocol": info.subprotocol,
        "tls": info.tls,
        "user": info.user,
    }
