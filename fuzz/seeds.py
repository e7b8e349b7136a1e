"""Where the fuzzer begins: the literal cases of the tests, as inputs."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from hashlib import sha1
from pathlib import Path

from tests.cases import frames, handshakes, requests
from tests.wire import test_hixie as hixie_cases
from tests.wire import test_proxyline as proxy_cases
from wsproxy_gevent.wire.policy import REQUEST

from .compression import ANEW, AS_MESSAGE, SMALL_WINDOW
from .feeding import make_input
from .heads import ANSWERED, AS_USUAL, NAMES, PARTS

Seeds = Iterator[bytes]


def zeros(count: int) -> bytes:
    """So many of them, as one compressed message."""
    squeezer = zlib.compressobj(wbits=-15)
    return (squeezer.compress(bytes(count)) + squeezer.flush(zlib.Z_SYNC_FLUSH))[:-4]


def _opening() -> Seeds:
    yield from (bytes((first,)) for first in b"\x16\x80<GP\r")
    yield b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def _policy() -> Seeds:
    yield make_input(REQUEST + b"\0", 80, b"\x04")
    yield make_input(b"<policy-file-requesT/>", 1, b"\x15")


def _proxyline() -> Seeds:
    for wire in (*(wire for wire, _ in proxy_cases.GOOD.values()), *proxy_cases.BAD.values()):
        yield make_input(wire, 0, bytes((len(wire) // 2,)))


def _http1() -> Seeds:
    heads = [wire for wire, _ in (*requests.GOOD.values(), *requests.BAD.values())]
    for variant in (1, 2):
        yield from (make_input(wire[:2000], variant, b"\x09\x20") for wire in heads)


def _handshake() -> Seeds:
    for case in handshakes.ACCEPTED.values():
        yield make_input(case.request, 0, b"\x30")
        yield make_input(_in_parts(case.request), PARTS)
        yield make_input(_in_parts(case.request), PARTS | AS_USUAL | 2)
    for wire, _ in handshakes.REFUSED.values():
        yield make_input(wire, 2 | ANSWERED)
        yield make_input(_in_parts(wire), PARTS | 1)


def _in_parts(head: bytes) -> bytes:
    """The fields of a head as the target `handshake` takes them apart."""
    parts = [b"a?b"]
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b": ")
        if name.decode("latin-1").lower() in NAMES:
            parts.append(bytes((NAMES.index(name.decode().lower()),)) + value)
    return b"\0".join(parts)


def _hybi() -> Seeds:
    for wire, _ in (*frames.GOOD.values(), *frames.BAD.values()):
        yield from (make_input(wire, variant, b"\x03") for variant in (0, 2, 4))
    for wire, _ in frames.EXAMPLES_OF_A_SERVER.values():
        yield make_input(wire, 1, b"\x03")
    for wire, _ in frames.EXAMPLES_OF_A_CLIENT.values():
        yield make_input(wire, 0, b"\x07\x09")
    for payload, _ in frames.UTF8.values():
        yield make_input(bytes((0x81, 0x80 | len(payload))) + frames.NO_KEY + payload, 2 | 8)
    for payload, _, _ in frames.BASE64.values():
        yield make_input(bytes((0x81, 0x80 | len(payload))) + frames.NO_KEY + payload, 4)


def _hixie() -> Seeds:
    for wire, _ in (*hixie_cases.FRAMES.values(), *hixie_cases.CLOSES.values()):
        yield from (make_input(wire, variant, b"\x02") for variant in (0, 4, 0x46))
    for payload, _, _ in frames.BASE64.values():
        yield make_input(b"\0" + payload.replace(b"\xff", b"") + b"\xff\xff\0")


def _writers() -> Seeds:
    orders = b"\x00hello\x01ab\x83pi\x81c\x02d\x04\x03\xe8bye"
    for variant in (0, 1, 4, 5, 8, 9, 12, 0x10, 0x11, 0x50, 0x80, 0x84, 0xC0, 0xC8):
        yield make_input(orders, variant, b"\x06\x09\x0c\x0e\x10")


def _base64() -> Seeds:
    yield from (make_input(text, 0, b"\x02\x05") for text, _, _ in frames.BASE64.values())


def _utf8() -> Seeds:
    for payload, _ in frames.UTF8.values():
        yield from (make_input(payload, variant, b"\x02") for variant in (0, 1))


def _text() -> Seeds:
    yield from (make_input(payload, 0, b"\x02") for payload, _ in frames.UTF8.values())


_SQUEEZED = (
    *(b"\xf2\x48\xcd\xc9\xc9\x07\x00", b"\xf2\x00\x11\x00\x00", b"\x00"),
    *(b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"),
    *(b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", zeros(60_000)),
)


def _deflate() -> Seeds:
    """The messages of RFC 7692, section 7.2.3, and a long one."""
    for payload in _SQUEEZED:
        for variant in (0, 1, ANEW, SMALL_WINDOW):
            yield make_input(payload, variant | AS_MESSAGE, b"\x03\x05")
        wire = bytes((0xC1, 0x80 | len(payload))) + frames.NO_KEY + payload
        yield make_input(wire * 2 + b"\x89\x80\0\0\0\0", 2)
    for wire, _ in frames.GOOD.values():
        yield make_input(wire, 0, b"\x03")


def _extensions() -> Seeds:
    for value in (
        b"permessage-deflate",
        b"permessage-deflate; client_max_window_bits",
        b"permessage-deflate; server_max_window_bits=10; client_max_window_bits=8",
        b'x; a="b\\"c", permessage-deflate; server_no_context_takeover',
        b"permessage-deflate; client_no_context_takeover=1\0permessage-deflate",
        b"permessage-deflate; a; a, ;",
    ):
        yield make_input(value)


def _mask() -> Seeds:
    yield from (make_input(frames.KEY + b"Hello, there", at, b"\x03\x05") for at in range(4))


_SEEDS: dict[str, Callable[[], Seeds]] = {
    "opening": _opening,
    "policy": _policy,
    "proxyline": _proxyline,
    "http1": _http1,
    "handshake": _handshake,
    "hybi": _hybi,
    "hixie": _hixie,
    "writers": _writers,
    "base64": _base64,
    "utf8": _utf8,
    "text": _text,
    "deflate": _deflate,
    "extensions": _extensions,
    "mask": _mask,
}


def write(target: str, folder: Path) -> None:
    """Write the target's seeds, named by their content."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in _SEEDS[target]():
        (folder / sha1(seed, usedforsecurity=False).hexdigest()).write_bytes(seed)
