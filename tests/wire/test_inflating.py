"""Reading compressed messages, in literal bytes (RFC 7692)."""

from __future__ import annotations

import tracemalloc
import zlib

import pytest

from tests.cases.deflate import (
    BAD,
    EXAMPLES,
    GOOD,
    HELLO,
    HELLO_AGAIN,
    NOT_DEFLATE,
    UNFOLDS,
    frame,
    masked,
    zeros,
)
from tests.cases.frames import BAD as PLAIN_BAD
from tests.cases.frames import GOOD as PLAIN_GOOD
from tests.cases.frames import Case, binary, check, failed, feed, held_bytes, ping, text, told
from wsproxy_gevent.model import Dialect
from wsproxy_gevent.wire.deflate import CHUNK, FREE, STEP, Deflate, Side
from wsproxy_gevent.wire.hybi import HybiSession
from wsproxy_gevent.wire.inflating import ROOM
from wsproxy_gevent.wire.payload import PayloadKind
from wsproxy_gevent.wire.session import FRAMES_AT_ONCE, Data, Event, Failed

MEGABYTE = 1 << 20

# What one call may hand on: its room, and the chunk that fills it.
MOST_AT_ONCE = ROOM + CHUNK


def server(
    kind: PayloadKind = PayloadKind.BINARY,
    *,
    takeover: bool = True,
    check_text: bool = False,
) -> HybiSession:
    agreed = Deflate(client=Side(takeover=takeover))
    return HybiSession(Dialect.RFC_6455, kind, check_text=check_text, deflate=agreed)


def size_of(events: list[Event]) -> int:
    return sum(len(event.payload) for event in events if isinstance(event, Data))


# -- Messages ---------------------------------------------------------------------------


@pytest.mark.parametrize("case", EXAMPLES.values(), ids=EXAMPLES)
def test_the_examples_of_the_rfc_are_read(case: Case) -> None:
    check(server, *case)


@pytest.mark.parametrize("case", GOOD.values(), ids=GOOD)
def test_what_the_rfc_allows_is_read(case: Case) -> None:
    check(server, *case)


@pytest.mark.parametrize("case", BAD.values(), ids=BAD)
def test_what_it_forbids_fails_behind_what_came_before(case: Case) -> None:
    check(server, *case)


@pytest.mark.parametrize("case", PLAIN_GOOD.values(), ids=PLAIN_GOOD)
def test_messages_that_are_not_compressed_are_what_they_were(case: Case) -> None:
    check(server, *case)


@pytest.mark.parametrize("name", [name for name in PLAIN_BAD if not name.startswith("RSV")])
def test_faults_are_what_they_were(name: str) -> None:
    check(server, *PLAIN_BAD[name])


def test_without_takeover_each_message_begins_anew() -> None:
    wire = masked(0xC1, HELLO) + masked(0xC1, HELLO)
    check(lambda: server(takeover=False), wire, [text(b"Hello")] * 2)
    wire = masked(0xC1, HELLO) + masked(0xC1, HELLO_AGAIN)
    check(lambda: server(takeover=False), wire, [text(b"Hello"), text(b"H", False), NOT_DEFLATE])


def test_a_message_is_handed_on_as_it_comes() -> None:
    session = server()
    assert told(session.receive(b"\xc2\x8b\0\0\0\0\x00\x05\x00\xfa\xffHe")) == [
        binary(b"He", False)
    ]
    assert session.mid_frame
    assert told(session.receive(b"llo")) == [binary(b"llo", False)]
    assert told(session.receive(b"\x00")) == [binary(b"")]
    assert not session.mid_frame


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_read_may_be_any_buffer_and_be_used_again(kind: type) -> None:
    session = server()
    wire = bytearray(masked(0xC2, zeros(1)) + masked(0x89, b"still here"))
    events = session.receive(wire if kind is bytearray else kind(bytes(wire)))
    wire[:] = bytes(len(wire))
    assert session.pending
    assert told(events + feed(session, [b""])) == [binary(bytes(MEGABYTE)), ping(b"still here")]


@pytest.mark.parametrize("first", [0x82, 0x89, 0xC2])
def test_a_read_of_very_many_frames_is_handed_on_in_portions(first: int) -> None:
    session, unit = server(), masked(first, b"")
    events = session.receive(unit * 3000)
    assert len(events) <= FRAMES_AT_ONCE + 1
    assert session.pending
    assert told(events + feed(session, [b""])) == told(feed(server(), [unit])) * 3000


# -- Below the payload's own encoding ------------------------------------------------------


def test_base64_is_decoded_behind_the_compression() -> None:
    wire = masked(0xC1, b"\x00\x08\x00\xf7\xffUkZCUg==\x00")
    check(lambda: server(PayloadKind.BASE64), wire, [text(b"RFBR")])
    wire = masked(0xC1, b"\x00\x05\x00\xfa\xffUkZC*\x00")
    fault = failed(1007, "the payload is not base64 (RFC 4648, section 4)")
    check(lambda: server(PayloadKind.BASE64), wire, [text(b"RFB", False), fault])


def test_text_is_checked_behind_the_compression_across_fragments() -> None:
    stored = b"\x00\x03\x00\xfc\xff\xe2\x82\xac\x00"
    for cut in range(len(stored) + 1):
        wire = masked(0x41, stored[:cut]) + masked(0x80, stored[cut:])
        assert told(feed(server(PayloadKind.TEXT), [wire])) == [text("€".encode())]


def test_bad_text_fails_at_the_byte_that_shows_it() -> None:
    wire = masked(0x41, b"\x00\x04\x00\xfb\xffHi\xff")
    fault = failed(1007, "the text is not UTF-8 (RFC 3629)")
    check(lambda: server(check_text=True), wire, [text(b"Hi", False), fault])


# -- Bombs --------------------------------------------------------------------------------


def portions(session: HybiSession, wire: bytes, read: int = 65536) -> list[list[Event]]:
    """What each call gives, in reads of that size, each drained before the next."""
    calls = []
    for at in range(0, len(wire), read):
        calls.append(session.receive(wire[at : at + read]))
        while session.pending:
            calls.append(session.receive(b""))
    return calls


def test_a_call_hands_on_a_bounded_portion_and_the_rest_when_asked() -> None:
    calls = portions(server(), masked(0xC2, zeros(1)) + masked(0x82, b"behind"))
    assert max(map(size_of, calls)) <= MOST_AT_ONCE
    assert told(event for call in calls for event in call) == [
        binary(bytes(MEGABYTE)),
        binary(b"behind"),
    ]


def test_who_does_not_drain_gets_the_same_in_the_end() -> None:
    session = server()
    events = session.receive(masked(0xC2, zeros(1))) + session.receive(masked(0x82, b"be"))
    events += session.receive(masked(0x82, b"hind"))
    assert told(events + feed(session, [b""])) == [
        binary(bytes(MEGABYTE)),
        binary(b"be"),
        binary(b"hind"),
    ]


def test_a_bomb_ends_in_1009_soon_and_costs_next_to_nothing() -> None:
    """A gigabyte in a megabyte, which itself is not counted."""
    session, wire = server(), frame(0xC2, zeros(1024))
    unfolded, last = 0, None
    tracemalloc.start()
    try:
        for at in range(0, len(wire), 65536):
            events = session.receive(wire[at : at + 65536])
            while session.pending:
                unfolded += size_of(events)
                events = session.receive(b"")
            last = events[-1] if events else last
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(last, Failed)
    assert (last.error.close_code, last.error.slug) == (1009, "payload-too-large")
    assert FREE < unfolded < FREE + 5 * MEGABYTE
    assert peak < MEGABYTE


@pytest.mark.parametrize("read", [1000, STEP, 65536])
def test_where_a_bomb_is_found_does_not_depend_on_its_reads(read: int) -> None:
    bomb = zeros(14)
    wire = masked(0x42, bomb[:3000]) + masked(0x00, b"") + masked(0x80, bomb[3000:])
    events = [event for call in portions(server(), wire, read) for event in call]
    assert told(events[-1:]) == [UNFOLDS]
    assert not any(event.final for event in events if isinstance(event, Data))
    looked_at = 3 * STEP  # the first that is behind what is free
    assert size_of(events) == len(zlib.decompressobj(-15).decompress(bomb[:looked_at]))


def test_a_message_that_ends_is_looked_at_before_its_end_is_told() -> None:
    events = feed(server(), [masked(0xC2, zeros(9))])
    assert size_of(events) == 9 * MEGABYTE
    assert not any(event.final for event in events if isinstance(event, Data))
    assert told(events[-1:]) == [UNFOLDS]


def test_a_bomb_in_small_frames_is_one_as_well() -> None:
    bomb = zeros(9)
    frames = [masked(0x00, bomb[at : at + 100]) for at in range(100, len(bomb), 100)]
    wire = b"".join([masked(0x42, bomb[:100]), *frames, masked(0x80, b"")])
    assert told(feed(server(), [wire])[-1:]) == [UNFOLDS]


def test_a_blank_screen_is_no_bomb_and_another_is_not_either() -> None:
    events = feed(server(), [masked(0xC2, zeros(8)) * 2])
    assert size_of(events) == 2 * FREE
    assert [event.final for event in events if isinstance(event, Data)].count(True) == 2
    assert not any(isinstance(event, Failed) for event in events)


def test_zeros_of_a_hasty_encoder_pass_in_any_size() -> None:
    """A level chosen for speed makes 229:1 of them."""
    hasty = zlib.compressobj(1, zlib.DEFLATED, -15)
    payload = hasty.compress(bytes(16 * MEGABYTE)) + hasty.flush(zlib.Z_SYNC_FLUSH)
    calls = portions(server(), frame(0xC2, payload[:-4]))
    sizes = [*map(size_of, calls)]
    assert sum(sizes) == 16 * MEGABYTE
    assert max(sizes) <= MOST_AT_ONCE
    assert not any(isinstance(event, Failed) for call in calls for event in call)


def test_a_flood_of_last_blocks_is_handed_on_in_portions() -> None:
    session = server()
    session.receive(masked(0xC2, b"\x03\x00" * 3000))
    calls = 1
    while session.pending:
        assert size_of(session.receive(b"")) == 0
        calls += 1
    assert 10 < calls < 100


def test_what_is_kept_between_messages_is_nothing() -> None:
    session = server()
    feed(session, [masked(0xC2, zeros(1))])
    assert held_bytes(session) < 100


def test_a_window_that_is_larger_than_agreed_is_read_wherever_it_is_cut() -> None:
    """zlib itself would take it whole, and refuse it in pieces."""
    unlike = bytes(range(256)) * 3
    encoder = zlib.compressobj(9, zlib.DEFLATED, -15)
    payload = encoder.compress(unlike[:600] + b"far back" + unlike + b"far back")
    wire = masked(0xC2, (payload + encoder.flush(zlib.Z_SYNC_FLUSH))[:-4])
    agreed = Deflate(client=Side(window_bits=9))
    check(
        lambda: HybiSession(Dialect.RFC_6455, PayloadKind.BINARY, deflate=agreed),
        wire,
        [binary(unlike[:600] + b"far back" + unlike + b"far back")],
    )
