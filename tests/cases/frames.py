"""WebSocket frames as literal bytes, and what a server must make of them.

Most are masked with the key 00 00 00 00, so that their payload can be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from wsproxy_gevent.model import Buffer
from wsproxy_gevent.wire.session import (
    A_FEW_PINGS,
    Close,
    Data,
    Event,
    Failed,
    Ping,
    Pong,
    Session,
)

Told = list[tuple[Any, ...]]
Case = tuple[bytes, Told]

KEY = b"\x37\xfa\x21\x3d"
NO_KEY = b"\0\0\0\0"


# -- Saying what was heard --------------------------------------------------------


def told(events: Iterable[Event]) -> Told:
    """The events as plain tuples; pieces of a message that touch are joined."""
    said: Told = []
    for event in events:
        fact = _fact(event)
        if said and fact[0] == said[-1][0] == "data" and not said[-1][3]:
            before = said.pop()
            assert before[1] == fact[1]
            fact = ("data", fact[1], before[2] + fact[2], fact[3])
        said.append(fact)
    return said


def _fact(event: Event) -> tuple[Any, ...]:
    match event:
        case Data(payload, opcode, final):
            return ("data", opcode.name, bytes(payload), final)
        case Ping(payload):
            return ("ping", payload)
        case Pong(payload):
            return ("pong", payload)
        case Close(code, reason):
            return ("close", code, reason)
        case Failed(error):
            assert len(error.reason.encode()) <= 123
            return ("failed", error.close_code, error.reason)


def text(payload: bytes, final: bool = True) -> tuple[Any, ...]:
    return ("data", "TEXT", payload, final)


def binary(payload: bytes, final: bool = True) -> tuple[Any, ...]:
    return ("data", "BINARY", payload, final)


def ping(payload: bytes = b"") -> tuple[Any, ...]:
    return ("ping", payload)


def pong(payload: bytes = b"") -> tuple[Any, ...]:
    return ("pong", payload)


def close(code: int | None = None, reason: str = "") -> tuple[Any, ...]:
    return ("close", code, reason)


def failed(code: int, reason: str) -> tuple[Any, ...]:
    return ("failed", code, reason)


# -- Feeding ----------------------------------------------------------------------


def cuttings(wire: bytes) -> Iterator[list[bytes]]:
    """The stream whole, in two pieces at each byte, and byte by byte."""
    yield [wire]
    for cut in range(len(wire) + 1):
        yield [wire[:cut], wire[cut:]]
    yield [wire[at : at + 1] for at in range(len(wire))]


def feed(session: Session, pieces: Iterable[Buffer]) -> list[Event]:
    """Each read, and what is pending behind it."""
    events = []
    for piece in pieces:
        events += session.receive(piece)
        while session.pending:
            events += session.receive(b"")
    return events


def check_gist(session: Session, pieces: Iterable[Buffer], facts: Told) -> None:
    """Who does not care for boundaries hears the same payload, Pings and end.

    Of a flood of Pings the last stands for all, and one Pong for several.
    """
    payload, others = b"", list[Event]()
    for piece in pieces:
        some, events = session.payload_of(piece)
        payload, others = payload + some, others + events
        while session.pending:
            some, events = session.payload_of(b"")
            payload, others = payload + some, others + events
    heard = told(others)
    assert payload == b"".join(fact[2] for fact in facts if fact[0] == "data")
    pings, expected = _of(heard, "ping"), _of(facts, "ping")
    few = len(expected) <= A_FEW_PINGS
    assert pings == expected if few else pings[-1:] == expected[-1:]
    assert bool(_of(heard, "pong")) == bool(_of(facts, "pong"))
    assert _of(heard, "close", "failed") == _of(facts, "close", "failed")
    assert not _of(heard, "data")


def _of(facts: Told, *words: str) -> Told:
    return [fact for fact in facts if fact[0] in words]


def check(open_one: Callable[[], Session], wire: bytes, expected: Told) -> None:
    """Each way to cut the stream tells the same, and its end is an end."""
    for pieces in cuttings(wire):
        assert told(feed(open_one(), pieces)) == expected, pieces
        check_gist(open_one(), pieces, expected)
    if expected and expected[-1][0] in ("close", "failed"):
        for rubbish in (b"\0", b"\xff\x00", b"\x82\x81\0\0\0\0x", b"\x88\x80\0\0\0\0" * 9):
            for pieces in ([wire + rubbish], [wire, rubbish]):
                session = open_one()
                assert told(feed(session, pieces)) == expected, pieces
                assert not session.mid_frame


# -- RFC 6455, section 5.7 ----------------------------------------------------------

# Unmasked, as a server sends them.
EXAMPLES_OF_A_SERVER: dict[str, Case] = {
    "a single-frame unmasked text message": (b"\x81\x05Hello", [text(b"Hello")]),
    "a fragmented unmasked text message": (b"\x01\x03Hel\x80\x02lo", [text(b"Hello")]),
    "unmasked ping": (b"\x89\x05Hello", [ping(b"Hello")]),
    "256 bytes binary": (b"\x82\x7e\x01\x00" + b"b" * 256, [binary(b"b" * 256)]),
}

EXAMPLES_OF_A_CLIENT: dict[str, Case] = {
    "a single-frame masked text message": (
        b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
        [text(b"Hello")],
    ),
    "masked ping response": (
        b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
        [pong(b"Hello")],
    ),
}

# -- What is allowed ---------------------------------------------------------------

GOOD: dict[str, Case] = {
    "nothing": (b"", []),
    "an empty text": (b"\x81\x80\0\0\0\0", [text(b"")]),
    "an empty binary under a key": (b"\x82\x80\x37\xfa\x21\x3d", [binary(b"")]),
    "text that is not UTF-8": (b"\x81\x82\0\0\0\0\xff\xfe", [text(b"\xff\xfe")]),
    "two messages": (
        b"\x82\x81\0\0\0\0a\x81\x81\0\0\0\0b",
        [binary(b"a"), text(b"b")],
    ),
    "125 bytes": (b"\x82\xfd\0\0\0\0" + b"x" * 125, [binary(b"x" * 125)]),
    "126 bytes": (b"\x82\xfe\x00\x7e\0\0\0\0" + b"x" * 126, [binary(b"x" * 126)]),
    "three fragments": (
        b"\x02\x81\0\0\0\0a\x00\x82\0\0\0\0bc\x80\x81\0\0\0\0d",
        [binary(b"abcd")],
    ),
    "empty first, middle and last fragments": (
        b"\x01\x80\0\0\0\0\x00\x80\0\0\0\0\x00\x81\0\0\0\0a\x80\x80\0\0\0\0",
        [text(b"a")],
    ),
    "a message of empty fragments": (
        b"\x02\x80\0\0\0\0\x80\x80\0\0\0\0",
        [binary(b"")],
    ),
    "controls between fragments": (
        b"\x01\x81\0\0\0\0a\x89\x81\0\0\0\0p\x00\x81\0\0\0\0b\x8a\x80\0\0\0\0\x80\x81\0\0\0\0c",
        [text(b"a", False), ping(b"p"), text(b"b", False), pong(), text(b"c")],
    ),
    "an open message that stays open": (b"\x02\x81\0\0\0\0a", [binary(b"a", False)]),
    "a ping of 125 bytes": (b"\x89\xfd\0\0\0\0" + b"p" * 125, [ping(b"p" * 125)]),
    "an empty close": (b"\x88\x80\0\0\0\0", [close()]),
    "a close with a code": (b"\x88\x82\0\0\0\0\x03\xe8", [close(1000)]),
    "a close with a reason": (
        b"\x88\x89\0\0\0\0\x03\xe9bye \xe2\x82\xac",
        [close(1001, "bye €")],
    ),
    "a close inside a message": (
        b"\x02\x81\0\0\0\0a\x88\x80\0\0\0\0",
        [binary(b"a", False), close()],
    ),
    "messages, then a close": (
        b"\x82\x81\0\0\0\0a\x82\x81\0\0\0\0b\x88\x80\0\0\0\0",
        [binary(b"a"), binary(b"b"), close()],
    ),
}

# -- What is not -------------------------------------------------------------------

_RESERVED = failed(1002, "reserved bits are set, and no extension was agreed on")
_OPCODE = failed(1002, "the opcode is reserved")
_UNMASKED = failed(1002, "a client must mask its frames (RFC 6455, section 5.1)")
_FRAGMENTED = failed(1002, "a control frame is fragmented")
_LONG = failed(1002, "a control frame is longer than 125 bytes")
_SHORTEST = failed(1002, "a length is not in its shortest form")
_HUGE = failed(1002, "a length of 2^63 bytes or more is not allowed")
_NO_START = failed(1002, "a continuation has no message to continue")
_NO_END = failed(1002, "a message begins before the last one has ended")

BAD: dict[str, Case] = {
    "RSV1": (b"\xc2\x81\0\0\0\0a", [_RESERVED]),
    "RSV2": (b"\xa2\x81\0\0\0\0a", [_RESERVED]),
    "RSV3, its first byte alone": (b"\x92", [_RESERVED]),
    "RSV1 on a control": (b"\xc9\x80\0\0\0\0", [_RESERVED]),
    "RSV1 behind a good message": (
        b"\x82\x81\0\0\0\0a\xc2\x81\0\0\0\0b",
        [binary(b"a"), _RESERVED],
    ),
    **{
        f"opcode {number:x}": (bytes((0x80 | number, 0x80)) + NO_KEY, [_OPCODE])
        for number in (3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF)
    },
    "an unmasked text": (b"\x81\x05Hello", [_UNMASKED]),
    "an unmasked ping": (b"\x89\x00", [_UNMASKED]),
    "an unmasked long frame, two bytes of it": (b"\x82\x7f", [_UNMASKED]),
    "a fragmented ping": (b"\x09\x80\0\0\0\0", [_FRAGMENTED]),
    "a fragmented close": (b"\x08", [_FRAGMENTED]),
    "a ping of 126 bytes, two bytes of it": (b"\x89\xfe", [_LONG]),
    "a close with a 64-bit length": (b"\x88\xff", [_LONG]),
    "125 in 16 bits": (b"\x82\xfe\x00\x7d", [_SHORTEST]),
    "0 in 16 bits": (b"\x82\xfe\x00\x00\0\0\0\0", [_SHORTEST]),
    "65535 in 64 bits": (b"\x82\xff\0\0\0\0\0\0\xff\xff", [_SHORTEST]),
    "5 in 64 bits": (b"\x82\xff\0\0\0\0\0\0\0\x05\0\0\0\0Hello", [_SHORTEST]),
    "2^63, three bytes of it": (b"\x82\xff\x80", [_HUGE]),
    "2^64 - 1": (b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff", [_HUGE]),
    "a continuation at first": (b"\x80\x81\0\0\0\0a", [_NO_START]),
    "a continuation behind a whole message": (
        b"\x82\x81\0\0\0\0a\x00\x81\0\0\0\0b",
        [binary(b"a"), _NO_START],
    ),
    "a text inside a message": (
        b"\x01\x81\0\0\0\0a\x81\x81\0\0\0\0b",
        [text(b"a", False), _NO_END],
    ),
    "a first fragment inside a message": (
        b"\x02\x81\0\0\0\0a\x02",
        [binary(b"a", False), _NO_END],
    ),
    "a close of one byte": (
        b"\x88\x81\0\0\0\0\x03",
        [failed(1002, "a Close has half a code")],
    ),
    "a reason that is not UTF-8": (
        b"\x88\x84\0\0\0\0\x03\xe8\xc3\x28",
        [failed(1007, "the reason of a Close is not UTF-8")],
    ),
    "a reason that ends inside a character": (
        b"\x82\x81\0\0\0\0a\x88\x84\0\0\0\0\x03\xe8\xe2\x82",
        [binary(b"a"), failed(1007, "the reason of a Close is not UTF-8")],
    ),
}

LEGAL_CODES = (1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 3999, 4000, 4999)
ILLEGAL_CODES = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)

# -- UTF-8, where it is checked --------------------------------------------------------

_NOT_UTF8 = failed(1007, "the text is not UTF-8 (RFC 3629)")

# (payload, the bytes in front of the fault, or None if there is no fault)
UTF8: dict[str, tuple[bytes, bytes | None]] = {
    "empty": (b"", None),
    "ASCII": (b"Hello", None),
    "two, three and four bytes": ("µ€𝄞".encode(), None),
    "the last character": (b"\xf4\x8f\xbf\xbf", None),
    "a lone continuation": (b"a\x80b", b"a"),
    "an overlong solidus": (b"a\xc0\xaf", b"a"),
    "an overlong of three": (b"a\xe0\x80\xaf", b"a\xe0"),
    "a surrogate": (b"a\xed\xa0\x80", b"a\xed"),
    "a surrogate begun": (b"a\xed\xbf", b"a\xed"),
    "what comes before the surrogates": (b"\xed\x9f\xbf", None),
    "beyond the last character": (b"a\xf4\x90\x80\x80", b"a\xf4"),
    "a leading byte of five": (b"\xf8\x88\x80\x80\x80", b""),
    "a character broken off": (b"\xe2\x82A", b"\xe2\x82"),
    "a character broken off by another": (b"a\xf0\x9f\x98\xe2\x82\xac", b"a\xf0\x9f\x98"),
    "an end inside a character": (b"a\xe2\x82", b"a\xe2\x82"),
}


def checked(payload: bytes, good: bytes | None) -> Told:
    """What a session says that checks this text."""
    if good is None:
        return [text(payload)]
    return [text(good, False), _NOT_UTF8] if good else [_NOT_UTF8]


# -- Base64 ------------------------------------------------------------------------

# (characters, bytes that come of them, whether a fault follows)
BASE64: dict[str, tuple[bytes, bytes, bool]] = {
    "nothing": (b"", b"", False),
    "no padding": (b"UkZC", b"RFB", False),
    "one pad": (b"UkY=", b"RF", False),
    "two pads": (b"Ug==", b"R", False),
    "every character": (
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        bytes.fromhex(
            "00108310518720928b30d38f41149351559761969b71d79f8218a39259a7a29aabb2dbaf"
            "c31cb3d35db7e39ebbf3dfbf"
        ),
        False,
    ),
    "messages one behind the other": (b"Ug==UkY=UkZCUg==", b"RRFRFBR", False),
    "a quantum begun": (b"UkZCUk", b"RFB", False),
    "a quantum begun, with a pad": (b"UkZCUg=", b"RFB", False),
    "white space everywhere": (b" U k\tY\r\n=\nUg=\r\n= ", b"RFR", False),
    "white space only": (b"\r\n \t", b"", False),
    "loose bits in a last letter": (b"Uh==", b"R", False),
    "a character of another alphabet": (b"UkZCUk-_", b"RFB", True),
    "a fault inside a quantum begun": (b"UkZCU*", b"RFB", True),
    "a NUL": (b"UkZC\0", b"RFB", True),
    "a byte over 127": (b"\xe9", b"", True),
    "a vertical tab": (b"UkZC\x0b", b"RFB", True),
    "padding first": (b"=", b"", True),
    "padding behind a quantum": (b"UkZC=", b"RFB", True),
    "padding behind one letter": (b"UkZCU=", b"RFB", True),
    "padding of four": (b"UkZC====", b"RFB", True),
    "padding of three": (b"Ug===", b"R", True),
    "a letter behind one pad of two": (b"UkZCUg=A", b"RFB", True),
    "a fault behind padding": (b"Ug==*", b"R", True),
}

NOT_BASE64 = "the payload is not base64 (RFC 4648, section 4)"
CUT_BASE64 = "the base64 ends inside a quantum"


def held_bytes(thing: object) -> int:
    """The bytes that an object and its parts keep, buffers only."""
    if isinstance(thing, bytes | bytearray | memoryview | str):
        return len(thing)
    if isinstance(thing, dict | list | set | tuple):
        parts = list(thing.values()) if isinstance(thing, dict) else list(thing)
        # Tables that all sessions share are not a session's own.
        return 0 if len(parts) == 256 else sum(map(held_bytes, parts))
    if hasattr(thing, "held_bytes"):  # of a compiled one, which has no attributes
        return int(thing.held_bytes)
    if not type(thing).__module__.startswith("wsproxy_gevent.wire"):
        return 0
    slots = getattr(type(thing), "__slots__", ())
    names = [*slots, *getattr(thing, "__dict__", {})]
    return sum(held_bytes(getattr(thing, name)) for name in names)
