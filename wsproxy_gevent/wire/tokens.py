"""Where in a request its token stands.

    query         ?token=TOKEN
    bearer        Authorization: Bearer TOKEN                   (RFC 6750, section 2.1)
    subprotocol   Sec-WebSocket-Protocol: token.BASE64URL       for pages, which can set no field
    cookie        Cookie: token=TOKEN
    host          Host: TOKEN:6080                              as websockify's --host-token
    path          the last segment of the path

The first place of those that count which has a token is the one; none is
looked for elsewhere.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import parse_qsl, unquote

from ..model import Token
from .message import Request
from .subprotocol import SECRET_PREFIX

# A JWT with many claims has 2 KiB; the request's own limits come to little more.
TOKEN_CHARACTERS: Final = 8192

# What no source has: nothing that ends a line or a string in C, or is half a character.
_NEVER: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")

_PROTOCOLS: Final = ("sec-websocket-protocol", "websocket-protocol")

DEFAULT_PLACES: Final = ("query", "bearer", "subprotocol")

COOKIE: Final = "token"


class TokenPlaces:
    """Looks for a request's token at these places, in their order.

    `cookie` is the name of the cookie that is one.
    """

    def __init__(self, places: Sequence[str] = DEFAULT_PLACES, cookie: str = COOKIE) -> None:
        self._places = tuple(PLACES[place] for place in places)
        self._cookie = cookie
        self.path_is_secret = "path" in places

    def find(self, request: Request) -> Token | None:
        """None where there is no token that could ever be one."""
        for place in self._places:
            text = place(request, self._cookie)
            if text:
                return Token(text) if _may_be(text) else None
        return None

    def path_shown(self, request: Request) -> str:
        """The path as it may be seen in a log."""
        if not self.path_is_secret:
            return request.path
        return request.path.rpartition("/")[0] + "/..."


def _may_be(text: str) -> bool:
    return len(text) <= TOKEN_CHARACTERS and not _NEVER.search(text)


def _in_query(request: Request, _: str) -> str:
    fields = parse_qsl(request.query, keep_blank_values=True, max_num_fields=None)
    # A line's end behind it comes from scripts that read it from a file.
    return next((value.rstrip("\n") for name, value in fields if name == "token"), "")


def _in_bearer(request: Request, _: str) -> str:
    scheme, _, credentials = (request.headers.get("authorization") or "").partition(" ")
    return credentials.strip(" ") if scheme.lower() == "bearer" else ""


def _in_subprotocol(request: Request, _: str) -> str:
    for field in _PROTOCOLS:
        for name in request.headers.get_list(field):
            if name.startswith(SECRET_PREFIX):
                return _from_base64(name.removeprefix(SECRET_PREFIX))
    return ""


def _from_base64(text: str) -> str:
    """A NUL, which no token has, for what is no base64 of UTF-8."""
    try:
        padded = text + "=" * (-len(text) % 4)
        return b64decode(padded, altchars=b"-_", validate=True).decode()
    except (NotBase64, ValueError):
        return "\x00"


def _in_cookie(request: Request, cookie: str) -> str:
    for line in request.headers.get_all("cookie"):
        for pair in line.split(";"):
            name, _, value = pair.strip().partition("=")
            if name == cookie:
                return unquote(value.strip('"'))
    return ""


def _in_host(request: Request, _: str) -> str:
    """The Host without its port; the address in an IPv6 literal's brackets."""
    host = request.headers.get("host") or ""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _in_path(request: Request, _: str) -> str:
    return unquote(request.path.rpartition("/")[2])


PLACES: Final[dict[str, Callable[[Request, str], str]]] = {
    "query": _in_query,
    "bearer": _in_bearer,
    "subprotocol": _in_subprotocol,
    "cookie": _in_cookie,
    "host": _in_host,
    "path": _in_path,
}
