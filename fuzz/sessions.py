"""Sessions: any stream into a reader, and what a writer writes back into a reader."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.cases.frames import Told, check_gist, feed, told
from wsproxy_gevent import engine
from wsproxy_gevent.model import Dialect
from wsproxy_gevent.wire.deflate import Deflate, Side
from wsproxy_gevent.wire.hixie import HixieSession
from wsproxy_gevent.wire.hybi import HybiSession, Role
from wsproxy_gevent.wire.hybi_reader import Reader as Twin
from wsproxy_gevent.wire.payload import PayloadKind
from wsproxy_gevent.wire.session import Close, Event, Failed, Opcode, Session

from .feeding import Input, held_bytes, read_input

KINDS = tuple(PayloadKind)
HIXIE_KINDS = (PayloadKind.BASE64, PayloadKind.TEXT, PayloadKind.VERBATIM)
HYBI = (Dialect.RFC_6455, Dialect.HYBI_07, Dialect.HYBI_08)
HIXIE = (Dialect.HIXIE_75, Dialect.HIXIE_76)

# A header cut in two, a control frame cut in two, a quantum of base64 or a
# character of UTF-8 begun.
MOST_HELD = 13 + 125 + 4

# More of the same, to be ignored once the stream is over.
_MORE = b"\x82\x81\0\0\0\0a\x00aaaa\xff"

# The bits of a variant.
CLIENT, CHECK_TEXT, MEASURED, SECOND_DIALECT = 0x01, 0x02, 0x30, 0x40


def kind_of(variant: int, kinds: Sequence[PayloadKind] = KINDS) -> PayloadKind:
    return kinds[(variant >> 2 & 3) % len(kinds)]


# -- Reading --------------------------------------------------------------------


def hybi(data: bytes) -> None:
    """Any bytes, as either end, whatever the payload."""
    given = read_input(data)
    heard = _check_reading(lambda: _hybi(given.variant), given)
    if engine.COMPILED:
        assert _heard_by_twin(given) == heard


def hixie(data: bytes) -> None:
    given = read_input(data)
    _check_reading(lambda: _hixie(given.variant), given)


def _hybi(variant: int, role: Role | None = None, deflate: Deflate | None = None) -> HybiSession:
    return HybiSession(
        Dialect.RFC_6455,
        kind_of(variant),
        role=role or (Role.CLIENT if variant & CLIENT else Role.SERVER),
        check_text=bool(variant & CHECK_TEXT),
        new_key=lambda: b"\x37\xfa\x21\x3d",
        deflate=deflate,
    )


def _hixie(variant: int) -> HixieSession:
    dialect = HIXIE[bool(variant & SECOND_DIALECT)]
    kind = kind_of(variant, HIXIE_KINDS)
    return HixieSession(dialect, kind, check_text=bool(variant & CHECK_TEXT))


def _heard_by_twin(given: Input) -> Told:
    """What the reader in Python hears of the same, read by read."""
    role = Role.CLIENT if given.variant & CLIENT else Role.SERVER
    twin = Twin(kind_of(given.variant), role, check_text=bool(given.variant & CHECK_TEXT))
    events: list[Event] = []
    for piece in given.pieces:
        events += twin.receive(piece)
        while twin.pending:
            events += twin.receive(b"")
    return told(events)


def _check_reading(make: Callable[[], Session], given: Input) -> Told:
    whole, cut = make(), make()
    measured = given.variant & MEASURED == MEASURED
    at_rest = held_bytes(cut) if measured else 0
    events = whole.receive(given.body)
    heard = told(events)
    in_pieces: list[Event] = []
    for piece in given.pieces:
        in_pieces += cut.receive(piece)
        assert not measured or held_bytes(cut) - at_rest <= MOST_HELD
    assert told(in_pieces) == heard
    assert cut.mid_frame == whole.mid_frame
    assert size_of(heard) <= len(given.body)
    check_end(cut, in_pieces)
    check_gist(make(), given.pieces, heard)
    return heard


def size_of(heard: Told) -> int:
    return sum(len(part) for fact in heard for part in fact[1:] if isinstance(part, bytes))


def check_end(session: Session, events: list[Event]) -> None:
    """An end is the last event, and after it everything is ignored."""
    ends = [event for event in events if isinstance(event, Close | Failed)]
    assert ends == events[len(events) - len(ends) :]
    assert len(ends) <= 1
    if ends:
        assert not session.mid_frame
        assert session.receive(_MORE) == []
        assert session.payload_of(_MORE) == (b"", [])


# -- Writing ----------------------------------------------------------------------

SQUEEZED = 0x10
_ANEW = Side(takeover=False, window_bits=9)
_DEFLATE = {SQUEEZED: Deflate(), SQUEEZED | SECOND_DIALECT: Deflate(_ANEW, _ANEW)}


def writers(data: bytes) -> None:
    """What one end writes, the other reads: the same meaning, message for message."""
    given = read_input(data)
    if given.variant & 0x80:
        writer: Session = _hixie(given.variant & ~CHECK_TEXT)
        reader: Session = _hixie(given.variant & ~CHECK_TEXT)
    else:
        deflate = _DEFLATE.get(given.variant & (SQUEEZED | SECOND_DIALECT))
        writer = _hybi(given.variant & ~CHECK_TEXT, deflate=deflate)
        other = Role.SERVER if given.variant & CLIENT else Role.CLIENT
        reader = _hybi(given.variant & ~CHECK_TEXT, other, deflate)
    script = _Script(writer, hixie=bool(given.variant & 0x80), kind=_kind(given.variant))
    for piece in given.pieces:
        script.play(piece)
    wire = b"".join(script.wire)
    assert told(feed(reader, [wire])) == told_of(script.meant)


def _kind(variant: int) -> PayloadKind:
    return kind_of(variant, HIXIE_KINDS if variant & 0x80 else KINDS)


def told_of(facts: Told) -> Told:
    """Facts with touching pieces joined, and empty open ones left out, as readers do."""
    joined: Told = []
    for fact in facts:
        if fact[0] == "data" and joined and joined[-1][0] == "data" and not joined[-1][3]:
            before = joined.pop()
            fact = ("data", before[1], before[2] + fact[2], fact[3])
        if fact[0] != "data" or fact[2] or fact[3]:
            joined.append(fact)
    return joined


class _Script:
    """Bytes as orders to a writer, and what the other end must hear of it."""

    def __init__(self, writer: Session, *, hixie: bool, kind: PayloadKind) -> None:
        self.writer, self.hixie, self.kind = writer, hixie, kind
        self.wire: list[bytes] = []
        self.meant: Told = []
        self.inside: Opcode | None = None
        self.pending = b""
        self.over = False

    def play(self, order: bytes) -> None:
        """One order: its first byte says what, the rest is payload."""
        if not order or self.over:
            return
        verb, payload = order[0], order[1:]
        if self.kind is PayloadKind.TEXT:
            payload = payload.decode("latin-1").encode()
        if self.hixie and self.kind is PayloadKind.VERBATIM:
            payload = payload.replace(b"\xff", b"")
        orders = (self._message, self._piece, self._last_piece, self._control, self._close)
        orders[verb % len(orders)](payload, verb)

    def _message(self, payload: bytes, verb: int) -> None:
        if self.inside is not None:
            try:
                self.writer.message(payload)
            except ValueError:
                return
            raise AssertionError("a message inside a message")
        opcode = Opcode.TEXT if self.hixie else self.kind.opcode
        self._say(self.writer.message(payload), opcode, payload, final=True)

    def _piece(self, payload: bytes, verb: int, *, final: bool = False) -> None:
        wanted = Opcode.TEXT if self.hixie or verb & 0x80 else Opcode.BINARY
        opcode = wanted if self.inside is None else self.inside
        self.inside = None if final else opcode
        segments = self.writer.piece(payload, opcode, final=final)
        whole = self.pending + payload
        # Base64 waits for a third byte before it writes a quantum.
        edge = len(whole) if final or self.kind is not PayloadKind.BASE64 else len(whole) // 3 * 3
        self.pending = whole[edge:]
        self._say(segments, opcode, whole[:edge], final=final)

    def _last_piece(self, payload: bytes, verb: int) -> None:
        self._piece(payload, verb, final=True)

    def _control(self, payload: bytes, verb: int) -> None:
        say, name = (self.writer.pong, "pong") if verb & 0x80 else (self.writer.ping, "ping")
        body = payload[:125]
        self.wire.append(say(body))
        if not self.hixie:
            self.meant.append((name, body))

    def _close(self, payload: bytes, verb: int) -> None:
        code = int.from_bytes(payload[:2]) if len(payload) > 1 else None
        reason = payload[2:].decode("latin-1")
        try:
            self.wire.append(self.writer.close(code, reason))
        except ValueError:
            assert code in (None, 1004, 1005, 1006) or not 1000 <= code <= 1014
            return
        self._ended(code, reason)

    def _ended(self, code: int | None, reason: str) -> None:
        self.over = True
        if not self.hixie:
            cut = reason.encode()[:123].decode(errors="ignore")
            self.meant.append(("close", code, "" if code is None else cut))
        elif self.wire[-1]:
            if self.inside is not None:
                self.meant.append(("data", "TEXT", b"", True))
            self.meant.append(("close", None, ""))

    def _say(
        self, segments: Sequence[object], opcode: Opcode, payload: bytes, *, final: bool
    ) -> None:
        self.wire += [bytes(segment) for segment in segments]  # type: ignore[call-overload]
        self.meant.append(("data", opcode.name, payload, final))
