"""How the sources of tokens name a target, and what of that is taken.

What the operator's own files say is taken as it stands.  Redis, an HTTP API
and the claims of a JWT are data from elsewhere: these name a socket of this
machine only where `--allow-target` lists any.
"""

from __future__ import annotations

import json
from typing import Any, Final

from ..errors import PluginFailed, SourceFailed, TargetForbidden, UsageError
from ..model import Target, UnixTarget, join_host_port
from .spelling import parse_target

# As websockify has the host of a unix socket, whose path is then the port.
UNIX_SOCKET: Final = "unix_socket"


def parse_named(text: str) -> Target:
    """The target that a line of a file, or a text from elsewhere, names.  Raises `UsageError`."""
    kind, colon, path = text.partition(":")
    return parse_target(f"unix:{path}" if colon and kind == UNIX_SOCKET else text)


def target_of_pair(host: Any, port: Any) -> Target:
    """The target of a host and a port, neither of which need be what it should.

    Raises `UsageError`.
    """
    if not isinstance(host, str) or isinstance(port, bool) or not isinstance(port, str | int):
        raise UsageError("a host is a text, and a port a number")
    if host == UNIX_SOCKET:
        return parse_target(f"unix:{port}")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    return parse_target(join_host_port(bare, port))  # type: ignore[arg-type]


def target_of_lookup(found: Any) -> Target:
    """What somebody's `lookup` has returned: a pair, as websockify takes it.

    Raises `PluginFailed`.
    """
    try:
        host, port = found
        return target_of_pair(host, port.decode() if isinstance(port, bytes) else port)
    except (TypeError, ValueError, UsageError) as exc:
        raise PluginFailed(
            "a plugin named no target",
            detail=f"lookup() returned a {type(found).__name__} that is no (host, port): {exc}",
        ) from exc


def target_of_answer(text: str) -> Target:
    """The target that a text from elsewhere names: `host:port`, or JSON.

    An object has `target`, or `host` and `port`, or as websockify's Redis a
    `host` that holds both.  Raises `SourceFailed`.
    """
    text = text.strip()
    try:
        if not text.startswith("{"):
            return parse_named(text)
        return target_of_object(json.loads(text))
    except (UsageError, ValueError, RecursionError) as exc:
        raise SourceFailed(
            "what knows the tokens named no target",
            detail=f"the answer of {len(text)} characters names no target: {_kind(exc)}",
        ) from exc


def target_of_object(found: Any) -> Target:
    """Raises `UsageError`."""
    if not isinstance(found, dict):
        raise UsageError("no object")
    if "target" in found:
        return parse_named(_text(found["target"]))
    if "port" in found:
        return target_of_pair(found.get("host"), found["port"])
    return parse_named(_text(found.get("host")))


def from_elsewhere(target: Target, *, unix: bool) -> Target:
    """The target if data may name it; `unix` says whether a list says which sockets.

    Raises `TargetForbidden`.
    """
    if isinstance(target, UnixTarget) and not unix:
        raise TargetForbidden(
            "a socket of this machine is named only where --allow-target lists it",
            detail=f"{target} came from elsewhere: --allow-target unix:DIRECTORY/ allows those",
        )
    return target


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise UsageError("the target is no text")
    return value


def _kind(exc: Exception) -> str:
    """What is wrong, without what stands there."""
    return "it is no JSON" if isinstance(exc, ValueError) else type(exc).__name__
