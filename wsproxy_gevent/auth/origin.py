"""The Origin rule: whose pages may open a session (RFC 6454, RFC 6455 section 10.2).

A browser lets any page open a WebSocket to any host, with the user's cookies
and from inside the user's network; the Origin header is all that tells a
foreign page from our own.  It guards against pages alone: what is no browser
can send any Origin, so that a missing one is let through except in `strict`.

The rule compares whole origins or whole hosts in one spelling (`authority`).
What cannot be read as an origin is refused, never repaired.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import OriginRefused, UsageError
from ..model import Peer
from ..wire.message import Request
from .authority import Authority, authority_or_none, from_header, quoted
from .forwarded import TrustedProxies


class OriginCheck(enum.Enum):
    """`SAME_HOST` leaves scheme and port aside: a gateway's pages are often
    served from another port of the same machine."""

    SAME_HOST = "same-host"
    SAME_ORIGIN = "same-origin"
    STRICT = "strict"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Origin:
    """A scheme and an authority in the spelling in which origins compare."""

    scheme: str
    host: str
    port: int | None


# A WebSocket's own scheme stands for the page's that opened it.
_PAGE_SCHEMES = {"ws": "http", "wss": "https"}
_DEFAULT_PORTS = {"http": 80, "https": 443}

_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://(.+)", re.IGNORECASE)

# What may stand in a command line without quotes, and so in a cure.
_PLAIN = re.compile(r"[A-Za-z0-9._:/\[\]+-]+")


class OriginRule:
    """Refuses the pages of other sites.

    `allowed` are the values of `--allow-origin`: an origin such as
    `https://host[:port]`, a bare `host[:port]` (any scheme, and any port
    where none is given), `null`, or another string that a browser sends as
    it is, such as `file://`.  `X-Forwarded-Host` and `-Proto` of `trusted`
    peers count.  With `warn` set the rule calls it with a line for the log
    instead of refusing.  Raises `UsageError` for an entry that can match nothing.
    """

    def __init__(
        self,
        check: OriginCheck = OriginCheck.SAME_HOST,
        allowed: Sequence[str] = (),
        trusted: TrustedProxies | None = None,
        *,
        warn: Callable[[str], None] | None = None,
    ) -> None:
        self._check = check
        self._allowed = frozenset(map(_entry, allowed))
        self._trusted = trusted or TrustedProxies()
        self._warn = warn

    def check(self, origin: str | None, request: Request, peer: Peer, *, secure: bool) -> None:
        """Raises `OriginRefused` (403).  Never switches.

        `origin` is the value of the dialect's own origin header, as sent;
        `secure` says whether the request came to us over TLS.
        """
        if self._check is OriginCheck.ANY:
            return
        if origin is None:
            self._check_missing(peer)
        elif not self._is_allowed(origin, request, peer, secure=secure):
            text = from_header(origin)
            self._refuse(f"origin {quoted(text)} is not allowed here", _cure(text), peer)

    def _check_missing(self, peer: Peer) -> None:
        if self._check is OriginCheck.STRICT:
            fault = "a request without an Origin is not allowed here"
            self._refuse(fault, "allow it with --origin-check same-origin", peer)

    def _is_allowed(self, text: str, request: Request, peer: Peer, *, secure: bool) -> bool:
        if _is_repeated(request):
            return False
        origin = origin_or_none(from_header(text))
        if origin is None:
            return text.lower() in self._allowed
        if self._allowed and not self._allowed.isdisjoint(_spellings(origin)):
            return True
        ours = self._our_origins(request, peer, secure=secure)
        return any(self._is_ours(origin, one) for one in ours)

    def _is_ours(self, origin: Origin, ours: Origin) -> bool:
        if self._check is OriginCheck.SAME_HOST:
            return origin.host == ours.host
        return origin == ours

    def _our_origins(self, request: Request, peer: Peer, *, secure: bool) -> list[Origin]:
        """What the client calls us: by the Host, and by a trusted proxy's word."""
        headers = request.headers
        proto = self._trusted.first(headers, peer, "x-forwarded-proto") or ""
        scheme = proto.lower() or ("https" if secure else "http")
        names = [
            *(hosts if len(hosts := headers.get_all("host")) == 1 else ()),
            self._trusted.first(headers, peer, "x-forwarded-host"),
        ]
        parsed = [authority_or_none(from_header(name)) for name in names if name]
        return [_origin(scheme, authority) for authority in parsed if authority is not None]

    def _refuse(self, fault: str, cure: str, peer: Peer) -> None:
        if self._warn is None:
            raise OriginRefused(f"{fault}; {cure}", detail=f"{fault}; {cure}")
        self._warn(f"would be refused by default: {fault}, {cure}")


def origin_or_none(text: str) -> Origin | None:
    """`scheme://host[:port]`, or None: `null`, no host, a path, userinfo, two origins, rubbish."""
    match = _ORIGIN.fullmatch(text)
    authority = authority_or_none(match[2]) if match else None
    return _origin(match[1].lower(), authority) if match and authority else None


def hosts_of(allowed: Sequence[str]) -> frozenset[str]:
    """The hosts that entries of `--allow-origin` name.  Raises `UsageError` as the rule does."""
    entries = map(_entry, allowed)
    return frozenset(entry.host for entry in entries if not isinstance(entry, str))


def _origin(scheme: str, authority: Authority) -> Origin:
    page_scheme = _PAGE_SCHEMES.get(scheme, scheme)
    port = authority.port if authority.port is not None else _DEFAULT_PORTS.get(page_scheme)
    return Origin(page_scheme, authority.host, port)


def _spellings(origin: Origin) -> set[Origin | Authority]:
    """Each entry of `--allow-origin` that this origin matches."""
    return {origin, Authority(origin.host, origin.port), Authority(origin.host)}


def _is_repeated(request: Request) -> bool:
    """Whether there are two origin lines, of which a proxy may have checked the other."""
    headers = request.headers
    return len(headers.get_all("origin")) > 1 or len(headers.get_all("sec-websocket-origin")) > 1


def _entry(text: str) -> Origin | Authority | str:
    """An entry of `--allow-origin`: an origin, a host, or a string to compare as it is."""
    scheme, slashes, _ = text.partition("://")
    parsed: Origin | Authority | None = origin_or_none(text)
    if not slashes and text.lower() != "null":
        parsed = authority_or_none(text)
    is_literal = bool(slashes) and scheme.lower() not in {*_DEFAULT_PORTS, *_PAGE_SCHEMES}
    if parsed is None and not is_literal and text.lower() != "null":
        raise UsageError(
            f"--allow-origin {text!r} can match no page: it takes https://host[:port],"
            " host[:port] or null, each by itself, without path or wildcard"
            " (--origin-check any allows all)"
        )
    return text.lower() if parsed is None else parsed


def _cure(text: str) -> str:
    """What would let this origin in; a string that no entry can match has no cure."""
    is_listable = "://" in text or text == "null"
    try:
        _entry(text)
    except UsageError:
        is_listable = False
    if not is_listable or not _PLAIN.fullmatch(text) or text != quoted(text):
        return "it is no origin that a browser sends"
    return f"allow it with --allow-origin {text}"
