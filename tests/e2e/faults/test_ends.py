"""Faults 1 to 10, 18 and 50: how a session ends, and what of it arrives all the same."""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest

from ..openssl import Authority
from ..programs import Programs, free_port
from ..proxy import start_proxy
from .hop import Tamper
from .lab import (
    KIB,
    MIB,
    NORMAL,
    TRY_LATER,
    Client,
    Measured,
    Service,
    bench,
    descriptors,
    is_prefix,
    is_whole,
    stream,
)

pytestmark = pytest.mark.e2e

UP, DOWN = stream(1, 10 * MIB), stream(2, MIB)


@pytest.mark.fault(1)
def test_a_target_that_is_closed_is_told_at_once(
    programs: Programs, tmp_path: Path, measured: Measured
) -> None:
    proxy = start_proxy(programs, f"127.0.0.1:{free_port()}", cwd=tmp_path)
    began = time.monotonic()
    with Client(proxy.port) as client:
        ended = client.wait()
    took = time.monotonic() - began
    assert (ended.code, ended.payload) == (TRY_LATER, b"")
    assert "refused" in ended.reason
    assert took < 1
    measured(f"Close {ended.code} {ended.reason!r} after {took * 1000:.0f} ms")


@pytest.mark.fault(2)
def test_a_target_that_drops_what_knocks_is_given_up_in_time(
    programs: Programs, tmp_path: Path, measured: Measured
) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:  # the queue is full: the kernel drops what comes
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        proxy = start_proxy(programs, f"127.0.0.1:{port}", "--dial-timeout", "1", cwd=tmp_path)
        with Client(proxy.port) as client:  # what a first dial brings along stays
            client.wait()
        before = descriptors(proxy.program)
        began = time.monotonic()
        with Client(proxy.port) as client:
            ended = client.wait()
        took = time.monotonic() - began
        for filler in fillers:
            filler.close()
    assert ended.code == TRY_LATER
    assert "time" in ended.reason
    assert 0.9 < took < 1.5
    proxy.program.wait_until(lambda: descriptors(proxy.program) <= before, "descriptors freed")
    measured(f"Close {ended.code} {ended.reason!r} {took:.2f} s into a limit of 1 s")


@pytest.mark.fault(5)
def test_what_a_target_says_before_its_end_arrives(
    programs: Programs, tmp_path: Path, measured: Measured
) -> None:
    service = Service(says=DOWN, then="ends")
    with bench(programs, tmp_path, service, from_target=Tamper(slice=977)) as it:
        with it.client() as client:
            ended = client.wait()
        assert (ended.code, is_whole(ended.payload, DOWN)) == (NORMAL, True)
    measured(f"{len(ended.payload):,} of {len(DOWN):,} bytes whole, then Close {ended.code}")


@pytest.mark.fault(6)
@pytest.mark.parametrize("cut", [1, 977, 600 * KIB])
def test_what_arrived_before_a_targets_reset_is_delivered_and_no_orderly_end(
    programs: Programs, tmp_path: Path, measured: Measured, cut: int
) -> None:
    service = Service(says=DOWN)
    with bench(programs, tmp_path, service, from_target=Tamper(cut_at=cut)) as it:
        with it.client() as client:
            ended = client.wait()
        assert ended.code == TRY_LATER
        assert is_prefix(ended.payload, DOWN)
        assert len(ended.payload) <= cut
    measured(
        f"reset behind {cut:,} bytes: {len(ended.payload):,} of them, then Close {ended.code}"
    )


@pytest.mark.parametrize(
    "speaks",
    [
        pytest.param(False, marks=pytest.mark.fault(7), id="silent"),
        pytest.param(True, marks=pytest.mark.fault(8), id="speaking"),
    ],
)
def test_what_a_client_sent_before_its_close_reaches_a_slow_target(
    programs: Programs, tmp_path: Path, measured: Measured, *, speaks: bool
) -> None:
    """Fault 8 with a target that goes on speaking meanwhile."""
    sent = UP[: 2 * MIB]
    service = Service(says=DOWN * 4 if speaks else b"", rate=MIB)
    with bench(programs, tmp_path, service, to_target=Tamper(rate=2 * MIB)) as it:
        with it.client() as client:
            client.send(sent)
            client.close()
            ended = client.wait()
            service.wait()
        assert ended.code == NORMAL
        assert service.ended == ["end"]
        assert is_whole(bytes(service.heard[0]), sent)
    does = "speaks" if speaks else "is silent"
    measured(f"{len(service.heard[0]):,} bytes whole at 1 MiB/s, then FIN, while it {does}")


@pytest.mark.fault(9)
def test_a_target_that_has_ended_its_half_gets_what_the_client_still_sends(
    programs: Programs, tmp_path: Path, measured: Measured
) -> None:
    service = Service(says=b"that is all", then="ends")
    sent = UP[:MIB]
    with bench(programs, tmp_path, service, to_target=Tamper(slice=4096, delay=0.05)) as it:
        with it.client() as client:
            client.send(sent)
            ended = client.wait()
            service.wait()
        assert ended.payload == b"that is all"
        assert service.ended == ["end"]
        assert is_prefix(bytes(service.heard[0]), sent)
    measured(f"{len(service.heard[0]):,} of {len(sent):,} bytes behind the target's FIN")


@pytest.mark.fault(10)
@pytest.mark.parametrize("cut", [100_000, 16 * KIB + 200])
def test_a_client_that_breaks_off_in_a_frame_ends_the_targets_side_at_once(
    programs: Programs, tmp_path: Path, measured: Measured, cut: int
) -> None:
    service = Service()
    with bench(programs, tmp_path, service, from_client=Tamper(cut_at=cut)) as it:
        with it.client() as client:
            began = time.monotonic()
            with pytest.raises(OSError):  # noqa: PT011  which, depends on what it meets
                client.send(UP)
            service.wait()
            took = time.monotonic() - began
        it.program.wait_for_output("session closed")
        assert is_prefix(bytes(service.heard[0]), UP)
        assert "Traceback" not in it.program.output
    assert took < 1.5
    measured(
        f"target's side over {took * 1000:.0f} ms later, {len(service.heard[0]):,} bytes of it"
    )


@pytest.mark.fault(18)
def test_a_client_whose_end_comes_late_is_waited_for_no_longer_than_the_limit(
    programs: Programs, tmp_path: Path, measured: Measured
) -> None:
    service = Service(says=b"bye", then="ends")
    with bench(programs, tmp_path, service, from_client=Tamper(late_end=30)) as it:
        before = it.settled()
        with it.client() as client:
            assert client.wait().code == NORMAL
        began = time.monotonic()
        it.program.wait_until(lambda: descriptors(it.program) <= before, "descriptors freed")
        took = time.monotonic() - began
    assert took < 10
    measured(f"both said Close; its descriptor was free {took:.1f} s later, its FIN 30 s")


@pytest.mark.fault(50)
def test_a_target_over_tls_that_is_cut_without_a_word_did_not_end_in_order(
    programs: Programs, tmp_path: Path, measured: Measured
) -> None:
    authority = Authority.make(tmp_path / "ca", "ours")
    ours = authority.sign("target", alternative="IP:127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ours.certificate, ours.key)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        said = threading.Event()

        def serve() -> None:
            sock, _ = listener.accept()
            with context.wrap_socket(sock, server_side=True) as tls:
                tls.sendall(DOWN)
                said.wait(20)
                os.close(tls.detach())  # a FIN, and no close_notify

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        words = ("--target-ca", str(authority.certificate))
        proxy = start_proxy(
            programs, *words, f"tls://127.0.0.1:{listener.getsockname()[1]}", cwd=tmp_path
        )
        with Client(proxy.port) as client:
            proxy.program.wait_until(lambda: client.received == len(DOWN), "all received")
            said.set()
            ended = client.wait()
        thread.join(10)
    assert ended.code == TRY_LATER
    assert is_whole(ended.payload, DOWN)
    measured(f"Close {ended.code} {ended.reason!r} behind {len(DOWN):,} bytes")
