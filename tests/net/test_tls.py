"""TLS over plain streams, and over streams that misbehave."""

from __future__ import annotations

import hashlib
import shutil
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import gevent
import pytest
from gevent import socket as gsocket
from gevent.event import Event
from gevent.subprocess import PIPE, Popen

from wsproxy_gevent.errors import TlsFailed
from wsproxy_gevent.model import Buffer
from wsproxy_gevent.net.certificates import server_context
from wsproxy_gevent.net.stream import Stream, StreamBroken
from wsproxy_gevent.net.streams import PlainStream, TlsStream

from .check_stream import check_stream, noise, read_exactly, read_to_end
from .conftest import Files
from .test_stream import limit, tcp_pair, unix_pair


@pytest.fixture(scope="module")
def server(files: Files) -> ssl.SSLContext:
    return server_context(files.both)


def client_context(newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = newest
    return context


def shake_hands(
    below: tuple[Stream, Stream], server: ssl.SSLContext, client: ssl.SSLContext
) -> tuple[TlsStream, TlsStream]:
    """The client's and the server's side of one connection."""
    accepting = gevent.spawn(TlsStream.accept, below[1], server)
    connected = TlsStream.connect(below[0], client)
    accepted = accepting.get()
    assert isinstance(accepted, TlsStream)
    return connected, accepted


@contextmanager
def session(
    server: ssl.SSLContext, below: tuple[Stream, Stream] | None = None
) -> Iterator[tuple[TlsStream, TlsStream]]:
    client, accepted = shake_hands(below or unix_pair(), server, client_context())
    try:
        yield client, accepted
    finally:
        client.abort()
        accepted.abort()


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("accepted_first", [False, True])
def test_a_tls_stream_keeps_the_contract(
    server: ssl.SSLContext,
    newest: ssl.TLSVersion,
    accepted_first: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def make_pair(buffer: int | None = None) -> tuple[Stream, Stream]:
        pair = shake_hands(tcp_pair(buffer), server, client_context(newest))
        return pair[::-1] if accepted_first else pair

    check_stream(make_pair)
    assert capsys.readouterr().err == ""


def test_tls_goes_over_tls(server: ssl.SSLContext) -> None:
    with session(server) as outer, session(server, outer) as (client, accepted):
        client.write_all(b"twice")
        assert accepted.read_some() == b"twice"


def test_the_version_is_told(server: ssl.SSLContext) -> None:
    with session(server) as (client, accepted):
        assert client.tls_version == accepted.tls_version == "TLSv1.3"


def test_ciphertext_that_was_read_before_enters_the_handshake(server: ssl.SSLContext) -> None:
    a, b = unix_pair()
    connecting = gevent.spawn(TlsStream.connect, a, client_context())
    first = b.read_some()
    accepted = TlsStream.accept(b, server, first)
    client = connecting.get()
    client.write_all(b"carried")
    assert accepted.read_some() == b"carried"
    client.abort()
    accepted.abort()


class HandMade:
    """A client whose records the test sends itself, as cut as it likes."""

    def __init__(self, below: PlainStream, context: ssl.SSLContext) -> None:
        self._below = below
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing)
        while not self._agreed():
            below.write_all(self._outgoing.read())
            self._incoming.write(below.read_some())

    def _agreed(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def records(self, *payloads: bytes) -> bytes:
        """What TLS makes of the payloads, behind what it owes already."""
        for payload in payloads:
            self._tls.write(payload)
        return self._outgoing.read()


@pytest.fixture
def hand_made(server: ssl.SSLContext) -> Iterator[tuple[HandMade, PlainStream, TlsStream]]:
    """A hand-made client whose last handshake message is not sent yet, and the server's side."""
    a, b = unix_pair()
    accepting = gevent.spawn(TlsStream.accept, b, server)
    client = HandMade(a, client_context())
    a.write_all(client.records(b"first"))
    accepted = accepting.get()
    assert isinstance(accepted, TlsStream)
    yield client, a, accepted
    a.abort()
    accepted.abort()


def test_data_in_the_packet_of_the_last_handshake_message_is_not_waited_for(
    hand_made: tuple[HandMade, PlainStream, TlsStream],
) -> None:
    _, _, accepted = hand_made
    assert accepted.read_some() == b"first"


def test_all_the_records_of_a_read_come_at_once_and_half_a_record_later(
    hand_made: tuple[HandMade, PlainStream, TlsStream],
) -> None:
    client, below, accepted = hand_made
    accepted.read_some()
    wire = client.records(b"one ", b"two ", b"three", b"four")
    below.write_all(wire[:-5])
    assert accepted.read_some() == b"one two three"
    below.write_all(wire[-5:])
    assert accepted.read_some() == b"four"


def test_what_came_before_a_forged_record_is_read_before_it_breaks(
    hand_made: tuple[HandMade, PlainStream, TlsStream],
) -> None:
    client, below, accepted = hand_made
    accepted.read_some()
    below.write_all(client.records(b"good") + b"\x17\x03\x03\x00\x20" + bytes(32))
    assert accepted.read_some() == b"good"
    for _ in range(2):
        with pytest.raises(StreamBroken, match="TLS broke"):
            accepted.read_some()


def test_an_end_without_close_notify_is_a_truncation(
    hand_made: tuple[HandMade, PlainStream, TlsStream],
) -> None:
    _, below, accepted = hand_made
    accepted.read_some()
    below.finish()
    with pytest.raises(StreamBroken, match="truncated"):
        accepted.read_some()


def test_a_close_notify_is_an_end(server: ssl.SSLContext) -> None:
    with session(server) as (client, accepted):
        client.write_all(b"bye")
        client.finish()
        assert read_to_end(accepted) == b"bye"
        assert accepted.read_some() == b""


def test_finishing_keeps_what_has_come_but_was_not_read(
    hand_made: tuple[HandMade, PlainStream, TlsStream],
) -> None:
    _, _, accepted = hand_made
    accepted.finish()
    assert accepted.read_some() == b"first"


def test_nothing_is_written_behind_a_close_notify(server: ssl.SSLContext) -> None:
    with session(server) as (client, _):
        client.finish()
        with pytest.raises(StreamBroken):
            client.write_all(b"more")


# -- What the TLS layer says of its own accord -------------------------------------


class Held:
    """A stream whose writes are kept until they are released."""

    tls_version = None
    read_count = write_count = 0
    reading = writing = False

    def __init__(self, below: Stream) -> None:
        self._below = below
        self.open = Event()
        self.open.set()
        self.waiting = 0

    def hung_up(self) -> bool:
        return self._below.hung_up()

    def read_some(self) -> bytes:
        return self._below.read_some()

    def write_all(self, *segments: Buffer) -> bool:
        self.waiting += 1
        self.open.wait()
        self.waiting -= 1
        return self._below.write_all(*segments)

    def finish(self) -> None:
        self._below.finish()

    def abort(self) -> None:
        self._below.abort()


@pytest.fixture
def asked(files: Files) -> Iterator[tuple[TlsStream, Held, TlsStream]]:
    """A client that owes the server an answer once it reads b"question" (RFC 8446, 4.6.2).

    With it the stream that it writes to, which is shut, and the server.
    """
    asking, answering = server_context(files.both), client_context()
    asking.verify_mode = ssl.CERT_OPTIONAL
    asking.post_handshake_auth = answering.post_handshake_auth = True
    a, b = unix_pair()
    held = Held(a)
    client, accepted = shake_hands((held, b), asking, answering)
    accepted._tls.verify_client_post_handshake()
    held.open.clear()
    yield client, held, accepted
    client.abort()
    accepted.abort()


def assert_answered(accepted: TlsStream) -> None:
    """A second question would be an error while the first is open."""
    accepted._tls.verify_client_post_handshake()


def test_a_reader_does_not_wait_for_its_answer_to_be_sent(
    asked: tuple[TlsStream, Held, TlsStream],
) -> None:
    client, held, accepted = asked
    accepted.write_all(b"question")
    assert client.read_some() == b"question"
    gevent.sleep(0)
    assert held.waiting == 1
    held.open.set()
    client.write_all(b"behind it")
    assert accepted.read_some() == b"behind it"
    assert_answered(accepted)


@pytest.mark.parametrize("size", [100, 300_000])
def test_an_answer_goes_out_with_a_writer_that_was_blocked(
    asked: tuple[TlsStream, Held, TlsStream], size: int
) -> None:
    client, held, accepted = asked
    payload = noise(size, 7)
    writer = gevent.spawn(client.write_all, payload)
    gevent.sleep(0)
    assert held.waiting == 1
    accepted.write_all(b"question")
    assert client.read_some() == b"question"
    gevent.sleep(0)
    assert held.waiting == 1
    held.open.set()
    assert read_exactly(accepted, size) == payload
    writer.get()
    reader = gevent.spawn(accepted.read_some)
    gevent.sleep(0)
    reader.kill()
    assert_answered(accepted)


def test_an_answer_that_finds_the_stream_aborted_is_dropped(
    asked: tuple[TlsStream, Held, TlsStream], capsys: pytest.CaptureFixture[str]
) -> None:
    client, held, accepted = asked
    accepted.write_all(b"question")
    client.read_some()
    gevent.sleep(0)
    client.abort()
    held.open.set()
    gevent.sleep(0)
    assert held.waiting == 0
    assert capsys.readouterr().err == ""


@dataclass(frozen=True)
class OpensslClient:
    """A running `openssl s_client`, by its pipes."""

    stdin: IO[bytes]
    stdout: IO[bytes]
    stderr: IO[bytes]

    def type(self, line: bytes) -> None:
        self.stdin.write(line)
        self.stdin.flush()

    def expect(self, said: bytes) -> None:
        while said not in self.stderr.readline():
            pass


@contextmanager
def s_client(server: ssl.SSLContext) -> Iterator[tuple[OpensslClient, PlainStream, TlsStream]]:
    with gsocket.socket() as listener:
        limit(listener, 64 * 1024)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        command = ["openssl", "s_client", "-brief", "-connect", address]
        process = Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        below = PlainStream(listener.accept()[0])
    try:
        pipes = [pipe for pipe in (process.stdin, process.stdout, process.stderr) if pipe]
        client = OpensslClient(*pipes)
        yield client, below, TlsStream.accept(below, server)
    finally:
        below.abort()
        process.kill()
        process.communicate()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl program")
def test_a_key_update_while_a_writer_is_blocked_harms_nothing(server: ssl.SSLContext) -> None:
    payload = noise(3_000_000, 8)
    with s_client(server) as (client, below, accepted):
        client.expect(b"CONNECTION ESTABLISHED")
        client.type(b"K\n")  # a KeyUpdate that asks for another, with the next data
        client.expect(b"KEYUPDATE")
        client.type(b"hello\n")
        below.peek_first()
        writer = gevent.spawn(accepted.write_all, payload)
        gevent.sleep(0)
        assert accepted.read_some() == b"hello\n"
        assert not writer.ready()
        seen = gevent.spawn(client.stdout.read, len(payload))
        client.type(b"again\n")
        assert accepted.read_some() == b"again\n"
        writer.get()
        assert hashlib.sha256(seen.get()).digest() == hashlib.sha256(payload).digest()


# -- Handshakes that fail ------------------------------------------------------------


def test_plain_http_is_named(server: ssl.SSLContext) -> None:
    a, b = unix_pair()
    a.write_all(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(TlsFailed, match="plain HTTP"):
        TlsStream.accept(b, server)
    a.abort()
    b.abort()


@pytest.mark.parametrize("before", [b"", b"\x16\x03\x01"])
def test_a_peer_that_leaves_is_named(server: ssl.SSLContext, before: bytes) -> None:
    a, b = unix_pair()
    a.finish()
    with pytest.raises(TlsFailed, match="left"):
        TlsStream.accept(b, server, before)
    a.abort()
    b.abort()


def test_a_connection_that_breaks_is_a_failed_handshake(server: ssl.SSLContext) -> None:
    a, b = unix_pair()
    accepting = gevent.spawn(failure, lambda: TlsStream.accept(b, server))
    gevent.sleep(0)
    b.abort()
    assert "broke" in accepting.get().reason
    a.abort()


def test_a_peer_that_is_too_old_is_told_so(files: Files) -> None:
    modern = server_context(files.both)
    modern.minimum_version = ssl.TLSVersion.TLSv1_3
    a, b = unix_pair()
    accepting = gevent.spawn(failure, lambda: TlsStream.accept(b, modern))
    old = failure(lambda: TlsStream.connect(a, client_context(ssl.TLSVersion.TLSv1_2)))
    assert "new enough" in accepting.get().reason
    assert "ALERT_PROTOCOL_VERSION" in old.detail
    a.abort()
    b.abort()


def test_a_certificate_that_is_not_trusted_fails_on_both_sides(server: ssl.SSLContext) -> None:
    a, b = unix_pair()
    trusting_nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    accepting = gevent.spawn(failure, lambda: TlsStream.accept(b, server))
    refused = failure(lambda: TlsStream.connect(a, trusting_nobody, server_hostname="one.test"))
    assert "could not be verified" in refused.reason
    assert "does not trust our certificate" in accepting.get().reason
    a.abort()
    b.abort()


def failure(shake: Callable[[], object]) -> TlsFailed:
    try:
        shake()
    except TlsFailed as failed:
        return failed
    raise AssertionError("the handshake succeeded")
