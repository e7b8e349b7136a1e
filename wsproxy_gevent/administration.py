"""The admin listener, from settings: its address, its token, what it serves."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Mapping

from .auth.host import HostRule
from .auth.origin import OriginRule
from .config.settings import Settings
from .errors import StartError
from .limits import OpeningLimits
from .listening import Listening
from .live.registry import Registry
from .net.certificates import ContextSource
from .net.dial import Dialer
from .net.pool import NativePool
from .observer import SessionLog
from .server.context import Context
from .targets.resolver import Nowhere
from .web.admin import AdminApp
from .web.health import Health
from .wire.handshake import HandshakeRules

# A few who hold their connections shall not keep the others out.
LIMITS = OpeningLimits(opening=5.0, keep_alive=5.0)


def admin_context(
    settings: Settings,
    health: Health,
    pool: NativePool,
    certificate: ContextSource | None,
    log: SessionLog,
) -> Context:
    """What a connection to the admin listener works with: pages, and no target.

    A page of a rebound name has neither the socket's file nor the token, so
    any Host will do.  Raises `StartError` for a token that cannot be read.
    """
    token = settings.admin_token and read_token(settings.admin_token, os.environ)
    return Context(
        log=log,
        registry=Registry(),
        resolver=Nowhere(),
        dialer=Dialer(pool, timeout=settings.dial_timeout),
        web=AdminApp(health, token),
        host=HostRule(loopback_bind=False),
        origin=OriginRule(),
        certificate=certificate,
        handshake=HandshakeRules(legacy=False),
        limits=LIMITS,
    )


def read_token(place: str, environ: Mapping[str, str], flag: str = "--admin-token") -> str:
    """The secret that `env:NAME` or `file:PATH` holds.  Raises `StartError`."""
    kind, _, name = place.partition(":")
    try:
        token = environ.get(name, "") if kind == "env" else first_line(name)
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"{flag}: cannot read {name}: {error}") from error
    if not token.strip():
        raise StartError(f"{flag}: there is no {flag.rpartition('-')[2]} in {place}")
    return token.strip()


def first_line(path: str) -> str:
    """Blocks.  Raises `OSError` and `UnicodeDecodeError`."""
    with open(path, encoding="utf-8") as file:
        return file.readline()


def among(sockets: list[socket.socket], settings: Settings) -> Listening:
    """Those that are bound already, the admin's told from the others by its address.

    Raises `StartError` if it is none of them, or open to everybody.
    """
    listening = Listening.of(sockets).apart(settings.admin)
    if settings.admin and listening.admin is None:
        raise StartError(
            f"--admin {settings.admin}: the server does not listen there; add it to what it binds"
        )
    path = (settings.admin or "").removeprefix("unix:")
    if path != settings.admin and not settings.admin_token and _is_open(path):
        raise StartError(
            f"--admin unix:{path}: others may connect there; "
            "give the server a umask of 077, or name an --admin-token"
        )
    return listening


def _is_open(path: str) -> bool:
    """Whether more than its owner may connect (that takes the right to write)."""
    try:
        return bool(path) and bool(stat.S_IMODE(os.stat(path).st_mode) & 0o022)
    except OSError:
        return True
