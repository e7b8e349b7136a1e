"""How many at a time: each is counted once, and given back whatever happens."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from wsproxy_gevent.errors import TargetFull, TokenFull, TooManyFromAddress, TooManyPending
from wsproxy_gevent.limits.crowds import Counts, CrowdLimits, Crowds
from wsproxy_gevent.model import Peer, TcpTarget, Token

ONE, OTHER = Peer("192.0.2.1", 1), Peer("192.0.2.2", 1)
TARGET = TcpTarget("vm", 5900)


def is_empty(counts: Counts) -> bool:
    return not (counts.pending or counts.present or counts.targets or counts.tokens)


def test_so_many_may_be_pending_of_each_address_and_no_more() -> None:
    crowds = Crowds(CrowdLimits(pending=2))
    with ExitStack() as stack:
        stack.enter_context(crowds.pending(ONE))
        stack.enter_context(crowds.pending(Peer(ONE.host, 2)))
        with pytest.raises(TooManyPending, match="your address") as refused:
            stack.enter_context(crowds.pending(ONE))
        stack.enter_context(crowds.pending(OTHER))
    assert refused.value.detail == "192.0.2.1 has 2 pending"
    assert is_empty(crowds.counts)


def test_what_breaks_off_is_given_back() -> None:
    crowds = Crowds(CrowdLimits(pending=1))
    for _ in range(3):
        with pytest.raises(KeyError), crowds.pending(ONE):
            raise KeyError
    assert is_empty(crowds.counts)


def test_a_connection_has_one_place_for_all_requests_of_a_client() -> None:
    crowds = Crowds(CrowdLimits(present=1))
    place = crowds.enter(ONE)
    assert crowds.enter(Peer(ONE.host, 9), place) is place
    with pytest.raises(TooManyFromAddress):
        crowds.enter(ONE)
    other = crowds.enter(OTHER, place)
    assert crowds.enter(ONE).key == ONE.host
    for _ in range(2):
        other.leave()
    assert crowds.counts.present == {ONE.host: 1}


def test_a_refused_client_keeps_no_earlier_place() -> None:
    crowds = Crowds(CrowdLimits(present=1))
    held = crowds.enter(ONE)
    mine = crowds.enter(OTHER)
    with pytest.raises(TooManyFromAddress):
        crowds.enter(ONE, mine)
    held.leave()
    assert is_empty(crowds.counts)


@pytest.mark.parametrize("peer", [Peer(""), ONE])
def test_who_is_exempt_or_has_no_address_is_not_counted(peer: Peer) -> None:
    crowds = Crowds(CrowdLimits(pending=1, present=1), exempt=lambda peer: peer.host == ONE.host)
    with crowds.pending(peer), crowds.pending(peer):
        assert crowds.enter(peer).key is None
        assert is_empty(crowds.counts)


def test_a_target_has_so_many_sessions() -> None:
    crowds = Crowds(CrowdLimits(per_target=1))
    with crowds.session(TARGET):
        with pytest.raises(TargetFull) as refused, crowds.session(TcpTarget("vm", 5900)):
            pass
        crowds.session(TcpTarget("vm", 5901)).leave()
    assert "vm" not in refused.value.reason
    crowds.session(TARGET).leave()
    assert is_empty(crowds.counts)


def test_a_token_has_so_many_sessions_and_who_has_none_is_not_counted() -> None:
    crowds = Crowds(CrowdLimits(per_token=1))
    with crowds.bearer(Token("secret-one")):
        with pytest.raises(TokenFull) as refused, crowds.bearer(Token("secret-one")):
            pass
        crowds.bearer(Token("secret-two")).leave()
        with crowds.bearer(None), crowds.bearer(None):
            assert list(crowds.counts.tokens) == [Token("secret-one")]
    assert "secret" not in refused.value.reason + refused.value.detail
    crowds.bearer(Token("secret-one")).leave()
    assert is_empty(crowds.counts)


def test_without_a_limit_all_may_come_and_are_counted_for_the_next() -> None:
    counts = Counts()
    crowds = Crowds(counts=counts)
    places = [crowds.enter(ONE) for _ in range(100)]
    assert counts.present == {ONE.host: 100}
    with pytest.raises(TooManyFromAddress):
        Crowds(CrowdLimits(present=100), counts).enter(ONE)
    for place in places:
        place.leave()
    assert is_empty(counts)
