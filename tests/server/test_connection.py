"""From accept to close, in the bytes that a client sends and sees."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent import socket as gsocket

from tests.server.scene import HASTY_LIMITS, PLAIN_GET, RFC_6455, Serve, page, scene, upgrade
from wsproxy_gevent.auth.host import HostRule
from wsproxy_gevent.model import Peer
from wsproxy_gevent.net.certificates import FixedContext, self_signed_context
from wsproxy_gevent.net.streams import PlainStream, TlsStream
from wsproxy_gevent.server.connection import serve_upgrade
from wsproxy_gevent.server.context import Context
from wsproxy_gevent.wire.handshake import HandshakeRules
from wsproxy_gevent.wire.http1 import HeadLimits, RequestReader

POLICY_REQUEST = b"<policy-file-request/>\0"

# A masked "hi".
HELLO = b"\x82\x82\0\0\0\0hi"


def taken_over(head: bytes, behind: bytes) -> Serve:
    """`serve_upgrade` for a request that some other server has read off the socket."""
    request = RequestReader(HeadLimits()).feed(head)
    assert request is not None

    def serve(context: Context, sock: gsocket.socket, peer: Peer) -> None:
        serve_upgrade(context, PlainStream(sock), peer, request, behind)

    return serve


@pytest.fixture(scope="module")
def certificate() -> FixedContext:
    return FixedContext(self_signed_context(("localhost",)))


def trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


# -- The first byte --------------------------------------------------------------------


@pytest.mark.parametrize("cut", range(len(POLICY_REQUEST)))
def test_a_policy_request_is_answered_however_it_is_cut(cut: int) -> None:
    with scene() as it:
        it.send(POLICY_REQUEST[:cut])
        gevent.sleep(0)
        it.send(POLICY_REQUEST[cut:])
        it.client.shutdown(1)
        answer = it.receive_all()
    assert answer.startswith(b"<cross-domain-policy>")
    assert answer.endswith(b"\0")


def test_a_policy_request_is_not_answered_without_the_old_dialects() -> None:
    with scene(handshake=HandshakeRules(legacy=False)) as it:
        it.send(POLICY_REQUEST)
        assert it.receive_all() == b""
        assert it.refusal() == ("policy", "legacy-refused")


@pytest.mark.parametrize("first", [b"\x00", b"g", b"\xff", b"\n", b"5"])
def test_bytes_of_no_protocol_are_closed_without_an_answer(first: bytes) -> None:
    with scene() as it:
        it.send(first)
        assert it.receive_all() == b""
        assert it.refusal() == ("opening", "not-http")


def test_a_visitor_without_a_byte_is_a_health_check() -> None:
    with scene() as it:
        it.client.shutdown(1)
        assert it.receive_all() == b""
        assert it.refusal() == ("opening", "peer-left")


def test_a_silent_visitor_is_let_go_at_the_deadline() -> None:
    with scene(limits=HASTY_LIMITS) as it:
        assert it.receive_all() == b""
        assert it.refusal() == ("opening", "opening-timeout")


def test_a_slow_request_is_told_so() -> None:
    with scene(limits=HASTY_LIMITS) as it:
        it.send(b"GET / HT")
        assert it.receive_all().startswith(b"HTTP/1.1 408 ")
        assert it.refusal() == ("request", "opening-timeout")


def test_a_client_that_asks_on_and_on_lets_the_others_run_between_two_answers() -> None:
    ran: list[str] = []

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        ran.append("page")
        return page(environ, start_response)

    def others() -> None:
        while True:
            ran.append("others")
            gevent.sleep(0)

    with scene(web=app) as it:
        running = gevent.spawn(others)
        it.send(PLAIN_GET * 20)
        it.client.shutdown(1)
        it.receive_all()
        running.kill()
    assert ran.count("page") == 20
    assert ("page", "page") not in pairwise(ran)


# -- TLS -------------------------------------------------------------------------------


def test_tls_and_plain_share_the_port(certificate: FixedContext) -> None:
    with scene(certificate=certificate) as it:
        stream = TlsStream.connect(PlainStream(it.client), trusting())
        stream.write_all(PLAIN_GET)
        assert b"page /page" in stream.read_some()
    with scene(certificate=certificate) as it:
        it.send(PLAIN_GET)
        assert it.receive_until(b"page /page")


def test_a_tls_hello_without_a_certificate_tells_the_operator_what_to_do() -> None:
    with scene() as it:
        it.send(b"\x16\x03\x01\x00\x05hello")
        assert it.receive_all() == b""
        assert it.refusal() == ("tls", "tls-unavailable")
        assert "--cert" in it.log.refusals[0][2].detail


def test_a_broken_tls_hello_harms_nobody(certificate: FixedContext) -> None:
    with scene(certificate=certificate) as it:
        it.send(b"\x16\x03\x01\x00\x05hello")
        it.receive_all()
        assert it.refusal() == ("tls", "tls-failed")


def test_the_policy_is_served_inside_tls_as_well(certificate: FixedContext) -> None:
    with scene(certificate=certificate) as it:
        stream = TlsStream.connect(PlainStream(it.client), trusting())
        stream.write_all(POLICY_REQUEST)
        assert stream.read_some().startswith(b"<cross-domain-policy>")


def test_ssl_only_sends_a_plain_page_to_https(certificate: FixedContext) -> None:
    with scene(certificate=certificate, ssl_only=True) as it:
        it.send(PLAIN_GET)
        it.client.shutdown(1)
        answer = it.receive_all()
    assert answer.startswith(b"HTTP/1.1 308 ")
    assert b"\r\nLocation: https://proxy.example/page\r\n" in answer


def test_ssl_only_refuses_a_plain_handshake_in_words(certificate: FixedContext) -> None:
    with scene(certificate=certificate, ssl_only=True) as it:
        it.send(upgrade())
        it.client.shutdown(1)
        answer = it.receive_all()
        assert answer.startswith(b"HTTP/1.1 403 ")
        assert b"wss://" in answer
        assert it.refusal() == ("tls", "tls-required")


# -- Pages -------------------------------------------------------------------------------


def test_a_connection_serves_one_page_after_another() -> None:
    with scene() as it:
        it.send(PLAIN_GET)
        it.receive_until(b"page /page")
        it.send(PLAIN_GET.replace(b"/page", b"/next"))
        assert it.receive_until(b"page /next").startswith(b"HTTP/1.1 200 ")


def test_pipelined_requests_are_answered_in_their_order() -> None:
    with scene() as it:
        it.send(PLAIN_GET + PLAIN_GET.replace(b"/page", b"/next"))
        it.receive_until(b"page /page")
        it.receive_until(b"page /next")


def test_a_page_may_be_followed_by_a_handshake() -> None:
    with scene() as it:
        it.send(PLAIN_GET)
        it.receive_until(b"page /page")
        it.send(upgrade())
        assert it.receive_until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")


def test_an_idle_connection_is_closed_in_silence() -> None:
    with scene(limits=HASTY_LIMITS) as it:
        it.send(PLAIN_GET)
        it.receive_until(b"page /page")
        assert it.receive_all() == b""
        assert it.ended()
        assert it.log.refusals == []


def test_nothing_is_answered_behind_a_refused_handshake() -> None:
    with scene() as it:
        it.send(RFC_6455.replace(b"Version: 13", b"Version: 99") + b"\r\n" + PLAIN_GET)
        it.client.shutdown(1)
        answer = it.receive_all()
        assert answer.count(b"HTTP/1.1 ") == 1
        assert b"\r\nSec-WebSocket-Version: " in answer


# -- Refusals ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_bytes", "status", "refused"),
    [
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 405, "method-not-allowed"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "bad-request"),
        (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 400, "bad-request"),
        (b"GET /" + b"a" * 9000, 414, "request-line-too-long"),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * 9000, 431, "headers-too-large"),
        (b"GET / HTTP/1.1\r\n" + b"A: a\r\n" * 200, 431, "headers-too-large"),
    ],
)
def test_a_bad_request_is_answered_with_its_status(
    request_bytes: bytes, status: int, refused: str
) -> None:
    with scene() as it:
        it.send(request_bytes)
        it.client.shutdown(1)
        answer = it.receive_all()
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())
        assert f"\r\nWsproxy-Reason: {refused}\r\n".encode() in answer
        assert b"\r\nConnection: close\r\n" in answer
        assert it.refusal() == ("request", refused)


@pytest.mark.parametrize("request_bytes", [PLAIN_GET, upgrade()])
def test_on_loopback_a_foreign_host_is_refused_for_pages_and_handshakes(
    request_bytes: bytes,
) -> None:
    with scene(host=HostRule(True)) as it:
        it.send(request_bytes)
        it.client.shutdown(1)
        assert it.receive_all().startswith(b"HTTP/1.1 421 ")
        assert it.refusal() == ("host", "host-refused")


def test_a_fault_of_ours_is_a_500_and_not_a_dropped_socket() -> None:
    def broken(_environ: object, _start: object) -> list[bytes]:
        raise RuntimeError("boom")

    with scene(web=broken) as it:
        it.send(PLAIN_GET)
        it.client.shutdown(1)
        answer = it.receive_all()
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"boom" not in answer


def test_a_visitor_who_is_let_go_leaves_no_socket_open(tmp_path: Path) -> None:
    with scene() as it:
        it.send(b"GET / HT")
        gevent.sleep(0)
        it.greenlet.kill()
        assert it.receive_all() == b""


# -- A request that another server has read ---------------------------------------------------


@pytest.mark.parametrize("cut", range(len(HELLO) + 1))
def test_a_request_read_elsewhere_becomes_a_session_with_what_came_behind_it(cut: int) -> None:
    with scene(serve=taken_over(upgrade(), HELLO[:cut])) as it:
        it.send(HELLO[cut:])
        assert it.receive_until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
        assert it.service.recv(10) == b"hi"


@pytest.mark.parametrize(
    ("changes", "status", "refused"),
    [
        ({"host": HostRule(True)}, 421, ("host", "host-refused")),
        ({"ssl_only": True}, 403, ("tls", "tls-required")),
        ({"handshake": HandshakeRules(subprotocols=("mqtt",))}, 400, None),
    ],
)
def test_a_request_read_elsewhere_is_held_to_the_same_rules(
    changes: dict[str, Any], status: int, refused: tuple[str, str] | None
) -> None:
    request = upgrade(b"Sec-WebSocket-Protocol: binary")
    with scene(serve=taken_over(request, b""), **changes) as it:
        it.client.shutdown(1)
        assert it.receive_all().startswith(f"HTTP/1.1 {status} ".encode())
        assert it.refusal() == (refused or ("handshake", "subprotocol-refused"))
