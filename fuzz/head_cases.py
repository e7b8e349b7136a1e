"""Handshakes of RFC 6455 that are almost right, made from a seed, as bytes."""

from __future__ import annotations

from random import Random

Fields = list[tuple[bytes, bytes]]

_LINES = (
    *([b"GET /chat HTTP/1.1"] * 12),
    *(b"GET / HTTP/1.0", b"HEAD / HTTP/1.1", b"POST / HTTP/1.1", b"get / HTTP/1.1"),
    *(b"GET /a?b=c%20d&e HTTP/1.1", b"GET * HTTP/1.1", b"GET //a HTTP/1.1", b"GET  / HTTP/1.1"),
    *(b"GET http://a/b HTTP/1.1", b"GET / HTTP/1.2", b"GET / http/1.1", b"GET /\xc3\xa9 HTTP/1.1"),
    *(b"GET / HTTP/1.1 ", b"GET /", b"CONNECT a:80 HTTP/1.1", b"GET /\x7f HTTP/1.1"),
)

_KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
_VALUES: dict[bytes, tuple[bytes, ...]] = {
    b"Host": (b"a", b"a:80", b"[::1]:6080", b"", b"a b", b"u@a", b"a,b", b"\xe9", b"a/b"),
    b"Upgrade": (
        *(b"websocket", b"WebSocket", b"websocket, foo", b"foo", b"foo, websocket", b""),
        *(b"websocket/13", b",websocket,", b"web socket", b"h2c"),
    ),
    b"Connection": (
        *(
            b"Upgrade",
            b"upgrade",
            b"keep-alive, Upgrade",
            b"keep-alive",
            b"Upgrade,",
            b", Upgrade",
        ),
        *(b"close", b"", b"Upgrade;a", b'"Upgrade"', b"keep-alive Upgrade", b"Upgrade, close"),
    ),
    b"Sec-WebSocket-Key": (
        *(_KEY, b"AAAAAAAAAAAAAAAAAAAAAA==", b"AAAAAAAAAAAAAAAAAAAAAB==", b"AAAA", b""),
        *(b"AAAAAAAAAAAAAAAAAAAAAA=", b"AAAAAAAAAAAAAAAAAAAAAAA=", b"AAAAAAAAAA AAAAAAAAAAAA=="),
        *(b"-_AAAAAAAAAAAAAAAAAAAA==", _KEY + b"=", _KEY + b", " + _KEY, b"\xff" * 24),
    ),
    b"Sec-WebSocket-Version": (
        *(b"13", b"8", b"7", b"0", b"14", b"013", b"13, 8", b"13.0", b"", b"+13", b"1 3"),
    ),
    b"Sec-WebSocket-Protocol": (
        *(b"binary", b"base64", b"binary, base64", b"mqtt", b"token.abc, chat", b"", b","),
        *(b"a b", b"chat,,binary", b"a/b", b"\xe9", b'"chat"', b"chat;q=1", b"token.x"),
    ),
    b"Origin": (b"http://a", b"null", b"", b"http://\xe9"),
    b"Sec-WebSocket-Extensions": (b"permessage-deflate", b"x; a=1", b";", b""),
    b"Content-Length": (b"0", b"5", b"00", b"-1", b"0, 0", b"+0", b"x"),
    b"Transfer-Encoding": (b"chunked", b"identity", b""),
    b"X-Other": (b"a", b"", b"\x80\xff", b"a\x01b", b"a\x00b", b"a\tb", b"x" * 300),
}
_NEEDED = tuple(_VALUES)[:5]
_MORE = tuple(_VALUES)[5:]


def head(seed: int) -> bytes:
    """Request line and fields, a fault or two, and sometimes the wrong ends of lines."""
    chance = Random(seed)
    fields = [(name, _VALUES[name][0]) for name in _NEEDED]
    fields += [(n, chance.choice(_VALUES[n])) for n in _MORE if chance.random() < 0.15]
    for _ in range(chance.choice((0, 0, 1, 1, 1, 2))):
        chance.choice(_FAULTS)(fields, chance)
    chance.shuffle(fields)
    line = chance.choice(_LINES) if chance.random() < 0.3 else _LINES[0]
    lines = [line, *(name + b": " + value for name, value in fields)]
    if chance.random() < 0.15:
        chance.choice(_ODD_LINES)(lines, chance)
    wire = b"\r\n".join((*lines, b"", b""))
    return chance.choice(_ACCIDENTS)(wire, chance) if chance.random() < 0.2 else wire


# -- Fields ---------------------------------------------------------------------


def _drop(fields: Fields, chance: Random) -> None:
    del fields[chance.randrange(len(fields))]


def _repeat(fields: Fields, chance: Random) -> None:
    name, value = chance.choice(fields)
    fields.append((name, chance.choice((value, *_VALUES.get(name, (value,))))))


def _change(fields: Fields, chance: Random) -> None:
    at = chance.randrange(len(fields))
    name = fields[at][0]
    fields[at] = (name, chance.choice(_VALUES.get(name, (b"a",))))


def _other_case(fields: Fields, chance: Random) -> None:
    at = chance.randrange(len(fields))
    name, value = fields[at]
    fields[at] = (chance.choice((name.lower(), name.upper(), name.title())), value)


def _white_space(fields: Fields, chance: Random) -> None:
    at = chance.randrange(len(fields))
    name, value = fields[at]
    fields[at] = (name, chance.choice((b" ", b"\t", b"  ")) + value + chance.choice((b" ", b"\t")))


_FAULTS = (_drop, _repeat, _change, _change, _change, _other_case, _white_space)


# -- Lines ------------------------------------------------------------------------


def _fold(lines: list[bytes], chance: Random) -> None:
    at = chance.randrange(1, len(lines))
    lines[at] = lines[at].replace(b": ", b":\r\n ", 1)


def _space_before_colon(lines: list[bytes], chance: Random) -> None:
    at = chance.randrange(1, len(lines))
    lines[at] = lines[at].replace(b":", b" :", 1)


def _no_colon(lines: list[bytes], chance: Random) -> None:
    at = chance.randrange(1, len(lines))
    lines[at] = lines[at].replace(b":", b"", 1)


def _bad_name(lines: list[bytes], chance: Random) -> None:
    at = chance.randrange(1, len(lines))
    lines[at] = chance.choice((b"(", b"\xe9", b"a b", b"")) + lines[at]


def _empty_before(lines: list[bytes], chance: Random) -> None:
    lines.insert(0, b"")


_ODD_LINES = (_fold, _space_before_colon, _no_colon, _bad_name, _empty_before)


# -- Accidents ------------------------------------------------------------------------


def _bare_lf(wire: bytes, chance: Random) -> bytes:
    if chance.random() < 0.5:
        return wire.replace(b"\r\n", b"\n")
    parts = wire.split(b"\r\n")
    at = chance.randrange(1, len(parts))
    return b"\r\n".join(parts[:at]) + b"\n" + b"\r\n".join(parts[at:])


def _bare_cr(wire: bytes, chance: Random) -> bytes:
    at = chance.randrange(len(wire))
    return wire[:at] + b"\r" + wire[at:]


def _flip(wire: bytes, chance: Random) -> bytes:
    at = chance.randrange(len(wire))
    return wire[:at] + bytes((wire[at] ^ 1 << chance.randrange(8),)) + wire[at + 1 :]


def _end(wire: bytes, chance: Random) -> bytes:
    return wire[: chance.randrange(1, len(wire))]


_ACCIDENTS = (_bare_lf, _bare_cr, _flip, _flip, _end)
