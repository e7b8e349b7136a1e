"""What is known of a target without connecting to it."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

from wsproxy_gevent.model import EchoTarget, Target, TcpTarget, UnixTarget
from wsproxy_gevent.net.probe import (
    listening_ports,
    warning_in_time,
    warning_of,
    why_down,
)

HEADING = "  sl  local_address rem_address   st tx_queue rx_queue\n"
LISTENER = "   0: 0100007F:170C 00000000:0000 0A 00000000:00000000\n"
CONNECTED = "   1: 0100007F:1770 0100007F:9C40 01 00000000:00000000\n"


def table(tmp_path: Path, text: str) -> tuple[str, ...]:
    file = tmp_path / "tcp"
    file.write_text(text)
    return (str(file), str(tmp_path / "absent"))


def test_a_port_that_is_listened_on_is_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert why_down(TcpTarget("127.0.0.1", port)) is None
        assert why_down(TcpTarget("localhost", port)) is None


def test_finding_out_is_no_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        why_down(TcpTarget("127.0.0.1", listener.getsockname()[1]))
        try:
            listener.accept()
        except BlockingIOError:
            return
    raise AssertionError("the target was connected to")


def test_only_listening_sockets_count(tmp_path: Path) -> None:
    tables = table(tmp_path, HEADING + LISTENER + CONNECTED)
    assert why_down(TcpTarget("127.0.0.1", 5900), tables) is None
    assert why_down(TcpTarget("127.0.0.1", 6000), tables) == "nothing listens there"


def test_another_machine_is_not_judged_by_our_ports(tmp_path: Path) -> None:
    assert why_down(TcpTarget("192.0.2.1", 6000), table(tmp_path, HEADING)) is None


def test_a_system_without_tables_says_nothing_against_a_port(tmp_path: Path) -> None:
    assert 6000 in listening_ports((str(tmp_path / "absent"),))


def test_a_name_without_an_address_is_told() -> None:
    reason = why_down(TcpTarget("no-such-host.invalid", 5900))
    assert reason is not None
    assert "name" in reason


def test_a_unix_socket_is_there_or_not(tmp_path: Path) -> None:
    path = tmp_path / "target.sock"
    assert why_down(UnixTarget(str(path))) == "there is no such socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        assert why_down(UnixTarget(str(path))) is None


def test_the_warning_names_the_target_and_what_is_wrong(tmp_path: Path) -> None:
    down = UnixTarget(str(tmp_path / "target.sock"))
    said = f"the target {down} is down for now: there is no such socket"
    assert [warning_of(down), warning_in_time(down)] == [said, said]
    assert warning_of(EchoTarget()) is None


def test_a_resolver_that_hangs_is_not_waited_for() -> None:
    over = threading.Event()

    def hang(_: Target) -> str:
        over.wait()
        return "too late"

    assert warning_in_time(EchoTarget(), 0.001, hang) is None
    over.set()
