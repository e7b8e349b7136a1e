"""Trusted proxies and forwarded requests."""

from __future__ import annotations

import pytest

from wsproxy_gevent.auth.forwarded import TrustedProxies, is_forwarded
from wsproxy_gevent.errors import UsageError
from wsproxy_gevent.model import Peer
from wsproxy_gevent.wire.message import Headers


@pytest.mark.parametrize("host", ["127.0.0.1", "127.4.5.6", "::1", ""])
def test_loopback_and_unix_peers_are_trusted(host: str) -> None:
    assert TrustedProxies().trusts(Peer(host))


@pytest.mark.parametrize("host", ["10.0.0.1", "192.168.1.1", "2001:db8::1", "no address"])
def test_others_are_not(host: str) -> None:
    assert not TrustedProxies().trusts(Peer(host))


def test_listed_networks_are_trusted() -> None:
    proxies = TrustedProxies(["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"])
    trusted = [
        host
        for host in ("10.1.2.3", "2001:db8::9", "192.0.2.7", "192.0.2.8", "11.0.0.1", "::1")
        if proxies.trusts(Peer(host))
    ]
    assert trusted == ["10.1.2.3", "2001:db8::9", "192.0.2.7", "::1"]


@pytest.mark.parametrize("text", ["", "10.0.0.0/33", "10.0.0.1/8", "proxy.example", "::g", "*"])
def test_what_is_no_network_is_an_error_at_start(text: str) -> None:
    with pytest.raises(UsageError, match="trusted proxy"):
        TrustedProxies([text])


@pytest.mark.parametrize(
    "name", ["X-Forwarded-For", "x-forwarded-anything", "X-Real-IP", "Via", "Forwarded"]
)
def test_any_header_that_proxies_add_means_forwarded(name: str) -> None:
    assert is_forwarded(Headers([(name, "")]))


@pytest.mark.parametrize("name", ["Host", "X-Forward", "Viable", "Origin"])
def test_other_headers_do_not(name: str) -> None:
    assert not is_forwarded(Headers([(name, "")]))


def test_the_first_value_is_given_for_trusted_peers_only() -> None:
    headers = Headers([("X-Forwarded-Host", " a.example , b.example"), ("X-Forwarded-Host", "c")])
    assert TrustedProxies().first(headers, Peer("::1"), "x-forwarded-host") == "a.example"
    assert TrustedProxies().first(headers, Peer("10.0.0.1"), "x-forwarded-host") is None
    assert TrustedProxies().first(Headers(), Peer("::1"), "x-forwarded-host") is None
