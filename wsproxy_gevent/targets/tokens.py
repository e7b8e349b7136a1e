"""Tokens lead to targets: the request's token, and a source that knows it.

Whoever asks with a token that is not known learns nothing else, neither from
the text nor from the status: a token that was never given out and one that
is malformed are answered alike.  Of a token, a log has a short hash.
"""

from __future__ import annotations

from typing import Protocol

from ..errors import TokenExpired, TokenMissing, TokenRefused
from ..model import Target, Token
from ..wire.message import Request
from ..wire.tokens import TokenPlaces
from .resolver import Found

# What a lookup may take, wherever it looks; seconds.
LOOKUP_SECONDS = 5.0


class Source(Protocol):
    """What knows tokens; one file each."""

    def find(self, token: Token) -> Target:
        """Where the token leads.  May switch.

        Raises `TokenRefused` for one that is not known, `SourceFailed` or
        `Busy` where nobody can say.
        """


class TokenResolver:
    """Finds the token of a request, and with the source its target."""

    def __init__(self, source: Source, places: TokenPlaces) -> None:
        self._source = source
        self._places = places

    def resolve(self, request: Request) -> Found:
        """May switch."""
        token = token_of(request, self._places)
        return Found(self._source.find(token), token)

    def holds(self, token: Token) -> bool:
        """Time alone takes nothing away: a token that has expired was good.  May switch."""
        try:
            self._source.find(token)
        except TokenExpired:
            return True
        except TokenRefused:
            return False
        return True


def token_of(request: Request, places: TokenPlaces) -> Token:
    """Raises `TokenMissing`."""
    token = places.find(request)
    if token is None:
        raise TokenMissing(
            "a token must say where this session goes, such as ?token=TOKEN in its URL"
        )
    return token


def unknown(token: Token, why: str = "it is not known") -> TokenRefused:
    return TokenRefused("this token is not known here", detail=f"token {token}: {why}")
