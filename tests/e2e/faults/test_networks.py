"""Faults 13 to 17, 31 and 36 to 38: slow lines, narrow ones, silent ones, and floods."""

from __future__ import annotations

import os
import signal
import struct
import threading
import time
from pathlib import Path

import pytest

from ..programs import Programs
from ..wire import BINARY, CLOSE, FINAL, MASKED, PING, PONG, Wire, masked_frame
from .hop import Tamper
from .lab import (
    KIB,
    MIB,
    NORMAL,
    PROTOCOL_ERROR,
    Bench,
    Client,
    Measured,
    Service,
    bench,
    cpu_seconds,
    is_prefix,
    is_whole,
    memory,
    stream,
)

pytestmark = pytest.mark.e2e

# What one session may hold of ours, whatever its peers do.
OURS = 640 * KIB

# What reads of the largest size may take for as long as they last, in a process that
# has made none before; whatever was hoarded would be several times as much.
READING = 4 * MIB

FLOOD = stream(3, 8 * MIB)

CONTINUATION = 0


def warm(it: Bench) -> int:
    """The proxy's memory once it has carried a flood, which all later ones share the room of."""
    with Client(it.proxy.port) as first:
        it.program.wait_until(lambda: first.received == len(it.service.says), "a whole flood")
    it.program.wait_for_output("session closed")
    return memory(it.program)


@pytest.mark.fault(13)
@pytest.mark.parametrize("sessions", [8])
def test_clients_that_do_not_read_hold_little_of_ours(
    programs: Programs, tmp_path: Path, measured: Measured, sessions: int
) -> None:
    with bench(programs, tmp_path, Service(says=FLOOD)) as it:
        before = warm(it)
        wires = [Wire.open(it.proxy.port, receive_buffer=16 * KIB) for _ in range(sessions)]
        for wire in wires:
            wire.upgrade(f"127.0.0.1:{it.proxy.port}")
        it.program.wait_for_output(f"(session opened(.|\n)*){{{sessions + 1}}}")
        it.program.wait_until(lambda: is_still(it), "no more work")
        held = (memory(it.program) - before) / sessions
        for wire in wires:
            wire.sock.close()
    assert held < OURS
    measured(f"{held / KIB:.0f} KiB of ours a session, of {len(FLOOD) // MIB} MiB that wait")


def is_still(it: Bench) -> bool:
    """Whether the proxy uses no processor for a little while."""
    before = cpu_seconds(it.program)
    threading.Event().wait(0.3)
    return cpu_seconds(it.program) == before


@pytest.mark.fault(14)
def test_a_target_that_takes_nothing_for_long_is_no_reason_to_end(
    programs: Programs, tmp_path: Path, measured: Measured
) -> None:
    """Pings go on meanwhile, and the client's answers are not seen behind what it sends."""
    seconds, sent = 3.0, stream(4, 16 * MIB)
    service = Service(then="is deaf")
    options = ("--heartbeat", "0.2", "--dead-after", "1")
    with bench(programs, tmp_path, service, *options) as it, it.client() as client:
        sending = threading.Thread(target=client.send, args=(sent,), daemon=True)
        sending.start()
        it.program.wait_until(lambda: is_still(it), "the line to be full")
        threading.Event().wait(seconds)
        assert "session closed" not in it.program.output
        service.let_go.set()
        sending.join(30)
        client.close()
        assert client.wait().code == NORMAL
        service.wait()
        assert is_whole(bytes(service.heard[0]), sent)
    measured(
        f"{seconds:.0f} s deaf, where silent clients are ended after 1 s; "
        f"then {len(sent):,} bytes whole"
    )


@pytest.mark.fault(15)
@pytest.mark.parametrize("frames", [300, pytest.param(10_000, marks=pytest.mark.slow)])
@pytest.mark.deadline(600)
def test_a_byte_a_packet_changes_nothing(
    programs: Programs, tmp_path: Path, measured: Measured, frames: int
) -> None:
    service = Service(says=stream(5, frames))
    sliver = Tamper(slice=1)
    legs = {"from_client": sliver, "to_client": sliver, "to_target": sliver, "from_target": sliver}
    sent = stream(6, frames * 3)
    with bench(programs, tmp_path, service, **legs) as it:
        with it.client() as client:
            client.send(sent, frame=3)
            it.program.wait_until(lambda: client.received == frames, "all received", seconds=300)
            client.close()
            ended = client.wait(300)
        service.wait(300)
        assert ended.code == NORMAL
        assert is_whole(ended.payload, service.says)
        assert is_whole(bytes(service.heard[0]), sent)
    measured(
        f"{frames:,} frames and the handshake, each byte in its own packet on all four ways: whole"
    )


@pytest.mark.fault(16)
@pytest.mark.parametrize(
    ("delay", "jitter", "seconds"),
    [(0.3, 0.2, 4), pytest.param(2, 1, 120, marks=pytest.mark.slow)],
)
@pytest.mark.deadline(300)
def test_a_slow_line_is_not_taken_for_a_dead_one(
    programs: Programs,
    tmp_path: Path,
    measured: Measured,
    delay: float,
    jitter: float,
    seconds: int,
) -> None:
    """The heartbeat comes more often than an answer can."""
    late = Tamper(delay=delay, jitter=jitter)
    options = ("--heartbeat", str(delay / 3), "--dead-after", str(2 * (delay + jitter) + 1))
    service = Service()
    with bench(programs, tmp_path, service, *options, from_client=late, to_client=late) as it:
        with it.client() as client:
            client.send(b"hello")
            threading.Event().wait(seconds)
            assert "session closed" not in it.program.output
            assert client.pings > 2
            client.close()
            assert client.wait().code == NORMAL
        service.wait()
        assert bytes(service.heard[0]) == b"hello"
    measured(
        f"{delay} to {delay + jitter:g} s each way for {seconds} s, {client.pings} pings: lives"
    )


@pytest.mark.fault(17)
@pytest.mark.parametrize(
    ("rate", "seconds"), [(100 * KIB, 3), pytest.param(10 * KIB, 60, marks=pytest.mark.slow)]
)
@pytest.mark.deadline(200)
def test_a_narrow_line_loses_nothing_and_hoards_nothing(
    programs: Programs, tmp_path: Path, measured: Measured, rate: int, seconds: int
) -> None:
    narrow = Tamper(rate=rate)
    with bench(programs, tmp_path, Service(says=FLOOD), to_client=narrow) as it:
        before = warm(it)
        clients = [it.client() for _ in range(4)]
        threading.Event().wait(seconds)
        held = (memory(it.program) - before) / len(clients)
        got = min(client.payload for client in clients)
        for client in clients:
            client.__exit__()
            assert is_prefix(client.payload, FLOOD)
        assert got
    assert held < OURS
    measured(
        f"{rate // KIB} KiB/s for {seconds} s: {len(got):,} bytes as sent, "
        f"{held / KIB:.0f} KiB held"
    )


@pytest.mark.fault(31)
@pytest.mark.parametrize("seconds", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_a_process_that_was_stopped_goes_on_where_it_was(
    programs: Programs, tmp_path: Path, measured: Measured, seconds: int
) -> None:
    options = ("--heartbeat", "0.3", "--dead-after", "1.5")
    service = Service(says=b"hello")
    with bench(programs, tmp_path, service, *options) as it:
        clients = [it.client() for _ in range(20)]
        for client in clients:
            it.program.wait_until(lambda one=client: one.pings > 1, "two pings")  # type: ignore[misc]
        os.kill(it.program.pid, signal.SIGSTOP)
        threading.Event().wait(seconds)
        os.kill(it.program.pid, signal.SIGCONT)
        threading.Event().wait(1)
        assert "session closed" not in it.program.output
        for client in clients:
            client.send(b"still here")
            client.close()
            assert client.wait().code == NORMAL
            client.__exit__()
        for _ in clients:
            service.wait()
    assert all(bytes(heard) == b"still here" for heard in service.heard)
    measured(f"stopped for {seconds} s: {len(clients)} of {len(clients)} sessions go on")


@pytest.mark.fault(36)
@pytest.mark.parametrize("size", [64 * MIB, pytest.param(1024 * MIB, marks=pytest.mark.slow)])
@pytest.mark.deadline(300)
def test_a_frame_without_end_is_passed_on_as_it_comes(
    programs: Programs, tmp_path: Path, measured: Measured, size: int
) -> None:
    class Counting(Service):
        count = 0

        def _hear(self, sock, heard):  # type: ignore[no-untyped-def]
            while data := sock.recv(262144):
                self.count += len(data)

    service = Counting()
    with bench(programs, tmp_path, service) as it:
        with Client(it.proxy.port) as client:
            head = struct.pack("!BBQ", FINAL | BINARY, MASKED | 127, (1 << 63) - 1) + bytes(4)
            client.wire.send(head)
            block = bytes(MIB)
            client.wire.send(block * 4)
            it.program.wait_until(lambda: service.count >= 4 * MIB, "the first of it")
            before = memory(it.program)
            for _ in range(size // MIB - 4):
                client.wire.send(block)
            it.program.wait_until(lambda: service.count == size, "all of it")
            grown = memory(it.program) - before
        with Client(it.proxy.port) as client:
            client.wire.send(struct.pack("!BBQ", FINAL | BINARY, MASKED | 127, 1 << 63) + bytes(4))
            assert client.wait().code == PROTOCOL_ERROR
    assert grown < READING
    measured(
        f"{size // MIB:,} MiB of 2^63-1 bytes delivered, memory {grown / KIB:+.0f} KiB; "
        "2^63: Close 1002"
    )


@pytest.mark.fault(37)
@pytest.mark.parametrize("frames", [200_000, pytest.param(10_000_000, marks=pytest.mark.slow)])
@pytest.mark.deadline(600)
def test_empty_fragments_cost_time_and_nothing_else(
    programs: Programs, tmp_path: Path, measured: Measured, frames: int
) -> None:
    """Others are answered meanwhile."""
    thousand = (b"\x00\x80" + b"aaaa") * 1000
    with (
        bench(programs, tmp_path, Service()) as it,
        Client(it.proxy.port) as client,
        Client(it.proxy.port) as other,
    ):
        client.wire.send(bytes([BINARY, MASKED | 1]) + bytes(4) + b"a")
        before = memory(it.program)

        def flood() -> None:
            for _ in range(frames // 1000):
                client.wire.send(thousand)

        sending = threading.Thread(target=flood, daemon=True)
        sending.start()
        slowest = 0.0
        while sending.is_alive():
            slowest = max(slowest, answer_time(it, other))
        grown = memory(it.program) - before
        client.wire.send(masked_frame(b"b", CONTINUATION))
        client.close()
        assert client.wait().code == NORMAL
        it.service.wait()
        assert sorted(map(bytes, it.service.heard)) == [b"", b"ab"]
    assert grown < READING
    measured(
        f"{frames:,} empty fragments: memory {grown / KIB:+.0f} KiB, "
        f"others' slowest pong after {slowest * 1000:.0f} ms"
    )


def answer_time(it: Bench, client: Client) -> float:
    """Seconds until a Ping is answered."""
    began, seen = time.monotonic(), client.pongs
    client.ping()
    it.program.wait_until(lambda: client.pongs > seen, "a pong")
    return time.monotonic() - began


@pytest.mark.fault(38)
@pytest.mark.parametrize("pings", [100_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
@pytest.mark.deadline(300)
def test_pings_whose_pongs_nobody_reads_are_not_hoarded(
    programs: Programs, tmp_path: Path, measured: Measured, pings: int
) -> None:
    """Of a flood, the last one is answered (RFC 6455, section 5.5.3)."""
    with bench(programs, tmp_path, Service()) as it:
        flood, most = masked_frame(bytes(125), PING) * 1000, -MIB
        with Wire.open(it.proxy.port, receive_buffer=16 * KIB) as wire:
            wire.upgrade(f"127.0.0.1:{it.proxy.port}")
            for _ in range(pings // 2000):  # reading so many at once takes room of its own
                wire.send(flood)
            before = memory(it.program)
            for _ in range(pings // 2000):
                wire.send(flood)
                most = max(most, memory(it.program) - before)
            wire.send(masked_frame(b"last", PING) + masked_frame(struct.pack("!H", 1000), CLOSE))
            opcode, pongs = PONG, 0
            while opcode == PONG:
                opcode, _ = wire.read_frame()
                pongs += opcode == PONG
            assert opcode == CLOSE
    assert 0 < pongs < pings
    assert most < READING
    measured(
        f"{pings:,} pings unread: {pongs:,} pongs, memory {most / KIB:+.0f} KiB in the second half"
    )
