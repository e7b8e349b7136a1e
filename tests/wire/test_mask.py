"""Masking, in C and in Python."""

from __future__ import annotations

import random

import pytest

from wsproxy_gevent.wire import mask
from wsproxy_gevent.wire.mask import apply_mask, xor_as_integers

KEY = b"\x37\xfa\x21\x3d"


def by_hand(data: bytes, key: bytes, offset: int) -> bytes:
    return bytes(byte ^ key[(at + offset) % 4] for at, byte in enumerate(data))


@pytest.fixture(params=["as installed", "in Python"])
def either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "in Python":
        monkeypatch.setattr(mask, "_xor", xor_as_integers)


@pytest.mark.usefixtures("either")
def test_the_example_of_the_rfc() -> None:
    assert apply_mask(b"Hello", KEY) == b"\x7f\x9f\x4d\x51\x58"
    assert apply_mask(b"\x7f\x9f\x4d\x51\x58", KEY) == b"Hello"


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("offset", [*range(9), 2**62 + 3])
def test_every_size_from_every_offset(offset: int) -> None:
    chance = random.Random(offset)
    for size in range(71):
        data, key = chance.randbytes(size), chance.randbytes(4)
        assert apply_mask(data, key, offset) == by_hand(data, key, offset)


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer_gives_fresh_bytes(kind: type) -> None:
    data = kind(b"\x7f\x9f\x4d\x51\x58")
    unmasked = apply_mask(data, KEY)
    assert type(unmasked) is bytes
    assert unmasked == b"Hello"
    assert bytes(data) == b"\x7f\x9f\x4d\x51\x58"


@pytest.mark.usefixtures("either")
def test_a_stream_may_be_unmasked_in_any_pieces() -> None:
    data = random.Random(6455).randbytes(97)
    for cut in range(len(data) + 1):
        pieces = apply_mask(data[:cut], KEY) + apply_mask(data[cut:], KEY, cut)
        assert pieces == by_hand(data, KEY, 0)
