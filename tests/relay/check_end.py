"""The contract that every `End` is held to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import gevent
import pytest

from wsproxy_gevent.errors import ProxyError
from wsproxy_gevent.relay.ends import End


class Peer(Protocol):
    """The other side of an end, in payload bytes."""

    def send(self, payload: bytes) -> None: ...

    def end(self) -> None:
        """End in order, as its kind of peer does."""

    def break_off(self) -> None: ...

    def fill(self) -> None:
        """Take nothing more, until `drain`."""

    def drain(self) -> None: ...

    def received(self) -> bytes:
        """All payload that has come."""


Make = Callable[[], tuple[End, Peer]]


def read_all(end: End) -> bytes:
    pieces = []
    while piece := end.read_some():
        pieces.append(bytes(piece))
    return b"".join(pieces)


def check_end(make: Make) -> None:
    """Each clause is a sentence of `End`, on a new end."""
    for clause in CLAUSES:
        clause(*make())


def _a_read_has_at_least_a_byte_and_the_end_stays(end: End, peer: Peer) -> None:
    for payload in (b"one", b"", b"two", b"\x00\xff"):
        peer.send(payload)
    peer.end()
    assert read_all(end) == b"onetwo\x00\xff"
    assert end.read_some() == b""


def _a_read_waits_for_payload(end: End, peer: Peer) -> None:
    reading = gevent.spawn(end.read_some)
    gevent.sleep(0)
    assert not reading.ready()
    peer.send(b"late")
    assert bytes(reading.get()) == b"late"


def _payload_arrives_in_its_order(end: End, peer: Peer) -> None:
    assert end.taking
    for payload in (b"one", b"two", b"\x00\xff" * 70_000):
        assert end.write_all(payload)
    assert peer.received() == b"onetwo" + b"\x00\xff" * 70_000


def _views_are_payload_too(end: End, peer: Peer) -> None:
    assert end.write_all(memoryview(b"<view>")[1:-1])
    assert end.write_all(bytearray(b"array"))
    assert peer.received() == b"viewarray"


def _a_write_waits_for_room_and_says_so(end: End, peer: Peer) -> None:
    peer.fill()
    writing = gevent.spawn(end.write_all, b"late")
    gevent.sleep(0)
    assert not writing.ready()
    peer.drain()
    assert writing.get() is False
    assert peer.received() == b"late"


def _reading_goes_on_while_a_write_waits(end: End, peer: Peer) -> None:
    peer.fill()
    writing = gevent.spawn(end.write_all, b"stuck")
    gevent.sleep(0)
    peer.send(b"heard")
    assert bytes(end.read_some()) == b"heard"
    assert not writing.ready()
    peer.drain()
    writing.join()


def _payload_behind_finish_is_dropped(end: End, peer: Peer) -> None:
    end.write_all(b"before")
    end.finish()
    assert not end.taking
    end.write_all(b"after")
    gevent.sleep(0)
    assert peer.received() == b"before"


def _one_direction_survives_the_end_of_the_other(end: End, peer: Peer) -> None:
    end.finish()
    end.finish()
    peer.send(b"still here")
    peer.end()
    assert read_all(end) == b"still here"


def _what_came_before_a_break_is_read_first(end: End, peer: Peer) -> None:
    peer.send(b"prefix")
    peer.break_off()
    assert bytes(end.read_some()) == b"prefix"
    for _ in range(2):
        with pytest.raises(ProxyError):
            end.read_some()


def _abort_wakes_who_waits(end: End, peer: Peer) -> None:
    peer.fill()
    reading = gevent.spawn(end.read_some)
    writing = gevent.spawn(end.write_all, b"x")
    gevent.sleep(0)
    end.abort()
    end.abort()
    with pytest.raises(ProxyError):
        reading.get()
    with pytest.raises(ProxyError):
        writing.get()


def _abort_needs_nobody_who_waits(end: End, peer: Peer) -> None:
    end.abort()
    with pytest.raises(ProxyError):
        end.read_some()


CLAUSES: tuple[Callable[[End, Peer], None], ...] = (
    _a_read_has_at_least_a_byte_and_the_end_stays,
    _a_read_waits_for_payload,
    _payload_arrives_in_its_order,
    _views_are_payload_too,
    _a_write_waits_for_room_and_says_so,
    _reading_goes_on_while_a_write_waits,
    _payload_behind_finish_is_dropped,
    _one_direction_survives_the_end_of_the_other,
    _what_came_before_a_break_is_read_first,
    _abort_wakes_who_waits,
    _abort_needs_nobody_who_waits,
)
