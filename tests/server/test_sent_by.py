"""Requests that a proxy passes on: logs and pages see who sent them, rules who connected."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.scene import PEER, scene, upgrade
from wsproxy_gevent.auth.clients import Clients
from wsproxy_gevent.auth.forwarded import TrustedProxies
from wsproxy_gevent.model import Peer
from wsproxy_gevent.net.balancers import Balancers

FROM = b"X-Forwarded-For: 6.6.6.6, 192.0.2.1"
ELSEWHERE = Peer("203.0.113.9", 1)


def whoami(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"<{environ['REMOTE_ADDR']}>".encode()]


def get(*lines: bytes) -> bytes:
    return b"\r\n".join([b"GET / HTTP/1.1", b"Host: proxy.example", *lines, b"", b""])


def test_a_sessions_peer_is_who_sent_its_request() -> None:
    with scene() as it:
        it.send(upgrade(FROM))
        it.receive_until(b"\r\n\r\n")
        (info,) = it.log.opened_sessions
    assert info.peer == Peer("192.0.2.1")


def test_who_is_not_trusted_speaks_for_itself() -> None:
    with scene(peer=ELSEWHERE) as it:
        it.send(upgrade(FROM))
        it.receive_until(b"\r\n\r\n")
        (info,) = it.log.opened_sessions
    assert info.peer == ELSEWHERE


def test_each_request_of_a_connection_has_a_sender_of_its_own() -> None:
    with scene(web=whoami) as it:
        for lines, sender in [
            ([FROM], b"<192.0.2.1>"),
            ([b"X-Forwarded-For: 192.0.2.2"], b"<192.0.2.2>"),
            ([], b"<127.0.0.1>"),
        ]:
            it.send(get(*lines))
            it.receive_until(sender)


def test_a_refusal_is_the_senders_and_the_proxys_word_still_counts() -> None:
    """X-Forwarded-Host is believed of the proxy, whoever the sender is."""
    lines = [FROM, b"Origin: https://public.example", b"X-Forwarded-Host: public.example"]
    with scene() as it:
        it.send(upgrade(*lines))
        assert it.receive_until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
    with scene() as it:
        it.send(upgrade(*lines[:2]))
        assert it.receive_all().startswith(b"HTTP/1.1 403 ")
        it.ended()
        ((peer, _, _),) = it.log.refusals
    assert peer == Peer("192.0.2.1")


def test_a_request_that_breaks_off_is_the_peers() -> None:
    with scene() as it:
        it.send(get(FROM) + b"NONSENSE\r\n\r\n")
        it.receive_all()
        it.ended()
        ((peer, _, _),) = it.log.refusals
    assert peer == PEER


def test_behind_a_balancer_the_one_it_names_must_be_trusted() -> None:
    line = b"PROXY TCP4 10.0.0.7 127.0.0.1 5000 80\r\n"
    trusting = Clients(TrustedProxies(["10.0.0.0/8"]))
    for clients, sender in ((Clients(), b"<10.0.0.7>"), (trusting, b"<192.0.2.1>")):
        with scene(balancers=Balancers([PEER.host]), clients=clients, web=whoami) as it:
            it.send(line + get(FROM))
            it.receive_until(sender)


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 8443\r\n", b"HTTP/1.1 400 "),
        (b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00", b""),
    ],
)
def test_a_balancer_that_nobody_told_us_of_is_named_with_the_options(
    line: bytes, answer: bytes
) -> None:
    with scene(peer=ELSEWHERE) as it:
        it.send(line + get())
        received = it.receive_all()
        it.ended()
        ((peer, _, error),) = it.log.refusals
    assert received.startswith(answer)
    assert bool(received) == bool(answer)
    assert (peer, error.slug) == (ELSEWHERE, "not-http")
    assert "--proxy-protocol, and --trusted-proxies 203.0.113.9" in error.detail
