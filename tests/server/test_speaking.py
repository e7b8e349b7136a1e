"""What `--compress` and `--text` make of a session, from its handshake on."""

from __future__ import annotations

import pytest

from tests.cases.deflate import HELLO, masked
from tests.server.scene import Scene, scene, upgrade
from tests.server.test_tunnel import HIXIE_75, HIXIE_76, HIXIE_76_ANSWER, HIXIE_76_KEY, exactly
from wsproxy_gevent.errors import TargetRefused
from wsproxy_gevent.model import EchoTarget
from wsproxy_gevent.targets.resolver import StaticResolver
from wsproxy_gevent.wire.handshake import HandshakeRules

COMPRESS = HandshakeRules(compress=True)
TEXT = HandshakeRules(text=True)
BOTH = HandshakeRules(compress=True, text=True)

OFFER = b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=10"
ANSWER = b"\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=10\r\n"


def opened(it: Scene, *lines: bytes) -> bytes:
    """The 101 that answers a handshake with these lines."""
    it.send(upgrade(*lines))
    head = it.receive_until(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    return head


# -- --compress -----------------------------------------------------------------------------


def test_a_client_that_offers_it_is_compressed_both_ways() -> None:
    with scene(handshake=COMPRESS) as it:
        assert ANSWER in opened(it, OFFER)
        it.send(masked(0xC2, HELLO))
        assert exactly(it.service, 5) == b"Hello"
        it.service.sendall(b"Hello")
        assert exactly(it.client, 9) == b"\xc2\x07" + HELLO


def test_one_that_does_not_is_served_as_ever() -> None:
    with scene(handshake=COMPRESS) as it:
        assert b"Extensions" not in opened(it)
        it.service.sendall(b"Hello")
        assert exactly(it.client, 7) == b"\x82\x05Hello"


def test_without_the_option_an_offer_is_not_taken() -> None:
    with scene() as it:
        assert b"Extensions" not in opened(it, OFFER)
        it.send(masked(0xC2, HELLO))
        assert exactly(it.client, 4)[2:] == b"\x03\xea"


def test_a_malformed_offer_is_refused_before_anything_is_dialled() -> None:
    with scene(handshake=COMPRESS) as it:
        it.send(upgrade(OFFER + b"; ="))
        it.client.shutdown(1)
        answer = it.receive_all()
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"Sec-WebSocket-Extensions" in answer
        assert it.refusal() == ("handshake", "bad-handshake")
        assert it.dialer.dialled == []


def test_the_echo_is_compressed_as_well() -> None:
    with scene(handshake=COMPRESS, resolver=StaticResolver(EchoTarget())) as it:
        opened(it, OFFER)
        it.send(masked(0xC1, HELLO))
        assert exactly(it.client, 9) == b"\xc1\x07" + HELLO


def test_a_client_that_compresses_learns_of_a_failed_dial() -> None:
    with scene(handshake=COMPRESS, dial_error=TargetRefused("refused")) as it:
        opened(it, OFFER)
        it.send(masked(0xC2, HELLO))
        assert exactly(it.client, 11) == b"\x88\x09\x03\xf3refused"


@pytest.mark.parametrize("request_bytes", [HIXIE_75, HIXIE_76], ids=["75", "76"])
def test_hixie_is_never_compressed(request_bytes: bytes) -> None:
    wire = request_bytes.removesuffix(b"\r\n") + OFFER + b"\r\n\r\n"
    with scene(handshake=COMPRESS) as it:
        it.send(wire + (HIXIE_76_KEY if request_bytes is HIXIE_76 else b""))
        assert b"Extensions" not in it.receive_until(b"\r\n\r\n")
        it.service.sendall(b"hello")
        assert exactly(it.client, 26 if request_bytes is HIXIE_76 else 10).endswith(
            b"\x00aGVsbG8=\xff"
        )


# -- --text ---------------------------------------------------------------------------------


@pytest.mark.parametrize("offered", [(), (b"Sec-WebSocket-Protocol: irc",)], ids=["none", "irc"])
def test_what_the_target_says_is_text(offered: tuple[bytes, ...]) -> None:
    with scene(handshake=TEXT) as it:
        opened(it, *offered)
        it.service.sendall(b"hello")
        assert exactly(it.client, 7) == b"\x81\x05hello"


def test_a_client_that_asked_for_base64_gets_it() -> None:
    with scene(handshake=TEXT) as it:
        opened(it, b"Sec-WebSocket-Protocol: base64")
        it.service.sendall(b"\xff\xfe")
        assert exactly(it.client, 6) == b"\x81\x04//4="


def test_bytes_that_are_no_text_are_logged() -> None:
    with scene(handshake=TEXT) as it:
        opened(it)
        it.service.sendall(b"\xff\xfe")
        assert exactly(it.client, 4)[2:] == b"\x03\xf3"
        it.client.close()
        it.service.close()
        assert it.ended()
        (summary,) = it.log.summaries
    assert (summary.ended_by, summary.reason) == ("target", "target-not-text")


def test_hixie_carries_text_as_it_is() -> None:
    with scene(handshake=TEXT) as it:
        it.send(HIXIE_76 + HIXIE_76_KEY)
        it.receive_until(b"\r\n\r\n" + HIXIE_76_ANSWER)
        it.service.sendall(b"hello")
        assert exactly(it.client, 7) == b"\x00hello\xff"
        it.send(b"\x00you\xff")
        assert exactly(it.service, 3) == b"you"


def test_hixie_that_asked_for_base64_gets_it() -> None:
    asked = HIXIE_75.removesuffix(b"\r\n") + b"WebSocket-Protocol: base64\r\n\r\n"
    with scene(handshake=TEXT) as it:
        it.send(asked)
        it.receive_until(b"\r\n\r\n")
        it.service.sendall(b"hello")
        assert exactly(it.client, 10) == b"\x00aGVsbG8=\xff"


def test_text_is_compressed_where_both_are_set() -> None:
    with scene(handshake=BOTH) as it:
        opened(it, OFFER)
        it.service.sendall(b"Hello")
        assert exactly(it.client, 9) == b"\xc1\x07" + HELLO


def test_the_echo_keeps_the_clients_own_words() -> None:
    with scene(handshake=TEXT, resolver=StaticResolver(EchoTarget())) as it:
        opened(it)
        it.send(b"\x82\x81\0\0\0\0\xff")
        assert exactly(it.client, 3) == b"\x82\x01\xff"
