"""The contract of every `Stream`, as claims about a connected pair.

A factory makes a fresh pair for each claim; `buffer` asks for socket buffers
of about so many bytes, None for the system's own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import gevent
import pytest

from wsproxy_gevent.net.stream import Stream, StreamBroken

PIECE = 200_000
MANY = 8 * 1024 * 1024
SMALL_BUFFER = 4096


class PairFactory(Protocol):
    def __call__(self, buffer: int | None = None) -> tuple[Stream, Stream]: ...


def check_stream(make_pair: PairFactory) -> None:
    """Hold an implementation to the contract.  May switch."""
    for claim in CLAIMS:
        with both(make_pair) as (a, b):
            claim(a, b)
    with both(make_pair, SMALL_BUFFER) as (a, b):
        a_write_larger_than_the_buffers_arrives_whole(a, b)


@contextmanager
def both(make_pair: PairFactory, buffer: int | None = None) -> Iterator[tuple[Stream, Stream]]:
    a, b = make_pair(buffer=buffer)
    try:
        yield a, b
    finally:
        a.abort()
        b.abort()


def read_exactly(stream: Stream, count: int) -> bytes:
    data = b""
    while len(data) < count:
        some = stream.read_some()
        assert some, f"ended after {len(data)} of {count} bytes"
        data += some
    return data


def read_to_end(stream: Stream) -> bytes:
    chunks = []
    while some := stream.read_some():
        chunks.append(some)
    return b"".join(chunks)


def noise(count: int, seed: int) -> bytes:
    return hashlib.shake_128(bytes([seed])).digest(count)


# -- The claims --------------------------------------------------------------------


def bytes_arrive_in_both_directions(a: Stream, b: Stream) -> None:
    assert a.write_all(b"there") is True
    assert read_exactly(b, 5) == b"there"
    b.write_all(b"and back")
    assert read_exactly(a, 8) == b"and back"


def segments_arrive_as_one_run_of_bytes(a: Stream, b: Stream) -> None:
    a.write_all(b"", bytearray(b"one "), memoryview(b"xtwo ")[1:], b"", b"three")
    assert read_exactly(b, 13) == b"one two three"


def writing_nothing_is_no_end(a: Stream, b: Stream) -> None:
    assert a.write_all() is True
    assert a.write_all(b"", b"") is True
    a.write_all(b"x")
    assert read_exactly(b, 1) == b"x"


def more_segments_than_one_call_takes_arrive(a: Stream, b: Stream) -> None:
    a.write_all(*[bytes([n % 251]) for n in range(3000)])
    assert read_exactly(b, 3000) == bytes(n % 251 for n in range(3000))


def what_ended_one_way_goes_on_the_other(a: Stream, b: Stream) -> None:
    a.write_all(b"last words")
    a.finish()
    assert read_to_end(b) == b"last words"
    assert b.read_some() == b""
    answer = noise(PIECE, 1)
    writer = gevent.spawn(b.write_all, answer)
    assert read_exactly(a, len(answer)) == answer
    writer.get()
    b.finish()
    assert a.read_some() == b""
    assert a.read_some() == b""


def finishing_over_unread_bytes_loses_none_of_them(a: Stream, b: Stream) -> None:
    b.write_all(b"unread")
    b.finish()
    gevent.sleep(0)
    a.write_all(b"last")
    a.finish()
    assert read_to_end(a) == b"unread"
    assert read_to_end(b) == b"last"


def who_has_hung_up_is_known_though_its_bytes_lie_unread(a: Stream, b: Stream) -> None:
    a.write_all(b"unread")
    assert not b.hung_up()
    a.finish()
    assert b.hung_up()
    assert not a.hung_up()
    assert read_to_end(b) == b"unread"
    b.abort()
    assert a.hung_up()
    assert b.hung_up()


def abort_wakes_a_reader(a: Stream, b: Stream) -> None:
    reader = gevent.spawn(outcome, a.read_some)
    gevent.sleep(0)
    a.abort()
    assert isinstance(reader.get(), StreamBroken)


def abort_wakes_a_writer(a: Stream, b: Stream) -> None:
    writer = gevent.spawn(outcome, lambda: a.write_all(bytes(MANY)))
    gevent.sleep(0)
    assert not writer.ready()
    a.abort()
    assert isinstance(writer.get(), StreamBroken)


def abort_may_come_again_and_ends_every_verb(a: Stream, b: Stream) -> None:
    a.abort()
    a.abort()
    for verb in (a.read_some, lambda: a.write_all(b"x"), a.finish):
        with pytest.raises(StreamBroken):
            verb()


def a_peer_that_aborts_over_unread_bytes_breaks_the_stream(a: Stream, b: Stream) -> None:
    a.write_all(bytes(1000))
    b.abort()
    with pytest.raises(StreamBroken):
        flood(a, bytes(MANY))


def floods_in_both_directions_arrive_unharmed(a: Stream, b: Stream) -> None:
    up, down = noise(MANY, 2), noise(MANY, 3)
    there, back = gevent.spawn(digest, b), gevent.spawn(digest, a)
    writers = [gevent.spawn(flood, a, up), gevent.spawn(flood, b, down)]
    gevent.joinall(writers, raise_error=True)
    assert there.get() == hashlib.sha256(up).digest()
    assert back.get() == hashlib.sha256(down).digest()


def a_write_larger_than_the_buffers_arrives_whole(a: Stream, b: Stream) -> None:
    head, body = noise(PIECE, 4), noise(PIECE, 5)
    reader = gevent.spawn(read_to_end, b)
    assert a.write_all(head, body) is False
    a.finish()
    assert reader.get() == head + body


CLAIMS: tuple[Callable[[Stream, Stream], None], ...] = (
    bytes_arrive_in_both_directions,
    segments_arrive_as_one_run_of_bytes,
    writing_nothing_is_no_end,
    more_segments_than_one_call_takes_arrive,
    what_ended_one_way_goes_on_the_other,
    finishing_over_unread_bytes_loses_none_of_them,
    who_has_hung_up_is_known_though_its_bytes_lie_unread,
    abort_wakes_a_reader,
    abort_wakes_a_writer,
    abort_may_come_again_and_ends_every_verb,
    a_peer_that_aborts_over_unread_bytes_breaks_the_stream,
    floods_in_both_directions_arrive_unharmed,
)


# -- Greenlets of the claims ---------------------------------------------------------


def outcome(verb: Callable[[], object]) -> object:
    """What the verb returned or how the stream broke."""
    try:
        return verb()
    except StreamBroken as broken:
        return broken


def flood(stream: Stream, data: bytes) -> None:
    for start in range(0, len(data), PIECE):
        stream.write_all(data[start : start + PIECE])
    stream.finish()


def digest(stream: Stream) -> bytes:
    return hashlib.sha256(read_to_end(stream)).digest()
