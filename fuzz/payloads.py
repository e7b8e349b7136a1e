"""What frames carry: base64, UTF-8 and the mask, each beside a slow and plain rendering."""

from __future__ import annotations

import base64
import re

from wsproxy_gevent.errors import BadPayload
from wsproxy_gevent.wire.mask import apply_mask, xor_as_integers
from wsproxy_gevent.wire.payload import (
    Base64Decoder,
    Base64Encoder,
    Decoder,
    PayloadKind,
    decoders,
)
from wsproxy_gevent.wire.session import Opcode
from wsproxy_gevent.wire.text import TextEncoder

from .feeding import Input, held_bytes, read_input

_LETTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
# How many pads may follow so many letters of a quantum.
_PADS = (0, 0, 2, 1, 0)

_CHARACTERS = re.compile(
    rb"(?:[\0-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]"
    rb"|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})*+"
)
_BEGUN = re.compile(
    rb"(?:\xe0[\xa0-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]|\xed[\x80-\x9f]"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]?|[\xf1-\xf3][\x80-\xbf]{1,2}|\xf4[\x80-\x8f][\x80-\xbf]?"
    rb"|[\xc2-\xf4])?"
)

Decoded = tuple[bytes, bool]


def decoded(decoder: Decoder, pieces: list[bytes], *, final: bool) -> Decoded:
    """All that a decoder makes of a message, and whether it found fault."""
    got = b""
    for number, piece in enumerate(pieces, 1):
        made, fault = decoder.decode(piece, final=final and number == len(pieces))
        got += made
        if fault:
            assert isinstance(fault, BadPayload)
            return got, True
    assert held_bytes(decoder) <= 4
    return got, False


def base64_stream(data: bytes) -> None:
    given = read_input(data)
    plain, fault, begun = plainly(given.body)
    for pieces in ([given.body], given.pieces):
        decoder = Base64Decoder()
        assert decoded(decoder, pieces, final=False) == (plain, fault)
        assert fault or bool(decoder.end()) == begun
    _check_encoder(given)


def plainly(text: bytes) -> tuple[bytes, bool, bool]:
    """Character by character: the bytes, whether there is a fault, or a quantum begun."""
    made, quantum = b"", b""
    for at in range(len(text)):
        if text[at] in b" \t\r\n":
            continue
        quantum += text[at : at + 1]
        letters = quantum.rstrip(b"=")
        if not _LETTERS.issuperset(letters) or len(quantum) - len(letters) > _PADS[len(letters)]:
            return made, True, False
        if len(quantum) == 4:
            made, quantum = made + base64.b64decode(quantum), b""
    return made, False, bool(quantum)


def _check_encoder(given: Input) -> None:
    encoder = Base64Encoder()
    *some, last = given.pieces or [b""]
    text = b"".join(bytes(encoder.piece(piece, final=False)) for piece in some)
    text += encoder.piece(last, final=True)
    assert text == base64.b64encode(given.body) == encoder.whole(given.body)


def utf8(data: bytes) -> None:
    """The text passes up to the first byte that no UTF-8 has there, and no further."""
    given = read_input(data)
    final = bool(given.variant & 1)
    end = _CHARACTERS.match(given.body).end()  # type: ignore[union-attr]  # matches always
    good = _BEGUN.match(given.body, end).end()  # type: ignore[union-attr]
    fault = good < len(given.body) or (final and good > end)
    for pieces in ([given.body], given.pieces or [b""]):
        checker = decoders(PayloadKind.VERBATIM, check_text=True)[Opcode.TEXT]
        assert decoded(checker, pieces, final=final) == (given.body[:good], fault)


def text(data: bytes) -> None:
    """The target's bytes go out as whole characters, up to the first that is none."""
    given = read_input(data)
    encoder = TextEncoder()
    end = _CHARACTERS.match(given.body).end()  # type: ignore[union-attr]  # matches always
    sent = b""
    for piece in given.pieces:
        whole = bytes(encoder.whole(piece))
        whole.decode()
        sent += whole
    assert held_bytes(encoder) <= 3
    assert sent == given.body[:end]
    broken = _BEGUN.match(given.body, end).end() < len(given.body)  # type: ignore[union-attr]
    # Python waits for the third byte of a surrogate.
    if given.body[end:] not in _SURROGATES_BEGUN:
        assert bool(encoder.complaint(ended=False)) == broken
    assert bool(encoder.complaint(ended=True)) == (end < len(given.body))


_SURROGATES_BEGUN = frozenset(b"\xed" + bytes((second,)) for second in range(0xA0, 0xC0))


def mask(data: bytes) -> None:
    """Both ways to mask are the loop of section 5.3, wherever a piece begins."""
    given = read_input(data)
    key, body = (given.body + bytes(4))[:4], given.body[4:]
    slow = bytes(byte ^ key[at & 3] for at, byte in enumerate(body, given.variant))
    turn = given.variant & 3
    assert apply_mask(body, key, given.variant) == slow
    assert apply_mask(memoryview(slow), key, given.variant) == body
    assert xor_as_integers(bytearray(body), key[turn:] + key[:turn]) == slow
    at = 0
    for piece in given.pieces:
        stop = at + len(piece)
        assert apply_mask(body[at:stop], key, given.variant + at) == slow[at:stop]
        at = stop
