"""A request's token leads to its target, and says nothing else."""

from __future__ import annotations

import pytest

from wsproxy_gevent.errors import SourceFailed, TokenExpired, TokenMissing, TokenRefused
from wsproxy_gevent.model import Target, TcpTarget, Token
from wsproxy_gevent.targets.resolver import Found, Nowhere, Resolver, StaticResolver
from wsproxy_gevent.targets.tokens import TokenResolver, unknown
from wsproxy_gevent.wire.message import Request
from wsproxy_gevent.wire.tokens import TokenPlaces

THERE = TcpTarget("vm7.internal", 5900)


class Knows:
    """Has `good`; raises what the name of any other says."""

    def find(self, token: Token) -> Target:
        match token.secret:
            case "good":
                return THERE
            case "old":
                raise TokenExpired("this token has expired")
            case "unsure":
                raise SourceFailed("no answer")
        raise unknown(token)


RESOLVER: Resolver = TokenResolver(Knows(), TokenPlaces())


def test_the_token_of_the_request_leads_to_its_target() -> None:
    assert RESOLVER.resolve(Request("GET", "/?token=good")) == Found(THERE, Token("good"))


@pytest.mark.parametrize("target", ["/", "/?token=", "/?token=%00", "/good"])
def test_without_one_the_client_is_told_where_it_would_stand(target: str) -> None:
    with pytest.raises(TokenMissing, match=r"\?token=TOKEN"):
        RESOLVER.resolve(Request("GET", target))


def test_of_an_unknown_one_neither_client_nor_log_has_the_token() -> None:
    with pytest.raises(TokenRefused) as caught:
        RESOLVER.resolve(Request("GET", "/?token=guess"))
    error = caught.value
    assert (error.http_status, error.close_code) == (403, 1008)
    assert "guess" not in error.reason + error.detail
    assert str(Token("guess")) in error.detail
    assert str(Token("guess")) not in error.reason


def test_a_token_holds_until_its_source_knows_it_no_more() -> None:
    held = {name: RESOLVER.holds(Token(name)) for name in ("good", "old", "gone")}
    assert held == {"good": True, "old": True, "gone": False}
    with pytest.raises(SourceFailed):
        RESOLVER.holds(Token("unsure"))


def test_one_target_for_everybody_takes_no_token_away_and_none_has_none() -> None:
    assert StaticResolver(THERE).holds(Token("any"))
    assert not Nowhere().holds(Token("any"))
