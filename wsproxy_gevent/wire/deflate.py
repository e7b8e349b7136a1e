"""The codec of permessage-deflate: messages in and out of DEFLATE (RFC 7692, section 7.2).

A message is a stretch of one DEFLATE stream that ends in a sync flush, whose
last four bytes are not sent.  With context takeover the stream goes on from
message to message, else each message begins one of its own.

Output is made when it is asked for, at most `CHUNK` bytes at a time, so that
what a few bytes unfold to never stands in memory.  It is also bounded in
proportion, for it must go somewhere: a message that has unfolded to more
than `FREE` bytes, and to more than `MOST_RATIO` times what came, is given
up.  DEFLATE cannot do better than 1032:1, and nears it only with one byte
repeated (or two, three or four) in one long message of a thorough encoder.
So a bomb is caught soon after its first megabytes, and what else compresses
well is not: text, pictures and memory dumps are far below.  Browsers are
such encoders, though, and a page may send what is blank; `FREE` has room for
a blank screen (1920 by 1080, four bytes each), and an empty disk image comes
in pieces anyway.  Many such messages cost a target no more than it takes,
and us no more than one.

The proportion is looked at after each `STEP` bytes of a message and at its
end, never where a read happens to end; what is refused depends on the bytes
that have come, and not on how they were cut.

A block marked as the last (BFINAL) ends the stream, and what follows begins
another with an empty window, as zlib's own reset does.  An encoder that
refers back over such an end is found out by that reference.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from ..errors import MessageTooBig, ProtocolError
from ..model import Buffer

CHUNK = 64 << 10
STEP = 4 << 10

FREE = 8 << 20
MOST_RATIO = 1000

MOST_WINDOW_BITS = 15

# "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload of
# the message" (RFC 7692, section 7.2.2).
TAIL = b"\x00\x00\xff\xff"

# The header of an empty block on a byte's edge, which the tail completes.
_EMPTY_BLOCK = b"\x00"

# A connection's encoder stays for as long as it does, so it is a small one:
# these cost a sixth of zlib's defaults, which compress little better, and
# hold the others up for less time.
_LEVEL = 3
_MEMORY_LEVEL = 5

Inflated = tuple[bytes, ProtocolError | None]


@dataclass(frozen=True, slots=True)
class Side:
    """How one end compresses (RFC 7692, section 7.1).

    `window_bits` are 8 to 15 for a peer, and 9 to 15 for ourselves.  What we
    read is given the largest window, whatever was agreed: with a smaller one
    zlib would refuse a reference that goes back too far only when it has
    forgotten what is there, and that depends on how the stream was cut.
    """

    takeover: bool = True
    window_bits: int = MOST_WINDOW_BITS


@dataclass(frozen=True, slots=True)
class Deflate:
    """What both ends agreed on."""

    server: Side = Side()
    client: Side = Side()


class Inflater:
    """Incoming messages.  `begin`, then `feed` and `read` while `pending`, in turns.

    `pending` says that more can be read without being fed.
    """

    def __init__(self, *, takeover: bool) -> None:
        self._takeover = takeover
        self._stream: zlib._Decompress | None = None
        self._in_block = False  # whether the stream waits for the tail
        self._given = b""
        self._last = False
        self._came = 0
        self._made = 0
        self.pending = False

    @property
    def wanted(self) -> int:
        """How many bytes to feed at most: those to the next look at the proportion."""
        return STEP - self._came % STEP

    def begin(self) -> None:
        """A compressed message begins."""
        self._came = self._made = 0
        self._in_block = False

    def feed(self, piece: Buffer, *, last: bool) -> None:
        """The next `wanted` bytes of the message or less; none if nothing but `last` is said.

        A message without any byte is taken for an empty one.  Nothing may be
        fed while something is pending.
        """
        self._came += len(piece)
        self._last = last
        self._in_block = self._in_block or len(piece) > 0
        self._given = bytes(piece) + TAIL if last and self._in_block else bytes(piece)
        self.pending = True

    def read(self) -> Inflated:
        """At most `CHUNK` bytes of the message, and the fault behind them if any.

        Not to be called again after a fault.
        """
        chunk, fault = self._inflate()
        self._made += len(chunk)
        if not self.pending and fault is None:
            fault = self._out_of_proportion()
            self._let_go()
        return chunk, fault

    def _inflate(self) -> Inflated:
        stream, given = self._stream or self._open(), self._given
        before = stream.copy()
        try:
            chunk = stream.decompress(given, CHUNK)
        except zlib.error as error:
            self.pending = False
            fault = ProtocolError("the compressed data is not DEFLATE", detail=str(error))
            return _up_to_the_fault(before, given), fault
        self._given = self._behind_the_end(stream) if stream.eof else stream.unconsumed_tail
        # A chunk that is full may have cut a match in two.
        self.pending = bool(self._given) or (len(chunk) == CHUNK and not stream.eof)
        return chunk, None

    def _open(self) -> zlib._Decompress:
        self._stream = zlib.decompressobj(-MOST_WINDOW_BITS)
        return self._stream

    def _behind_the_end(self, stream: zlib._Decompress) -> bytes:
        """What came behind a last block.  If that was the message's end, it owes no tail."""
        self._stream = None
        rest = stream.unused_data
        if self._last and rest == TAIL:
            rest = b""
        self._in_block = bool(rest)
        return rest

    def _out_of_proportion(self) -> MessageTooBig | None:
        if not self._last and self._came % STEP:
            return None
        if self._made <= FREE or self._made <= MOST_RATIO * self._came:
            return None
        detail = f"{self._came} bytes were {self._made} and more"
        return MessageTooBig("a message unfolds to over 1000 times its size", detail=detail)

    def _let_go(self) -> None:
        """A stream that nothing will refer to need not be kept until the next message."""
        if self._last and not self._takeover:
            self._stream = None


def _up_to_the_fault(stream: zlib._Decompress, given: bytes) -> bytes:
    """What the bytes in front of the first faulty one unfold to.

    zlib keeps to itself what it made in the call that found the fault.
    """
    made = []
    try:
        for at in range(len(given)):
            made.append(stream.decompress(given[at : at + 1]))  # noqa: PERF401  # it raises
    except zlib.error:
        pass
    return b"".join(made)


class Deflater:
    """Outgoing messages, whole or piece by piece."""

    def __init__(self, window_bits: int, *, takeover: bool) -> None:
        self._window_bits = window_bits
        self._takeover = takeover
        self._stream: zlib._Compress | None = None

    def whole(self, payload: Buffer) -> bytes:
        return self.piece(payload, final=True)

    def piece(self, payload: Buffer, *, final: bool) -> bytes:
        """The next fragment's payload; all that was given can be read from it.

        Steps 1 to 3 of section 7.2.1, the last for the final one only.
        """
        stream = self._stream or self._open()
        squeezed = stream.compress(payload) + stream.flush(zlib.Z_SYNC_FLUSH)
        if not final:
            return squeezed
        if not self._takeover:
            self._stream = None
        # zlib does not flush twice in one place.
        return squeezed[: -len(TAIL)] if squeezed.endswith(TAIL) else _EMPTY_BLOCK

    def _open(self) -> zlib._Compress:
        self._stream = zlib.compressobj(_LEVEL, zlib.DEFLATED, -self._window_bits, _MEMORY_LEVEL)
        return self._stream
