"""Limits by address and by target, at each door, and that places are given back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .gates import DOORS, Gate, start_gate
from .pools import PROXY_WORKER, is_alive
from .programs import Programs
from .targets import echo, tcp_target
from .wire import Wire, upgrade_request

pytestmark = pytest.mark.e2e

# As a proxy on this machine, which is trusted, names its clients.
ONE, OTHER = "X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 198.51.100.1"
SAME_64 = ["X-Forwarded-For: 2001:db8::1", "X-Forwarded-For: 2001:db8::ffff:1"]


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with tcp_target(echo) as port:
        yield f"127.0.0.1:{port}"


def session(gate: Gate, *lines: str) -> Wire:
    wire = Wire.open(gate.port)
    wire.upgrade(f"127.0.0.1:{gate.port}", *lines)
    return wire


def refused(gate: Gate, *lines: str) -> tuple[int, str]:
    answer = gate.ask(*lines)
    return answer.status, answer.headers.get("wsproxy-reason", "")


def opens(gate: Gate, *lines: str) -> bool:
    """Whether a session can be had by now, a place being given back perhaps."""
    gate.program.wait_until(lambda: gate.ask(*lines).status == 101, "free place")
    return True


@pytest.mark.parametrize("door", DOORS)
def test_each_client_and_each_target_has_its_share_and_gives_it_back(
    programs: Programs, target: str, tmp_path: Path, door: str
) -> None:
    settings = {"MAX_PER_ADDRESS": "2", "MAX_PER_TARGET": "5", "DENY_FROM": "203.0.113.0/24"}
    gate = start_gate(programs, door, target, tmp_path, settings)
    with ExitStack() as stack:
        held = [ONE, ONE, OTHER, *SAME_64]
        one, *_, last = [stack.enter_context(session(gate, line)) for line in held]
        assert refused(gate, ONE) == (429, "too-many-from-address")
        assert refused(gate, SAME_64[1]) == (429, "too-many-from-address")
        assert refused(gate) == (503, "target-full")
        assert refused(gate, "X-Forwarded-For: 203.0.113.9") == (403, "address-refused")
        assert is_alive(one)
        last.sock.close()
        assert opens(gate, SAME_64[0])
    assert opens(gate, ONE)
    gate.program.wait_for_output("refused by a limit: reason=too-many-from-address count=1, ")


@pytest.mark.parametrize("door", [DOORS[0], PROXY_WORKER])
def test_who_sends_no_request_has_so_many_connections(
    programs: Programs, target: str, tmp_path: Path, door: str
) -> None:
    settings = {"MAX_PENDING_PER_ADDRESS": "2", "PROXY_PROTOCOL": "1"}
    gate = start_gate(programs, door, target, tmp_path, settings)
    line = f"PROXY TCP4 192.0.2.1 127.0.0.1 5000 {gate.port}\r\n".encode()
    request = upgrade_request(f"127.0.0.1:{gate.port}")
    with Wire.open(gate.port) as first, Wire.open(gate.port) as second:
        for wire in (first, second):
            wire.send(line + request[:20])
            wire.wait_until_read()
        with Wire.open(gate.port) as third:
            third.send(line + request)
            answer = third.read_answer()
            assert (answer.status, answer.headers["retry-after"]) == (429, "10")
        with Wire.open(gate.port) as other:
            other.send(line.replace(b"192.0.2.1", b"192.0.2.2") + request)
            assert other.read_answer().status == 101
        first.send(request[20:])
        assert first.read_answer().status == 101
        with Wire.open(gate.port) as fourth:
            fourth.send(line + request)
            assert fourth.read_answer().status == 101
