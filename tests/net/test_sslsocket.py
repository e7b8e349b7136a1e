"""A stream over a TLS socket that was made elsewhere."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import gevent
import pytest
from gevent import socket as gsocket
from gevent import ssl as gssl

from wsproxy_gevent.net.certificates import self_signed_context
from wsproxy_gevent.net.sslsocket import SslSocketStream
from wsproxy_gevent.net.stream import StreamBroken

SECONDS = 5.0


@pytest.fixture(scope="module")
def context() -> ssl.SSLContext:
    return self_signed_context(("localhost",))


@contextmanager
def connected(context: ssl.SSLContext) -> Iterator[tuple[SslSocketStream, gssl.SSLSocket]]:
    """Our stream, and the client's socket."""
    ours, theirs = gsocket.socketpair()
    theirs.settimeout(SECONDS)
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    accepting = gevent.spawn(gssl.SSLSocket, ours, server_side=True, _context=context)
    client = gssl.SSLSocket(theirs, server_side=False, _context=trusting)
    stream = SslSocketStream(accepting.get(timeout=SECONDS))
    try:
        yield stream, client
    finally:
        client.close()
        stream.abort()


def test_bytes_pass_both_ways(context: ssl.SSLContext) -> None:
    with connected(context) as (stream, client):
        client.sendall(b"up")
        assert stream.read_some() == b"up"
        assert stream.write_all(b"do", memoryview(b"wn"))
        assert client.recv(10) == b"down"
        assert stream.tls_version == "TLSv1.3"


def test_the_end_of_the_peer_is_an_empty_read(context: ssl.SSLContext) -> None:
    with connected(context) as (stream, client):
        closing = gevent.spawn(client.unwrap)
        assert stream.read_some() == b""
        closing.kill()


def test_finish_says_goodbye_before_the_fin_and_does_not_wait(context: ssl.SSLContext) -> None:
    with connected(context) as (stream, client):
        stream.write_all(b"last")
        stream.finish()
        assert client.recv(10) == b"last"
        # A truncated stream would be an error here.
        assert client.recv(10) == b""


def test_who_has_hung_up_is_known_though_its_bytes_lie_unread(context: ssl.SSLContext) -> None:
    with connected(context) as (stream, client):
        client.sendall(b"unread")
        assert not stream.hung_up()
        client.close()
        assert stream.hung_up()
        assert stream.read_some() == b"unread"
        stream.abort()
        assert stream.hung_up()


def test_abort_wakes_the_reader(context: ssl.SSLContext) -> None:
    with connected(context) as (stream, _):
        reading = gevent.spawn(stream.read_some)
        gevent.sleep(0)
        stream.abort()
        stream.abort()
        with pytest.raises(StreamBroken):
            reading.get(timeout=SECONDS)


def test_after_abort_every_verb_breaks(context: ssl.SSLContext) -> None:
    with connected(context) as (stream, _):
        stream.abort()
        with pytest.raises(StreamBroken):
            stream.write_all(b"a")
        with pytest.raises(StreamBroken):
            stream.finish()
