"""From a request to the dialect it asks for, or to a refusal that helps.

`propose` decides everything a handshake decides, before the target is
dialled; the `Proposal` it returns holds the answer, which is written once
the target is there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ..errors import BadHandshake, LegacyRefused, MethodNotAllowed, VersionRefused
from ..model import Dialect
from . import hixie_handshake as hixie
from . import hybi_handshake as hybi
from .deflate import Deflate
from .extensions import EXTENSIONS_FIELD, negotiate
from .message import Request
from .subprotocol import choose

# In the order of our preference, as RFC 6455, section 4.4 has them listed.
_DIALECTS = {"13": Dialect.RFC_6455, "8": Dialect.HYBI_08, "7": Dialect.HYBI_07}

# What a client sends only if it wants a WebSocket.
_SIGNS = frozenset({"sec-websocket-key", "sec-websocket-version", *hixie.KEY_FIELDS})

# Upgrade and Connection live from hop to hop, and nginx speaks HTTP/1.0 to
# what is behind it unless told: a proxy that was not configured eats them.
_SWALLOWED = (
    "a proxy in front of this one swallowed the upgrade; nginx needs: proxy_http_version 1.1; "
    'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";'
)


@dataclass(frozen=True, slots=True)
class HandshakeRules:
    """What is accepted: dialects before RFC 6455, which subprotocols, and compression.

    An empty `subprotocols` restricts nothing.  With `text`, Hixie carries
    the target's text as it is.
    """

    legacy: bool = True
    subprotocols: tuple[str, ...] = ()
    compress: bool = False
    text: bool = False


@dataclass(frozen=True, slots=True)
class Proposal:
    """A handshake that may be answered.

    `base64` tells whether payload travels in base64, `deflate` what was
    agreed on permessage-deflate.  `head` is the 101 up to its empty line;
    `challenge` what Hixie-76 hashes with the body.
    """

    dialect: Dialect
    subprotocol: str | None
    base64: bool
    head: bytes
    challenge: bytes = b""
    deflate: Deflate | None = None

    @property
    def body_length(self) -> int:
        """How many bytes behind the request head belong to the handshake."""
        return hixie.KEY3_LENGTH if self.challenge else 0

    def answer(self, body: bytes = b"") -> bytes:
        """The whole 101, to be sent once the target is connected.

        `body` is what followed the head, exactly `body_length` bytes.
        """
        if len(body) != self.body_length:
            raise ValueError(f"the handshake's body has {self.body_length} bytes, not {len(body)}")
        if not self.challenge:
            return self.head
        return self.head + hashlib.md5(self.challenge + body, usedforsecurity=False).digest()


def is_upgrade(request: Request) -> bool:
    """Whether the request wants a WebSocket, or would if a proxy had let it."""
    return _names_websocket(request) or not _SIGNS.isdisjoint(request.headers.names)


def origin_of(request: Request) -> str | None:
    """Where the page of the request came from; HyBi-07 and -08 had a name of their own."""
    headers = request.headers
    origin = headers.get("origin")
    return headers.get("sec-websocket-origin") if origin is None else origin


def propose(request: Request, rules: HandshakeRules, *, secure: bool) -> Proposal:
    """The handshake that answers the request.

    `secure` tells whether the client's side is TLS.  Raises `BadHandshake`,
    `MethodNotAllowed`, `VersionRefused`, `LegacyRefused` or
    `SubprotocolRefused`.
    """
    _check_upgrade(request)
    dialect = _dialect_of(request, rules)
    if dialect.is_hixie:
        return _propose_hixie(dialect, request, rules, secure=secure)
    subprotocol = choose(
        request.headers.get_list(hybi.PROTOCOL_FIELD), hybi.PREFERRED, rules.subprotocols
    )
    agreed = negotiate(request.headers.get_all(EXTENSIONS_FIELD)) if rules.compress else None
    head = hybi.answer_to(request, subprotocol, agreed.answer if agreed else None)
    deflate = agreed.deflate if agreed else None
    return Proposal(dialect, subprotocol, subprotocol == "base64", head, deflate=deflate)


def _propose_hixie(
    dialect: Dialect, request: Request, rules: HandshakeRules, *, secure: bool
) -> Proposal:
    offered = request.headers.get_list(hixie.PROTOCOL_FIELD[dialect])
    subprotocol = choose(offered, hixie.PREFERRED, rules.subprotocols)
    head = hixie.head_for(dialect, request, subprotocol, secure=secure)
    challenge = hixie.challenge_of(request.headers) if dialect is Dialect.HIXIE_76 else b""
    base64 = subprotocol == "base64" or not rules.text
    return Proposal(dialect, subprotocol, base64=base64, head=head, challenge=challenge)


def _names_websocket(request: Request) -> bool:
    return request.headers.has_option("upgrade", "websocket")


def _check_upgrade(request: Request) -> None:
    """What RFC 6455, section 4.2.1 and both drafts ask of every handshake."""
    if request.method != "GET":
        raise MethodNotAllowed(request.method, "a WebSocket handshake must be a GET")
    upgrades = request.headers.has_option("connection", "upgrade")
    if request.version != "1.1" or not upgrades or not _names_websocket(request):
        raise BadHandshake(_SWALLOWED)


def _dialect_of(request: Request, rules: HandshakeRules) -> Dialect:
    """The generation that the request's fields give away, if it is allowed."""
    version = request.headers.get("sec-websocket-version")
    dialect = _hixie_of(request) if version is None else _DIALECTS.get(version)
    if dialect is None:
        raise VersionRefused(
            f"this WebSocket version is not spoken here, only {_versions(rules)}",
            detail=f"version: {version}",
            headers=_upgrade_to(rules),
        )
    if dialect is not Dialect.RFC_6455 and not rules.legacy:
        raise LegacyRefused(
            "only WebSocket version 13 (RFC 6455) is served here, for --no-legacy is set",
            detail=dialect.value,
            headers=_upgrade_to(rules),
        )
    return dialect


def _hixie_of(request: Request) -> Dialect | None:
    """The dialect of a request without a version; None if it should have one."""
    headers = request.headers
    if "sec-websocket-key" in headers:
        return None
    keys = sum(field in headers for field in hixie.KEY_FIELDS)
    if keys == 1:
        raise BadHandshake("Sec-WebSocket-Key1 and -Key2 come together or not at all (Hixie-76)")
    return Dialect.HIXIE_76 if keys else Dialect.HIXIE_75


def _versions(rules: HandshakeRules) -> str:
    return ", ".join(_DIALECTS) if rules.legacy else "13"


def _upgrade_to(rules: HandshakeRules) -> tuple[tuple[str, str], ...]:
    """RFC 9110, section 15.5.22: a 426 names the protocol, here with its versions."""
    return (
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", _versions(rules)),
    )
