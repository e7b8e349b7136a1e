"""Whole sessions over real sockets, held to what the reader in Python makes of the same bytes.

    python -m fuzz.relays [--sessions N] [--first SEED]

A client's bytes, almost right and made from a seed, are cut anywhere and sent
through a relay, while the target talks back.  Whatever engine carries them:
the target has every byte of payload in front of the end, and the client all
that the target said up to the Close that the same bytes deserve.
"""

from __future__ import annotations

import argparse
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from time import perf_counter

import gevent
from gevent import socket as gsocket

from wsproxy_gevent import engine
from wsproxy_gevent.model import Dialect, Peer, SessionId, TcpTarget
from wsproxy_gevent.net.streams import PlainStream
from wsproxy_gevent.observer import SessionInfo
from wsproxy_gevent.relay.ends import ClientEnd, TargetEnd
from wsproxy_gevent.relay.pair import Patience, Relay
from wsproxy_gevent.wire.dialects import open_session
from wsproxy_gevent.wire.frames import Role
from wsproxy_gevent.wire.hybi import HybiSession
from wsproxy_gevent.wire.hybi_reader import Reader
from wsproxy_gevent.wire.payload import PayloadKind
from wsproxy_gevent.wire.session import Close, Data, Failed

from .streams import stream

# Nobody is slow here on purpose, so nothing is to end by its clock.
_PATIENCE = Patience(close=30, flush=30, linger_read=30, linger=30)
_LONGEST_SESSION = 60.0

_INFO = SessionInfo(
    SessionId("0" * 16), Peer("127.0.0.1", 1), TcpTarget("127.0.0.1", 2),
    Dialect.RFC_6455, None, None, "/", 0.0,
)  # fmt: skip


class UnlikeError(Exception):
    """A session that went otherwise than it had to."""


@dataclass(frozen=True)
class Expected:
    """What the target has to get, and the code of the Close that the client has to."""

    payload: bytes
    code: int | None


def expected(wire: bytes) -> Expected:
    reader = Reader(PayloadKind.BINARY, Role.SERVER, check_text=False)
    events = reader.receive(wire)
    while reader.pending:
        events += reader.receive(b"")
    payload = b"".join(event.payload for event in events if isinstance(event, Data))
    match events[-1] if events else None:
        case Close(code):
            return Expected(payload, 1000 if code is None else code)
        case Failed(error):
            return Expected(payload, error.close_code)
    return Expected(payload, None)


def wires(first: int) -> Iterator[tuple[int, bytes]]:
    """What clients send, with the seed of each."""
    seed = first
    while True:
        given = stream(seed)
        if not given.client:
            yield seed, given.wire
        seed += 1


def hold(seed: int, wire: bytes) -> None:
    """Run one session.  Raises `UnlikeError`."""
    with gevent.Timeout(_LONGEST_SESSION, UnlikeError(f"{seed}: it does not end")):
        _hold(seed, wire)


def _hold(seed: int, wire: bytes) -> None:
    chance = Random(seed)
    (browser, client), (service, target) = gsocket.socketpair(), gsocket.socketpair()
    with browser, service:
        relay = _relay(client, target)
        running = gevent.spawn(relay.run)
        answer = chance.randbytes(chance.choice((0, 1, 125, 126, 5000, 70000)))
        talking = gevent.spawn(service.sendall, answer)
        at_service = gevent.spawn(_read_to_end, service)
        at_browser = gevent.spawn(_read_to_end, browser)
        _send_cut(browser, wire, chance)
        browser.shutdown(socket.SHUT_WR)
        got, heard = at_service.get(), at_browser.get()
        talking.join()
        service.shutdown(socket.SHUT_WR)
        running.get()
    due = expected(wire)
    said, code = _understood(heard)
    if got != due.payload:
        raise UnlikeError(f"{seed}: the target got {len(got)} bytes of {len(due.payload)}")
    if code != due.code:
        raise UnlikeError(f"{seed}: closed with {code} instead of {due.code}")
    if not answer.startswith(said):
        raise UnlikeError(f"{seed}: the client heard what nobody said")


def _relay(client: gsocket.socket, target: gsocket.socket) -> Relay:
    session = open_session(Dialect.RFC_6455, PayloadKind.BINARY)
    end = ClientEnd(PlainStream(client), session)
    return Relay(_INFO, end, TargetEnd(PlainStream(target)), patience=_PATIENCE)


def _send_cut(sock: gsocket.socket, wire: bytes, chance: Random) -> None:
    """In pieces, each of which is likely to be a read of its own."""
    at = 0
    try:
        while at < len(wire):
            size = chance.choice((1, 2, 7, 130, len(wire)))
            sock.sendall(wire[at : at + size])
            at += size
            gevent.sleep(0)
    except OSError:
        pass  # what is sent behind an end need not be taken


def _read_to_end(sock: gsocket.socket) -> bytes:
    pieces = []
    while piece := sock.recv(1 << 16):
        pieces.append(piece)
    return b"".join(pieces)


def _understood(heard: bytes) -> tuple[bytes, int | None]:
    """The payload of what the client was sent, and its Close's code."""
    session = HybiSession(Dialect.RFC_6455, PayloadKind.BINARY, role=Role.CLIENT)
    events = session.receive(heard)
    while session.pending:
        events += session.receive(b"")
    said = b"".join(event.payload for event in events if isinstance(event, Data))
    last = events[-1] if events else None
    if isinstance(last, Failed):
        raise UnlikeError(f"what the client was sent is no WebSocket: {last.error}")
    return said, last.code if isinstance(last, Close) else None


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzz.relays", description=__doc__)
    parser.add_argument("--sessions", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0, metavar="SEED")
    given = parser.parse_args(arguments)
    begun, unlike, sessions = perf_counter(), 0, wires(given.first)
    for _ in range(given.sessions):
        try:
            hold(*next(sessions))
        except UnlikeError as error:
            unlike += 1
            print(error, flush=True)
    print(f"engine: {engine.NAME}; {given.sessions:,} sessions in {perf_counter() - begun:.0f} s")
    print(f"{unlike:,} went otherwise than they had to")
    return int(bool(unlike))


if __name__ == "__main__":
    sys.exit(main())
