"""The same streams to our server side and to that of `websockets`.

Random but seeded streams, mostly of good frames.  Both must take or refuse
them at the same frame, with the same close code and the same payload, but
for the differences that are listed here, each with its reason; and each of
those must really occur.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import pytest
from websockets.frames import Frame as TheirFrame
from websockets.frames import Opcode as TheirOpcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from tests.cases.frames import feed, told
from wsproxy_gevent.model import Dialect
from wsproxy_gevent.wire.hybi import HybiSession
from wsproxy_gevent.wire.mask import apply_mask
from wsproxy_gevent.wire.payload import PayloadKind
from wsproxy_gevent.wire.session import Opcode

STREAMS = 600

DIFFERENCES = {
    "length": "They take lengths that are not in their shortest form; section 5.2 says MUST.",
    "close": "They refuse a Close inside a fragmented message; section 5.4 lets control "
    "frames be there, and 5.5.1 makes no exception.",
    "reason": "Of a Close with a bad code and a bad reason they tell the reason first; "
    "either rule is broken.",
}

Outcome = tuple[list[tuple[str, bytes]], str]


@dataclass(frozen=True)
class Frame:
    opcode: int
    payload: bytes
    fin: bool = True
    reserved: int = 0
    masked: bool = True
    longer_length: bool = False

    def wire(self, key: bytes) -> bytes:
        head = bytes((self.fin << 7 | self.reserved << 4 | self.opcode,))
        body = apply_mask(self.payload, key) if self.masked else self.payload
        return head + self._length() + (key if self.masked else b"") + body

    def _length(self) -> bytes:
        length, mask = len(self.payload), self.masked << 7
        if length > 65535 or self.longer_length:
            return bytes((mask | 127,)) + length.to_bytes(8, "big")
        if length > 125:
            return bytes((mask | 126,)) + length.to_bytes(2, "big")
        return bytes((mask | length,))


# -- Streams --------------------------------------------------------------------------


def close_body(chance: random.Random) -> bytes:
    code = chance.choice([1000, 1000, 1001, 1004, 1005, 1011, 1015, 2999, 3000, 4999, 5000])
    reason = chance.choice([b"", b"bye", "€".encode(), b"\xff", b"\xe2\x82"])
    return chance.choice([b"", b"\x03", *[code.to_bytes(2, "big") + reason] * 4])


def control(chance: random.Random) -> Frame:
    if chance.random() < 0.2:
        return Frame(Opcode.CLOSE, close_body(chance))
    size = chance.choice([0, 1, 125])
    return Frame(chance.choice([Opcode.PING, Opcode.PONG]), chance.randbytes(size))


def message(chance: random.Random) -> list[Frame]:
    """A message in one to four frames, controls among them."""
    count = chance.choice([1, 1, 1, 2, 4])
    frames: list[Frame] = []
    for at in range(count):
        opcode = 0 if at else chance.choice([Opcode.TEXT, Opcode.BINARY])
        payload = chance.randbytes(chance.choice([0, 1, 5, 125, 126, 300]))
        frames.append(Frame(opcode, payload, fin=at == count - 1))
        if chance.random() < 0.2:
            frames.append(control(chance))
    return frames


def spoilt(frame: Frame, chance: random.Random) -> Frame:
    changes: list[dict[str, object]] = [
        {"opcode": chance.randrange(16)},
        {"fin": not frame.fin},
        {"reserved": chance.randrange(1, 8)},
        {"masked": False},
        {"longer_length": True},
        {"payload": frame.payload + bytes(126)},
    ]
    return Frame(**{**vars(frame), **chance.choice(changes)})


def stream(seed: int) -> list[Frame]:
    chance = random.Random(seed)
    frames = [frame for _ in range(chance.randint(1, 5)) for frame in message(chance)]
    if chance.random() < 0.5:
        at = chance.randrange(len(frames))
        frames[at] = spoilt(frames[at], chance)
    return frames


# -- Outcomes -------------------------------------------------------------------------


def gathered(facts: list[tuple[str, bytes, bool]]) -> list[tuple[str, bytes]]:
    """Data joined to messages, an open one at the end; controls in between as they came."""
    done: list[tuple[str, bytes]] = []
    parts: list[bytes] = []
    for name, payload, final in facts:
        if name in ("PING", "PONG"):
            done.append((name, payload))
            continue
        parts.append(payload)
        if final:
            done.append(("DATA", b"".join(parts)))
            parts = []
    return [*done, ("OPEN", b"".join(parts))]


def ours(wire: bytes) -> Outcome:
    heard = told(HybiSession(Dialect.RFC_6455, PayloadKind.BINARY).receive(wire))
    end, facts = "open", []
    for fact in heard:
        match fact:
            case ("data", _, payload, final):
                facts.append(("DATA", payload, final))
            case ("ping" | "pong" as name, payload):
                facts.append((name.upper(), payload, True))
            case ("close", code, _):
                end = f"closed {code}"
            case ("failed", code, _):
                end = f"failed {code}"
    return gathered(facts), end


def theirs(wire: bytes) -> Outcome:
    protocol = ServerProtocol(state=OPEN, max_size=None)
    protocol.receive_data(wire)
    facts = [
        (
            "DATA" if frame.opcode < TheirOpcode.CLOSE else frame.opcode.name,
            bytes(frame.data),
            frame.fin,
        )
        for frame in protocol.events_received()
        if isinstance(frame, TheirFrame) and frame.opcode != TheirOpcode.CLOSE
    ]
    return gathered(facts), _their_end(protocol)


def _their_end(protocol: ServerProtocol) -> str:
    if protocol.parser_exc is not None:
        assert protocol.close_sent is not None
        return f"failed {int(protocol.close_sent.code)}"
    if protocol.close_rcvd is None:
        return "open"
    code = int(protocol.close_rcvd.code)
    return f"closed {None if code == 1005 else code}"


def difference(we: Outcome, they: Outcome, frames: list[Frame]) -> str | None:
    """Which of the known differences this is; the payload in front of it is the same."""
    if we[0][:-1] != they[0][: len(we[0]) - 1]:
        return None
    ends = we[1], they[1]
    if ends == ("failed 1002", "failed 1007"):
        return "reason"
    if ends[0] == "failed 1002" and any(frame.longer_length for frame in frames):
        return "length"
    if ends[0].startswith("closed") and ends[1] == "failed 1002":
        return "close"
    return None


# -- The comparison -------------------------------------------------------------------


def wire_of(frames: list[Frame], seed: int) -> bytes:
    key = random.Random(seed).randbytes(4)
    return b"".join(frame.wire(key) for frame in frames)


def compared(seed: int) -> str:
    """How both ended where they agree, else the name of the difference."""
    frames = stream(seed)
    wire = wire_of(frames, seed)
    we, they = ours(wire), theirs(wire)
    if we == they:
        return we[1].split()[0]
    known = difference(we, they, frames)
    assert known in DIFFERENCES, (seed, we, they, frames)
    return known


@pytest.mark.parametrize("decade", range(STREAMS // 10))
def test_both_read_the_same(decade: int) -> None:
    for seed in range(decade * 10, decade * 10 + 10):
        compared(seed)


@pytest.fixture(scope="module")
def outcomes() -> Counter[str]:
    return Counter(compared(seed) for seed in range(STREAMS))


def test_the_corpus_has_every_outcome_and_every_difference(outcomes: Counter[str]) -> None:
    assert outcomes.keys() == {"open", "closed", "failed", *DIFFERENCES}
    assert sum(outcomes[name] for name in DIFFERENCES) < STREAMS // 5


@pytest.mark.parametrize("decade", range(STREAMS // 10))
@pytest.mark.parametrize("kind", list(PayloadKind))
def test_no_stream_cares_how_it_is_cut(kind: PayloadKind, decade: int) -> None:
    for seed in range(decade * 10, decade * 10 + 10):
        wire, chance = wire_of(stream(seed), seed), random.Random(seed)
        cuts = sorted(chance.randrange(len(wire) + 1) for _ in range(8))
        pieces = [wire[a:b] for a, b in pairwise([0, *cuts, len(wire)])]
        whole, cut = (HybiSession(Dialect.RFC_6455, kind, check_text=True) for _ in range(2))
        assert told(feed(cut, pieces)) == told(whole.receive(wire)), (seed, cuts)
        assert cut.mid_frame == whole.mid_frame
