"""Faults 19 to 23 and 25: clients that only take room, and room that is gone."""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from ..certificates import make_certificate
from ..programs import Program, Programs
from ..proxy import Proxy, start_proxy
from ..targets import echo, tcp_target
from ..wire import Wire, masked_frame, upgrade_request
from .lab import KIB, Measured, cpu_seconds, descriptors, memory

pytestmark = pytest.mark.e2e

# What one page or session takes, on a machine that does other things as well.
SECONDS_TO_CONNECT = 0.2

MANY = [200, pytest.param(5000, marks=pytest.mark.slow)]


def talk(proxy: Proxy, word: bytes = b"hello") -> float:
    """Seconds that a whole session takes: its handshake, a word and its echo."""
    began = time.monotonic()
    with Wire.open(proxy.port) as wire:
        wire.upgrade(proxy.host)
        wire.send(masked_frame(word))
        assert wire.read_payload(len(word)) == word
    return time.monotonic() - began


def start_with_room(programs: Programs, cwd: Path, *options: str, timeout: int, to: int) -> Proxy:
    words = ("--opening-timeout", str(timeout), "--max-pending-per-address", "0")
    return start_proxy(programs, *words, *options, f"127.0.0.1:{to}", cwd=cwd)


@pytest.mark.fault(19)
@pytest.mark.parametrize("many", MANY)
@pytest.mark.deadline(120)
def test_requests_in_drips_are_cut_in_time_while_others_come_in(
    programs: Programs, tmp_path: Path, measured: Measured, many: int
) -> None:
    timeout = 10 if many > 1000 else 2
    with tcp_target(echo) as to, ExitStack() as stack:
        proxy = start_with_room(programs, tmp_path, timeout=timeout, to=to)
        talk(proxy)
        took, began = [], time.monotonic()
        wires = [stack.enter_context(Wire.open(proxy.port)) for _ in range(many)]
        opened = time.monotonic()
        request = upgrade_request(proxy.host)
        for at in range(4):
            for wire in wires:
                wire.send(request[at : at + 1])
            took += [talk(proxy) for _ in range(25)]
        slowest_cut = 0.0
        for wire in wires:
            answer = wire.read_to_end()
            assert not answer or answer.startswith(b"HTTP/1.1 408 ")
            slowest_cut = max(slowest_cut, time.monotonic() - opened)
        p99 = statistics.quantiles(took, n=100)[98]
    assert slowest_cut < timeout + 2 + (opened - began)
    assert p99 < SECONDS_TO_CONNECT
    measured(
        f"{many:,} drips, limit {timeout} s: the last was cut {slowest_cut:.1f} s after it came; "
        f"meanwhile a session's p99 was {p99 * 1000:.0f} ms"
    )


@pytest.mark.fault(20)
@pytest.mark.parametrize("many", [100, pytest.param(2000, marks=pytest.mark.slow)])
@pytest.mark.deadline(120)
def test_hellos_that_stop_are_cut_in_time(
    programs: Programs, tmp_path: Path, measured: Measured, many: int
) -> None:
    (tmp_path / "cert.pem").write_bytes(make_certificate(1))
    with tcp_target(echo) as to, ExitStack() as stack:
        proxy = start_with_room(
            programs, tmp_path, "--cert", f"{tmp_path}/cert.pem", timeout=2, to=to
        )
        talk(proxy)
        wires = [stack.enter_context(Wire.open(proxy.port)) for _ in range(many)]
        opened = time.monotonic()
        for wire in wires:
            wire.send(b"\x16\x03\x01\x02\x00")  # a record's header, and nothing of it
        usual = talk(proxy)
        for wire in wires:
            assert wire.read_to_end() == b""
        cut = time.monotonic() - opened
    assert cut < 5
    assert usual < SECONDS_TO_CONNECT
    measured(f"{many:,} hellos of 5 bytes, limit 2 s: all cut {cut:.1f} s later")


@pytest.mark.fault(21)
@pytest.mark.parametrize("many", [600, pytest.param(5000, marks=pytest.mark.slow)])
@pytest.mark.deadline(120)
def test_connections_that_say_nothing_cost_little_and_are_cut_in_time(
    programs: Programs, tmp_path: Path, measured: Measured, many: int
) -> None:
    timeout = 10 if many > 1000 else 2
    with tcp_target(echo) as to, ExitStack() as stack:
        proxy = start_with_room(programs, tmp_path, timeout=timeout, to=to)
        talk(proxy)
        proxy.program.wait_for_output("session closed")
        files = descriptors(proxy.program)  # or two more, which are being closed
        # The first live on what a process has at hand from its start.
        wires = [stack.enter_context(Wire.open(proxy.port)) for _ in range(300)]
        proxy.program.wait_until(lambda: descriptors(proxy.program) >= files + 298, "the first")
        before = memory(proxy.program)
        wires += [stack.enter_context(Wire.open(proxy.port)) for _ in range(many)]
        opened = time.monotonic()
        proxy.program.wait_until(
            lambda: descriptors(proxy.program) >= files + 298 + many, "all accepted"
        )
        each = (memory(proxy.program) - before) / many
        for wire in wires:
            wire.read_to_end()
        cut = time.monotonic() - opened
        proxy.program.wait_until(lambda: descriptors(proxy.program) <= files, "all closed")
    assert each < 15 * KIB
    assert cut < timeout + 3
    measured(
        f"{many:,} silent, limit {timeout} s: {each / KIB:.1f} KiB each, all cut after {cut:.1f} s"
    )


# -- Descriptors ---------------------------------------------------------------------------


def leave_room_for(program: Program, more: int) -> None:
    """Let the process open so many descriptors more, and then none."""
    taken = {int(name) for name in os.listdir(f"/proc/{program.pid}/fd")}
    free = (number for number in range(len(taken) + more + 1) if number not in taken)
    last = [next(free) for _ in range(more)][-1] if more else max(taken)
    _, most = resource.prlimit(program.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(program.pid, resource.RLIMIT_NOFILE, (last + 1, most))


def give_room_again(program: Program) -> None:
    _, most = resource.prlimit(program.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(program.pid, resource.RLIMIT_NOFILE, (most, most))


@pytest.mark.fault(22)
def test_without_descriptors_nobody_spins_and_all_are_served_in_the_end(
    programs: Programs, tmp_path: Path, measured: Measured
) -> None:
    many, seconds = 200, 3.0
    with tcp_target(echo) as to, ExitStack() as stack:
        proxy = start_with_room(programs, tmp_path, timeout=10, to=to)
        talk(proxy)
        leave_room_for(proxy.program, 0)
        wires = [stack.enter_context(Wire.open(proxy.port)) for _ in range(many)]
        proxy.program.wait_for_output("EMFILE|Too many open files|descriptors")
        said, spent = len(proxy.program.output.splitlines()), cpu_seconds(proxy.program)
        threading.Event().wait(seconds)
        lines = len(proxy.program.output.splitlines()) - said
        share = (cpu_seconds(proxy.program) - spent) / seconds
        give_room_again(proxy.program)
        began = time.monotonic()
        for wire in wires:
            wire.send(upgrade_request(proxy.host))
        for wire in wires:
            assert wire.read_answer().status == 101
        recovered = time.monotonic() - began
    assert share < 0.05
    assert lines <= seconds + 1
    assert recovered < 2
    measured(
        f"{many} wait: {share:.1%} of a processor, {lines} lines in {seconds:.0f} s; "
        f"all served {recovered:.1f} s after there was room"
    )


@pytest.mark.fault(23)
@pytest.mark.parametrize(
    ("at", "room", "record"), [("dial", 1, False), ("record", 2, True), ("page", 1, False)]
)
def test_the_last_descriptor_missing_hurts_only_who_wants_it(
    programs: Programs, tmp_path: Path, measured: Measured, at: str, room: int, *, record: bool
) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "page.txt").write_text("a page")
    options = ["--web", f"{tmp_path}/web", "--dial-error", "http"]
    if record:
        (tmp_path / "records").mkdir()
        options += ["--record", f"{tmp_path}/records/"]
    with tcp_target(echo) as to:
        proxy = start_with_room(programs, tmp_path, *options, timeout=10, to=to)
        talk(proxy)
        page = b"GET /page.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        with Wire.open(proxy.port) as first:
            first.send(page.replace(b"Host: x", b"Host: " + proxy.host.encode()))
            assert first.read_to_end().endswith(b"a page")
        with Wire.open(proxy.port) as held:
            held.upgrade(proxy.host)
            held.send(masked_frame(b"before"))
            assert held.read_payload(6) == b"before"
            proxy.program.wait_for_output("(session opened(.|\n)*){2}")
            leave_room_for(proxy.program, room)
            with Wire.open(proxy.port) as wire:
                asked = page.replace(b"Host: x", b"Host: " + proxy.host.encode())
                wire.send(asked if at == "page" else upgrade_request(proxy.host))
                status = wire.read_answer().status
            held.send(masked_frame(b"after"))
            assert held.read_payload(5) == b"after"
            give_room_again(proxy.program)
            talk(proxy)
    assert status == (101 if at == "record" else 503)
    assert "Traceback" not in proxy.program.output
    measured(f"at {at}: {status} for that one; the session beside it and the next one live")


@pytest.mark.fault(25)
@pytest.mark.parametrize("how", ["gone", "linked"])
def test_records_go_nowhere_else(
    programs: Programs, tmp_path: Path, measured: Measured, how: str
) -> None:
    records, outside = tmp_path / "records", tmp_path / "outside"
    records.mkdir()
    outside.write_text("untouched")
    with tcp_target(echo) as to:
        proxy = start_with_room(
            programs, tmp_path, "--record", f"{records}/rec", timeout=10, to=to
        )
        talk(proxy)
        if how == "gone":
            shutil.rmtree(records)
        else:
            for number in range(50):
                (records / f"rec.{number}").unlink(missing_ok=True)
                (records / f"rec.{number}").symlink_to(outside)
        talk(proxy)
        proxy.program.wait_for_output("(session closed(.|\n)*){2}")
    assert outside.read_text() == "untouched"
    assert "Traceback" not in proxy.program.output
    measured(f"{how}: the session lives, nothing is written elsewhere")
