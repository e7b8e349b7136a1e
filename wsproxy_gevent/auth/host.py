"""The Host rule: against DNS rebinding of a port that only this machine reaches.

A page at evil.example can have its own name resolve to 127.0.0.1 and is then,
to the browser, of one origin with us; but its requests still say
`Host: evil.example`.  So on a loopback bind the Host must be a name of this
machine.  On other binds any name may be ours, and everything passes.

A request that a proxy forwarded passes as well, since proxies keep the name
of their own site.  A page's WebSocket cannot set those headers; a rebound
page's fetch can set some of them, and then reads what GET serves, no more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..errors import BadRequest, HostRefused, UsageError
from ..model import Peer
from ..wire.message import Request
from .authority import Authority, authority_or_none, from_header, is_loopback, quoted
from .forwarded import is_forwarded
from .origin import hosts_of


class HostRule:
    """Refuses requests for names that are not ours.

    `allowed` are the names of `--allow-host`, without ports; the hosts of
    `origins` (`--allow-origin`) are allowed with them.  With `warn` set the
    rule calls it with a line for the log instead of refusing.  Raises
    `UsageError` for an entry that names no host.
    """

    def __init__(
        self,
        loopback_bind: bool,
        allowed: Sequence[str] = (),
        *,
        origins: Sequence[str] = (),
        warn: Callable[[str], None] | None = None,
    ) -> None:
        self._loopback_bind = loopback_bind
        self._allowed = frozenset(map(_entry, allowed)) | hosts_of(origins)
        self._warn = warn

    def check(self, request: Request, peer: Peer) -> None:
        """Raises `HostRefused` (421), or `BadRequest` for a malformed Host.  Never switches."""
        if not self._loopback_bind or is_forwarded(request.headers):
            return
        authority = _authority(request)
        if authority is None or is_loopback(authority.host) or authority.host in self._allowed:
            return
        self._refuse(authority.host, peer)

    def _refuse(self, host: str, peer: Peer) -> None:
        fault, cure = f"host {quoted(host)} is not allowed here", "allow it with --allow-host "
        cure += f"[{host}]" if ":" in host else quoted(host)
        if self._warn is None:
            raise HostRefused(f"{fault}; {cure}", detail=f"{fault}; {cure}")
        self._warn(f"would be refused by default: {fault}, {cure}")


def _authority(request: Request) -> Authority | None:
    """The Host (RFC 9112, section 3.2); None where HTTP/1.0 sends none, as no browser does."""
    values = request.headers.get_all("host")
    if not values and request.version == "1.0":
        return None
    authority = authority_or_none(from_header(values[0])) if len(values) == 1 else None
    if authority is None:
        raise BadRequest(
            "the request needs one Host header of the form host[:port]",
            detail=quoted(", ".join(values)),
        )
    return authority


def _entry(text: str) -> str:
    authority = authority_or_none(text)
    if authority is None or authority.port is not None:
        raise UsageError(
            f"--allow-host {text!r} is no host: it takes a name or address such as"
            " gateway.example or [2001:db8::1], without port, scheme or wildcard"
        )
    return authority.host
