"""Somebody's own plugin as what lets clients in: `authenticate(headers, host, port)`.

It says no by raising anything that has a `code`, as websockify's exceptions
do; `headers` and `msg` then go to the client.  Whatever else it raises is a
fault of its own, and lets nobody in.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.message import Message
from typing import Any, Protocol

from ..errors import Headers, PluginFailed, PluginRefused
from ..model import EchoTarget, Target, UnixTarget
from ..net.turns import Turns
from ..wire.message import Request
from .login import Grant, Visitor

# The fields by which a web server in front tells of client certificates; from a
# client they would be a forgery (websockify takes them away as well).
_FORGEABLE = ("ssl-", "ssl_")

COMMON_NAME = "SSL_CLIENT_S_DN_CN"


class Authenticate(Protocol):
    """Returns to let the client in, raises to keep it out."""

    def authenticate(self, headers: Any, target_host: Any, target_port: Any) -> object: ...


class PluginGate:
    """Asks `plugin`, one call at a time unless `turns` has more.

    Without `turns` it is one that never blocks.  With `port_as_text` it sees
    the port of a target as websockify has it from a token.
    """

    def __init__(
        self,
        plugin: Authenticate,
        turns: Turns | None,
        *,
        timeout: float = 5.0,
        port_as_text: bool = False,
    ) -> None:
        self._plugin = plugin
        self._turns = turns
        self._timeout = timeout
        self._port_as_text = port_as_text

    def check(self, request: Request, visitor: Visitor, target: Target | None) -> None:
        """May switch."""
        if self._turns is None:
            self.authenticate(request, visitor, target)
            return
        self._turns.call(self.authenticate, request, visitor, target, timeout=self._timeout)

    def authenticate(self, request: Request, visitor: Visitor, target: Target | None) -> None:
        """Blocks: for native threads.  Raises `PluginRefused` or `PluginFailed`."""
        host, port = host_and_port(target)
        if self._port_as_text and port is not None:
            port = str(port)
        try:
            self._plugin.authenticate(headers_of(request, visitor), host, port)
        except Exception as exc:  # noqa: BLE001  # somebody else's code
            raise refusal_of(exc) from None


class PageGate:
    """The same plugin in front of pages: a login for `--web-auth`.

    `target` is the one that everybody has, if there is one.
    """

    def __init__(self, gate: PluginGate, target: Target | None) -> None:
        self._gate = gate
        self._target = target

    def check(self, request: Request, visitor: Visitor) -> Grant:
        """May switch."""
        self._gate.check(request, visitor, self._target)
        return Grant(user=visitor.user)


def headers_of(request: Request, visitor: Visitor) -> Message:
    """As the standard library's HTTP server has them: of any case, None for what is missing."""
    message = Message()
    for name, value in request.headers:
        if not name.startswith(_FORGEABLE):
            message[name.title()] = value
    certificate = visitor.certificate
    if certificate is not None and certificate.common_name:
        message[COMMON_NAME] = certificate.common_name
    return message


def host_and_port(target: Target | None) -> tuple[Any, Any]:
    """As websockify gives them: a socket's path is the port of the host `unix_socket`."""
    if isinstance(target, UnixTarget):
        return "unix_socket", target.path
    if target is None or isinstance(target, EchoTarget):
        return None, None
    return target.host, target.port


def refusal_of(exc: Exception) -> Exception:
    """What an exception of somebody's plugin means, by its attributes."""
    code = getattr(exc, "code", None)
    if not isinstance(code, int) or isinstance(code, bool) or not 400 <= code < 600:
        return PluginFailed("a plugin failed", detail=f"{_place(exc)}: {exc}")
    text = getattr(exc, "msg", None)
    return PluginRefused(
        _line(text) if isinstance(text, str) and text else "access is not granted",
        status=code,
        detail=str(getattr(exc, "log_msg", None) or exc) or type(exc).__name__,
        headers=_fields(getattr(exc, "headers", None)),
    )


def _fields(headers: Any) -> Headers:
    """Those that can be header fields: what would end one is left out."""
    if not isinstance(headers, Mapping):
        return ()
    pairs = [(str(name), str(value)) for name, value in headers.items()]
    return tuple((name, value) for name, value in pairs if _is_field(name) and _is_field(value))


def _is_field(text: str) -> bool:
    return text.isprintable() and text.isascii()


def _line(text: str) -> str:
    return " ".join(text.split())


def _place(exc: BaseException) -> str:
    trace = exc.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename}, line {trace.tb_lineno}" if trace else "?"
    return f"{type(exc).__name__} in {where}"
