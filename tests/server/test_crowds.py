"""Limits by address and target, on connections: what is refused, when, and what is given back."""

from __future__ import annotations

import gevent

from tests.server.scene import PEER, PLAIN_GET, TARGET, scene, upgrade
from wsproxy_gevent.auth.forwarded import TrustedProxies
from wsproxy_gevent.limits.addresses import AddressRule
from wsproxy_gevent.limits.crowds import Counts, CrowdLimits, Crowds
from wsproxy_gevent.model import Peer, Token
from wsproxy_gevent.net.balancers import Balancers
from wsproxy_gevent.targets.resolver import Found
from wsproxy_gevent.wire.message import Request

ELSEWHERE = Peer("203.0.113.9", 1)
FROM = b"X-Forwarded-For: 203.0.113.9"
LINE = b"PROXY TCP4 203.0.113.9 198.51.100.2 56324 8443\r\n"


def crowds(counts: Counts, **limits: int) -> Crowds:
    return Crowds(CrowdLimits(**limits), counts, TrustedProxies().trusts)


def empty(counts: Counts) -> bool:
    return not (counts.pending or counts.present or counts.targets or counts.tokens)


def test_one_too_many_is_answered_before_it_asks() -> None:
    counts = Counts()
    of_one = crowds(counts, pending=1)
    with scene(peer=ELSEWHERE, crowds=of_one) as first:
        gevent.sleep(0)
        with scene(peer=Peer(ELSEWHERE.host, 2), crowds=of_one) as second:
            answer = second.receive_all()
            assert answer.startswith(b"HTTP/1.1 429 ")
            assert b"Wsproxy-Reason: too-many-pending\r\n" in answer
            assert b"Retry-After: " in answer
            assert second.refusal() == ("opening", "too-many-pending")
        first.send(PLAIN_GET)
        first.receive_until(b"page /page")
        assert not counts.pending
        with scene(peer=ELSEWHERE, crowds=of_one) as third:
            third.send(PLAIN_GET)
            third.receive_until(b"page /page")
    assert empty(counts)


def test_a_session_pends_no_more() -> None:
    counts = Counts()
    of_one = crowds(counts, pending=1)
    with scene(peer=ELSEWHERE, crowds=of_one) as first:
        first.send(upgrade())
        first.receive_until(b"\r\n\r\n")
        with scene(peer=ELSEWHERE, crowds=of_one) as second:
            second.send(upgrade())
            assert second.receive_until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")


def test_the_address_is_full_by_connections_that_have_asked() -> None:
    counts = Counts()
    of_one = crowds(counts, present=1)
    with scene(peer=ELSEWHERE, crowds=of_one) as first:
        for _ in range(3):
            first.send(PLAIN_GET)
            first.receive_until(b"page /page")
        with scene(peer=ELSEWHERE, crowds=of_one) as second:
            second.send(upgrade())
            second.client.shutdown(1)
            assert second.receive_all().startswith(b"HTTP/1.1 429 ")
            assert second.refusal() == ("address", "too-many-from-address")
        assert counts.present == {ELSEWHERE.host: 1}
    assert empty(counts)


def test_trusted_proxies_are_not_counted_and_their_clients_are() -> None:
    counts = Counts()
    of_one = crowds(counts, pending=1, present=1)
    with scene(crowds=of_one) as first, scene(crowds=of_one) as second, scene(crowds=of_one):
        first.send(upgrade(FROM))
        first.receive_until(b"\r\n\r\n")
        second.send(upgrade(FROM))
        second.client.shutdown(1)
        assert second.receive_all().startswith(b"HTTP/1.1 429 ")
        assert counts.present == {"203.0.113.9": 1}
    assert empty(counts)


def test_whom_a_balancer_names_is_counted_from_its_line_on() -> None:
    counts = Counts()
    of_one, balancers = crowds(counts, pending=1), Balancers([PEER.host])
    with (
        scene(crowds=of_one, balancers=balancers) as first,
        scene(crowds=of_one, balancers=balancers) as second,
    ):
        first.send(LINE)
        gevent.sleep(0.001)
        assert counts.pending == {"203.0.113.9": 1}
        second.send(LINE)
        assert second.receive_all().startswith(b"HTTP/1.1 429 ")
    assert empty(counts)


def test_a_target_that_is_full_is_not_dialled() -> None:
    counts = Counts()
    of_one = crowds(counts, per_target=1)
    with scene(crowds=of_one) as first:
        first.send(upgrade())
        first.receive_until(b"\r\n\r\n")
        with scene(crowds=of_one) as second:
            second.send(upgrade())
            second.client.shutdown(1)
            assert second.receive_all().startswith(b"HTTP/1.1 503 ")
            assert second.refusal() == ("policy", "target-full")
            assert second.dialer.dialled == []
        assert counts.targets == {TARGET: 1}
    assert empty(counts)


class ByQuery:
    """Whatever the token is, it leads to the one target."""

    def resolve(self, request: Request) -> Found:
        return Found(TARGET, Token(request.query))


def test_a_token_that_has_its_sessions_is_not_led_to_another() -> None:
    counts = Counts()
    of_one = crowds(counts, per_token=1)
    with scene(crowds=of_one, resolver=ByQuery()) as first:
        first.send(upgrade())
        first.receive_until(b"\r\n\r\n")
        with scene(crowds=of_one, resolver=ByQuery()) as second:
            second.send(upgrade())
            second.client.shutdown(1)
            assert second.receive_all().startswith(b"HTTP/1.1 429 ")
            assert second.refusal() == ("policy", "token-full")
            assert second.dialer.dialled == []
        assert list(counts.tokens.values()) == [1]
        assert list(counts.targets.values()) == [1]
    assert empty(counts)


def test_an_address_that_may_not_come_gets_neither_page_nor_session_nor_policy() -> None:
    rule = AddressRule(denied=[ELSEWHERE.host])
    for request in (PLAIN_GET, upgrade()):
        with scene(peer=ELSEWHERE, addresses=rule) as it:
            it.send(request)
            it.client.shutdown(1)
            assert b"Wsproxy-Reason: address-refused\r\n" in it.receive_all()
            assert it.refusal() == ("address", "address-refused")
    with scene(peer=ELSEWHERE, addresses=rule) as it:
        it.send(b"<policy-file-request/>\0")
        it.client.shutdown(1)
        assert it.receive_all() == b""


def test_behind_a_proxy_it_is_the_clients_address_that_counts() -> None:
    with scene(addresses=AddressRule(denied=["203.0.113.0/24"])) as it:
        it.send(upgrade(FROM))
        it.client.shutdown(1)
        assert it.receive_all().startswith(b"HTTP/1.1 403 ")
    with scene(addresses=AddressRule(allowed=["203.0.113.0/24"])) as it:
        it.send(upgrade(FROM))
        assert it.receive_until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
