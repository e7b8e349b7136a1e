"""Much data, slow readers: nothing lost, nothing reordered, nobody stuck."""

from __future__ import annotations

import hashlib
import random
import socket

import gevent
import pytest
from gevent import socket as gsocket

from tests.relay.frames import close, from_client, ping
from tests.relay.scene import EchoScene, Scene, sha256_of
from wsproxy_gevent.model import Dialect
from wsproxy_gevent.wire.hixie import HixieSession
from wsproxy_gevent.wire.hybi import HybiSession, Role
from wsproxy_gevent.wire.payload import PayloadKind
from wsproxy_gevent.wire.session import Close, Data, Session

MIB = 1 << 20
NOISE = random.Random(6455).randbytes(MIB)


def client_session(dialect: Dialect, kind: PayloadKind = PayloadKind.BINARY) -> Session:
    if dialect.is_hixie:
        return HixieSession(dialect, PayloadKind.BASE64)
    return HybiSession(dialect, kind, role=Role.CLIENT)


def send_messages(sock: gsocket.socket, session: Session, count: int) -> None:
    for _ in range(count):
        sock.sendall(b"".join(session.message(NOISE)))


def payload_until_close(sock: gsocket.socket, session: Session) -> str:
    """The digest of all payload, read slowly: one turn of the hub in between."""
    digest = hashlib.sha256()
    while data := sock.recv(40_000):
        for event in session.receive(data):
            if isinstance(event, Data):
                digest.update(event.payload)
            elif isinstance(event, Close):
                return digest.hexdigest()
        gevent.sleep(0)
    return digest.hexdigest()


def bytes_of(sock: gsocket.socket, size: int) -> str:
    digest = hashlib.sha256()
    while size:
        data = sock.recv(40_000)
        digest.update(data)
        size -= len(data)
        gevent.sleep(0)
    return digest.hexdigest()


@pytest.mark.parametrize("dialect", [Dialect.RFC_6455, Dialect.HIXIE_76])
def test_eight_mebibytes_each_way_at_once_with_slow_readers(dialect: Dialect) -> None:
    expected = sha256_of([NOISE] * 8)
    session = client_session(dialect)
    with Scene(dialect) as scene:
        up = gevent.spawn(send_messages, scene.browser, session, 8)
        down = gevent.spawn(scene.service.sendall, NOISE * 8)
        at_service = gevent.spawn(bytes_of, scene.service, 8 * MIB)
        at_browser = gevent.spawn(payload_until_close, scene.browser, session)
        down.join()
        scene.service.shutdown(socket.SHUT_WR)
        assert at_browser.get() == expected
        assert at_service.get() == expected
        up.join()
        scene.browser.sendall(session.close(1000))
        scene.browser.close()
        assert scene.summary().reason == "closed"


def test_all_that_a_client_sent_before_its_close_arrives_at_a_slow_target() -> None:
    session = client_session(Dialect.RFC_6455)
    with Scene() as scene:

        def send_and_close() -> None:
            send_messages(scene.browser, session, 8)
            scene.browser.sendall(session.close(1000))

        sending = gevent.spawn(send_and_close)
        assert bytes_of(scene.service, 8 * MIB) == sha256_of([NOISE] * 8)
        assert scene.service.recv(1) == b""
        sending.join()


def test_sixteen_mebibytes_in_one_message_with_pings_to_a_target_that_echoes_as_it_reads() -> None:
    """The client reads nothing before it has sent all: the pongs must not wait for it."""

    def echo(service: gsocket.socket) -> None:
        """Holds what it cannot write yet, as a target with a queue does."""
        held: list[bytes] = []
        reading = True

        def write() -> None:
            while reading or held:
                if held:
                    service.sendall(held.pop(0))
                else:
                    gevent.sleep(0)
            service.shutdown(socket.SHUT_WR)

        writing = gevent.spawn(write)
        while data := service.recv(1 << 18):
            held.append(data)
        reading = False
        writing.join()

    with Scene() as scene:
        echoing = gevent.spawn(echo, scene.service)
        for number in range(16):
            opcode = 0 if number else 2
            scene.browser.sendall(from_client(NOISE, opcode, fin=number == 15) + ping(b"?"))
        got = gevent.spawn(bytes_of_frames, scene.browser, 16 * MIB)
        assert got.get() == sha256_of([NOISE] * 16)
        scene.browser.sendall(close(1000))
        scene.browser.shutdown(socket.SHUT_WR)
        scene.running.join()
        echoing.join()


def bytes_of_frames(sock: gsocket.socket, size: int) -> str:
    session = client_session(Dialect.RFC_6455)
    digest = hashlib.sha256()
    while size:
        for event in session.receive(sock.recv(1 << 18)):
            if isinstance(event, Data):
                digest.update(event.payload)
                size -= len(event.payload)
    return digest.hexdigest()


def test_a_big_message_is_echoed_as_it_comes() -> None:
    with EchoScene() as scene:
        sending = gevent.spawn(scene.browser.sendall, from_client(NOISE * 8))
        assert bytes_of_frames(scene.browser, 8 * MIB) == sha256_of([NOISE] * 8)
        sending.join()


@pytest.mark.parametrize("killed_after", [1, 100_000, 3_000_000])
def test_of_a_session_that_is_killed_the_prefix_is_delivered(killed_after: int) -> None:
    with Scene() as scene:
        sending = gevent.spawn(send_until_broken, scene.browser)
        got = b""
        while len(got) < killed_after:
            got += scene.service.recv(1 << 16)
        scene.running.kill()
        try:
            while data := scene.service.recv(1 << 16):
                got += data
        except ConnectionResetError:
            pass
        assert got == (NOISE * (len(got) // MIB + 1))[: len(got)]
        sending.join()


def send_until_broken(sock: gsocket.socket) -> None:
    try:
        while True:
            sock.sendall(from_client(NOISE))
            gevent.sleep(0)
    except OSError:
        pass
