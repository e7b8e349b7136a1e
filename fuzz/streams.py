"""Streams of frames that are almost right, made from a seed.

Whole messages in one or more fragments with controls in between, then as a
rule one thing wrong: a frame's first byte, length, mask or body, or the bytes
themselves.  Only what is nearly valid tells two readers apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from wsproxy_gevent.wire.mask import apply_mask

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10

_SIZES = (0, 0, 1, 2, 5, 20, 124, 125, 126, 127, 300)
_LONG_SIZES = (65535, 65536, 70000)
_CODES = (
    *(999, 1000, 1000, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1010, 1011, 1012, 1013),
    *(1014, 1015, 1016, 1100, 2000, 2999, 3000, 3999, 4000, 4999, 5000, 0, 65535),
)
_REASONS = (b"", b"bye", "€".encode(), b"\xff", b"\xe2\x82", b"x" * 123, "ß".encode() * 61)

# Pieces of text at the edges of UTF-8, the right ones first.
_RIGHT = (
    *(b"", b"a", b"Hello", "µ".encode(), "€".encode(), "𝄞".encode(), b"\xef\xbf\xbd"),
    *(b"\x7f", b"\xc2\x80", b"\xe0\xa0\x80", b"\xed\x9f\xbf", b"\xf0\x90\x80\x80"),
    *(b"\xf4\x8f\xbf\xbf", b"\xee\x80\x80", b"\0"),
)
_WRONG = (
    *(b"\x80", b"\xff", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"),
    *(b"\xf8\x88\x80\x80\x80", b"\xe2\x82", b"\xf0\x9f\x98", b"\xc2", b"\xed\xa0", b"\xc3("),
)


@dataclass
class Frame:
    """What stands in a frame; `form` is how many bytes its length takes, None for the fewest."""

    first: int
    payload: bytes
    masked: bool
    form: int | None = None
    announced: int | None = None

    def wire(self, key: bytes) -> bytes:
        body = apply_mask(self.payload, key) if self.masked else self.payload
        return bytes((self.first,)) + self._length() + (key if self.masked else b"") + body

    def _length(self) -> bytes:
        length = len(self.payload) if self.announced is None else self.announced
        form = _form_of(length) if self.form is None else self.form
        mask = self.masked << 7
        if not form:
            return bytes((mask | length & 0x7F,))
        short = 126 if form == 2 else 127
        return bytes((mask | short,)) + (length % (1 << 8 * form)).to_bytes(form)


def _form_of(length: int) -> int:
    return 0 if length < 126 else 2 if length < 1 << 16 else 8


@dataclass(frozen=True)
class Stream:
    """What comes to a reader.  `client` says that the reader is one."""

    wire: bytes
    client: bool


def stream(seed: int) -> Stream:
    chance = Random(seed)
    client = chance.random() < 0.25
    frames: list[Frame] = []
    for _ in range(chance.randint(1, 4)):
        frames += _message(chance, masked=not client)
    if chance.random() < 0.3:
        frames.append(_close(chance, masked=not client))
    if chance.random() < 0.5:
        chance.choice(_FAULTS)(chance.choice(frames), chance)
    key = chance.randbytes(4)
    wire = b"".join(frame.wire(key) for frame in frames)
    for _ in range(chance.choice((0, 0, 0, 0, 1, 1, 2))):
        wire = chance.choice(_ACCIDENTS)(wire, chance) or wire
    return Stream(wire, client)


# -- Messages --------------------------------------------------------------------


def _message(chance: Random, *, masked: bool) -> list[Frame]:
    """A message in one to five frames, controls among them."""
    opcode = chance.choice((TEXT, BINARY))
    payload = _text(chance) if opcode == TEXT else _bytes(chance)
    count = chance.choice((1, 1, 1, 2, 3, 5))
    places = sorted(chance.randrange(len(payload) + 1) for _ in range(count - 1))
    frames: list[Frame] = []
    for number, (start, stop) in enumerate(
        zip((0, *places), (*places, len(payload)), strict=True), 1
    ):
        first = (0x80 if number == count else 0) | (opcode if number == 1 else 0)
        frames.append(Frame(first, payload[start:stop], masked))
        if chance.random() < 0.2:
            frames.append(_control(chance, masked=masked))
    return frames


def _text(chance: Random) -> bytes:
    pieces = [chance.choice(_RIGHT) for _ in range(chance.randint(0, 6))]
    if chance.random() < 0.15:
        pieces.insert(chance.randint(0, len(pieces)), chance.choice(_WRONG))
    return b"".join(pieces) * (chance.choice(_SIZES) if chance.random() < 0.1 else 1)


def _bytes(chance: Random) -> bytes:
    sizes = _LONG_SIZES if chance.random() < 0.01 else _SIZES
    return chance.randbytes(chance.choice(sizes))


def _control(chance: Random, *, masked: bool) -> Frame:
    if chance.random() < 0.15:
        return _close(chance, masked=masked)
    payload = chance.randbytes(chance.choice((0, 1, 4, 124, 125)))
    return Frame(0x80 | chance.choice((PING, PONG)), payload, masked)


def _close(chance: Random, *, masked: bool) -> Frame:
    body = chance.choice(_CODES).to_bytes(2) + chance.choice(_REASONS)
    odd = chance.random()
    return Frame(0x80 | CLOSE, b"" if odd < 0.15 else body[:1] if odd < 0.2 else body, masked)


# -- Faults ------------------------------------------------------------------------


def _other_opcode(frame: Frame, chance: Random) -> None:
    frame.first = frame.first & 0xF0 | chance.randrange(16)


def _other_fin(frame: Frame, chance: Random) -> None:
    frame.first ^= 0x80


def _reserved(frame: Frame, chance: Random) -> None:
    frame.first |= chance.randrange(1, 8) << 4


def _other_mask(frame: Frame, chance: Random) -> None:
    frame.masked = not frame.masked


def _longer_form(frame: Frame, chance: Random) -> None:
    frame.form = chance.choice((2, 8))


def _edge_form(frame: Frame, chance: Random) -> None:
    """The longest length that a shorter form could say, and the first that it could not."""
    frame.form, frame.announced = chance.choice(((2, 125), (2, 126), (8, 65535), (8, 65536)))


def _other_length(frame: Frame, chance: Random) -> None:
    near = len(frame.payload) + chance.choice((-1, 1, 2, 126))
    frame.announced = max(0, chance.choice((near, 125, 126, 127, 65535, 65536, 1 << 16, 1 << 31)))


def _huge_length(frame: Frame, chance: Random) -> None:
    frame.form, frame.announced = (
        8,
        chance.choice((1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)),
    )


def _longer_body(frame: Frame, chance: Random) -> None:
    frame.payload += bytes(126)


_FAULTS = (
    *(_other_opcode, _other_fin, _reserved, _other_mask),
    *(_longer_form, _edge_form, _other_length, _huge_length, _longer_body),
)


# -- Accidents ------------------------------------------------------------------------


def _flip(wire: bytes, chance: Random) -> bytes:
    at = chance.randrange(len(wire))
    return wire[:at] + bytes((wire[at] ^ 1 << chance.randrange(8),)) + wire[at + 1 :]


def _drop(wire: bytes, chance: Random) -> bytes:
    at = chance.randrange(len(wire))
    return wire[:at] + wire[at + chance.randint(1, 4) :]


def _insert(wire: bytes, chance: Random) -> bytes:
    at = chance.randrange(len(wire) + 1)
    return wire[:at] + chance.randbytes(chance.randint(1, 4)) + wire[at:]


def _repeat(wire: bytes, chance: Random) -> bytes:
    at = chance.randrange(len(wire))
    return wire + wire[at:]


def _end(wire: bytes, chance: Random) -> bytes:
    return wire[: chance.randrange(1, len(wire) + 1)]


_ACCIDENTS = (_flip, _drop, _insert, _repeat, _end, _end)
