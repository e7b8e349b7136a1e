"""Clients that a balancer speaks for: who they are, and what must come when."""

from __future__ import annotations

import ssl
from typing import Any

import gevent
import pytest

from tests.server.scene import HASTY_LIMITS, PEER, PLAIN_GET, scene, upgrade
from wsproxy_gevent.auth.host import HostRule
from wsproxy_gevent.model import Peer
from wsproxy_gevent.net.balancers import Balancers
from wsproxy_gevent.net.certificates import FixedContext, self_signed_context
from wsproxy_gevent.net.stream import PlainStream
from wsproxy_gevent.net.tls import TlsStream

LINE = b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 8443\r\n"
LOCAL = b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
CLIENT = Peer("192.0.2.1", 56324)
BALANCERS = Balancers([PEER.host])

# A masked "hi".
HELLO = b"\x82\x82\0\0\0\0hi"


def whoami(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    names = ("REMOTE_ADDR", "REMOTE_PORT", "SERVER_NAME", "SERVER_PORT")
    return [" ".join(environ[name] for name in names).encode()]


@pytest.mark.parametrize("cut", range(len(LINE) + 3))
def test_the_client_is_whom_the_line_names_however_it_is_cut(cut: int) -> None:
    with scene(balancers=BALANCERS) as it:
        data = LINE + upgrade()
        it.send(data[:cut])
        gevent.sleep(0)
        it.send(data[cut:])
        it.receive_until(b"\r\n\r\n")
        it.send(HELLO)
        assert it.service.recv(2) == b"hi"
        (info,) = it.log.opened_sessions
    assert info.peer == CLIENT


def test_a_page_sees_both_ends_of_the_clients_connection() -> None:
    with scene(balancers=BALANCERS, web=whoami) as it:
        it.send(LINE + PLAIN_GET)
        assert it.receive_until(b"192.0.2.1 56324 198.51.100.2 8443")


def test_the_policy_names_the_port_that_the_client_came_to() -> None:
    with scene(balancers=BALANCERS) as it:
        it.send(LINE + b"<policy-file-request/>\0")
        it.client.shutdown(1)
        assert b'to-ports="8443"' in it.receive_all()


def test_tls_comes_behind_the_line() -> None:
    certificate = FixedContext(self_signed_context(("localhost",)))
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    with scene(balancers=BALANCERS, certificate=certificate, web=whoami) as it:
        it.send(LINE)
        stream = TlsStream.connect(PlainStream(it.client), trusting)
        stream.write_all(PLAIN_GET)
        assert b"192.0.2.1 56324" in stream.read_some()


def test_a_balancer_that_asks_for_itself_is_itself() -> None:
    with scene(balancers=BALANCERS, web=whoami) as it:
        it.send(LOCAL + PLAIN_GET)
        assert it.receive_until(f"{PEER.host} {PEER.port}".encode())


def test_a_refusal_is_the_clients() -> None:
    with scene(balancers=BALANCERS) as it:
        it.send(LINE + upgrade(b"Origin: http://evil.example"))
        it.client.shutdown(1)
        assert it.receive_all().startswith(b"HTTP/1.1 403 ")
        it.ended()
        ((peer, _, _),) = it.log.refusals
    assert peer == CLIENT


def test_who_is_no_balancer_is_not_asked() -> None:
    with scene(balancers=BALANCERS, peer=Peer("203.0.113.9", 1), web=whoami) as it:
        it.send(PLAIN_GET)
        assert it.receive_until(b"203.0.113.9 1 ")


def test_a_line_of_somebody_elses_is_no_request() -> None:
    with scene(balancers=BALANCERS, peer=Peer("203.0.113.9", 1)) as it:
        it.send(LINE + PLAIN_GET)
        it.client.shutdown(1)
        assert it.receive_all().startswith(b"HTTP/1.1 400 ")
        it.ended()
        ((peer, _, _),) = it.log.refusals
    assert peer == Peer("203.0.113.9", 1)


def test_a_balancer_without_a_line_gets_no_answer() -> None:
    with scene(balancers=BALANCERS) as it:
        it.send(PLAIN_GET)
        it.client.shutdown(1)
        assert it.receive_all() == b""
        assert it.refusal() == ("opening", "not-http")


@pytest.mark.parametrize("begun", [b"", LINE[:20], LINE, LINE + PLAIN_GET[:20]])
def test_line_and_request_have_one_deadline(begun: bytes) -> None:
    with scene(balancers=BALANCERS, limits=HASTY_LIMITS) as it:
        it.send(begun)
        it.receive_all()
        assert it.refusal()[1] == "opening-timeout"


def test_a_name_that_a_balancer_brings_may_be_any_on_loopback() -> None:
    with scene(balancers=BALANCERS, host=HostRule(loopback_bind=True)) as it:
        it.send(LINE + PLAIN_GET)
        assert it.receive_until(b"page /page").startswith(b"HTTP/1.1 200 ")
    with scene(balancers=BALANCERS, host=HostRule(loopback_bind=True)) as it:
        it.send(LOCAL + PLAIN_GET)
        it.client.shutdown(1)
        assert it.receive_all().startswith(b"HTTP/1.1 421 ")
