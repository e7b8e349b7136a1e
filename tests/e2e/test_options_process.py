"""websockify's options about the process, its ends and its log: what each does.

One test for each, started by websockify's name, as a script would.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import stat
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from .programs import free_port, needs, wait_until_gone
from .proxy import clean_environment
from .targets import echo, tcp_target, unix_target
from .websockify import Websockify, get, leave, say, talk
from .wire import PING, SECONDS, Wire

pytestmark = pytest.mark.e2e


@pytest.mark.option("--help")
def test_help_lists_the_options_and_ends_with_0(websockify: Websockify) -> None:
    asked = websockify.run("--help")
    assert asked.exit_status() == 0
    for option in ("--run-once", "--idle-timeout", "--unix-listen-mode", "--file-only"):
        assert option in asked.output


@pytest.mark.row("`--verbose`")
@pytest.mark.option("--verbose")
def test_verbose_logs_each_request(websockify: Websockify, target: str) -> None:
    quiet, loud = websockify.serve(target), websockify.serve("-v", target)
    for proxy in (quiet, loud):
        assert get(proxy, "/seen")[0] == 426
    loud.program.wait_for_output(r"DEBUG .*GET /seen")
    assert "/seen" not in quiet.program.output


@pytest.mark.option("--traffic")
def test_traffic_prints_a_sign_for_each_frame(websockify: Websockify, target: str) -> None:
    proxy = websockify.serve("--traffic", target)
    with Wire.open(proxy.port) as wire:
        talk(wire, proxy.host)
    proxy.program.wait_for_output(r"(?s)Traffic Legend:.*\}>.*\{<")


@pytest.mark.row("`--record`")
@pytest.mark.option("--record")
def test_record_writes_a_file_for_each_session(websockify: Websockify, target: str) -> None:
    proxy = websockify.serve("--record=rec", target)
    for number in (1, 2):
        with Wire.open(proxy.port) as wire:
            talk(wire, proxy.host)
            leave(wire)
        proxy.program.wait_for_output(rf"(?s)(session closed.*){{{number}}}")
    assert proxy.program.stop() == 0
    records = sorted(websockify.cwd.iterdir())
    assert [path.name for path in records] == ["rec.1", "rec.2"]
    for path in records:
        text = path.read_text()
        assert re.search(r"^'\}\d+\}are you there',$", text, re.MULTILINE)
        assert re.search(r"^'\{\d+\{are you there',$", text, re.MULTILINE)
        assert text.endswith("'EOF'];\n")


@pytest.mark.row("`--daemon`")
@pytest.mark.option("--daemon")
def test_daemon_detaches_and_logs_to_the_file(websockify: Websockify, target: str) -> None:
    port = free_port()
    started = websockify.run("-D", "--log-file", "it.log", f"127.0.0.1:{port}", target)
    assert started.exit_status() == 0
    pid = int(re.findall(r"process (\d+)", started.output)[0])
    try:
        with Wire.open(port) as wire:
            talk(wire)
        assert os.getsid(pid) != os.getsid(0)
        assert Path(f"/proc/{pid}/comm").read_text() == "websockify\n"
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_until_gone(pid)
    assert "session opened" in (websockify.cwd / "it.log").read_text()


@pytest.mark.row("`--run-once`")
@pytest.mark.option("--run-once")
def test_run_once_ends_with_the_first_session(websockify: Websockify, target: str) -> None:
    proxy = websockify.serve("--run-once", target)
    assert get(proxy)[0] == 426  # a page is no session
    with Wire.open(proxy.port) as first, Wire.open(proxy.port) as second:
        talk(first, proxy.host)
        second.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert second.read_answer().status == 426
        leave(first)
    assert proxy.program.exit_status() == 0


@pytest.mark.row("`--timeout`")
@pytest.mark.option("--timeout")
def test_timeout_ends_it_when_nobody_is_connected(websockify: Websockify, target: str) -> None:
    proxy = websockify.serve("--timeout=1", target)
    with Wire.open(proxy.port) as wire:
        talk(wire, proxy.host)
        # Longer than the second: it goes on for as long as somebody is connected.
        with pytest.raises(subprocess.TimeoutExpired):
            proxy.program._process.wait(1.5)
        say(wire)
        leave(wire)
    assert proxy.program.exit_status() == 0
    assert "--timeout: 1 s are over" in proxy.program.output


@pytest.mark.option("--idle-timeout")
def test_idle_timeout_ends_it_without_clients(websockify: Websockify, target: str) -> None:
    proxy = websockify.serve("--idle-timeout", "1", target)
    with Wire.open(proxy.port) as wire:
        talk(wire, proxy.host)
        leave(wire)
    assert proxy.program.exit_status() == 0
    assert "--idle-timeout: nobody was connected for 1 s" in proxy.program.output


@pytest.mark.option("--heartbeat")
def test_heartbeat_pings_every_so_often(websockify: Websockify, target: str) -> None:
    proxy = websockify.serve("--heartbeat", "0.2", target)
    with Wire.open(proxy.port) as wire:
        talk(wire, proxy.host)
        assert [wire.read_frame()[0] for _ in range(2)] == [PING, PING]


@pytest.mark.row("`--log-file`")
@pytest.mark.option("--log-file")
def test_log_file_takes_the_lines_beside_stderr(websockify: Websockify, target: str) -> None:
    proxy = websockify.serve("--log-file=it.log", target)
    with Wire.open(proxy.port) as wire:
        talk(wire, proxy.host)
        leave(wire)
    proxy.program.wait_for_output("session closed")
    assert proxy.program.stop() == 0
    assert "session closed" in (websockify.cwd / "it.log").read_text()


@pytest.mark.row("`--syslog`")
@pytest.mark.option("--syslog", "--legacy-syslog")
@pytest.mark.parametrize(
    ("options", "form"),
    [
        ((), r"<30>1 \d{4}-\d\d-\d\dT\S+Z \S+ websockify \d+ - - wsproxy-gevent .* -> "),
        (("--legacy-syslog",), r"<30>\w{3} [ \d]\d [\d:]{8} \S+ websockify\[\d+\]: wsproxy-gev"),
    ],
)
def test_syslog_takes_the_lines_in_the_form_that_was_asked_for(
    options: tuple[str, ...], form: str, websockify: Websockify, target: str
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as syslog:
        syslog.bind(("127.0.0.1", 0))
        syslog.settimeout(SECONDS)
        server = f"127.0.0.1:{syslog.getsockname()[1]}"
        websockify.serve("--syslog", server, *options, target)
        assert re.match(form, syslog.recv(9000).decode())


@pytest.mark.row("`--syslog`")
@pytest.mark.option("--syslog")
def test_syslog_may_be_a_local_socket(websockify: Websockify, target: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
        syslog.bind(str(websockify.cwd / "log"))
        syslog.settimeout(SECONDS)
        websockify.serve("--syslog=./log", target)
        assert b" websockify[" in syslog.recv(9000)


@pytest.mark.row("`--libserver`")
@pytest.mark.option("--libserver")
def test_libserver_serves_as_without_it_and_says_so(websockify: Websockify, target: str) -> None:
    proxy = websockify.serve("--libserver", target)
    with Wire.open(proxy.port) as wire:
        talk(wire, proxy.host)
    assert "--libserver changes nothing" in proxy.program.output


@pytest.mark.row("`--prefer-ipv6`")
@pytest.mark.option("--prefer-ipv6")
def test_prefer_ipv6_puts_that_address_of_the_source_first(
    websockify: Websockify, target: str
) -> None:
    port = free_port()
    listening = websockify.run("-6", f"localhost:{port}", target)
    listening.wait_for_output(rf": \[::1\]:{port} and 127\.0\.0\.1:{port} -> ")


@pytest.mark.row("`--unix-listen-mode`")
@pytest.mark.option("--unix-listen", "--unix-listen-mode")
@pytest.mark.parametrize(("options", "mode"), [((), 0o600), (("--unix-listen-mode=660",), 0o660)])
def test_unix_listen_is_a_socket_of_that_mode(
    options: tuple[str, ...], mode: int, websockify: Websockify, target: str
) -> None:
    proxy = websockify.run("--unix-listen", "it.sock", *options, target)
    proxy.wait_for_output(r"unix:\S+it.sock -> ")
    path = websockify.cwd / "it.sock"
    assert stat.S_IMODE(path.stat().st_mode) == mode
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(SECONDS)
        sock.connect(str(path))
        talk(Wire(sock))


@pytest.mark.option("--unix-target")
def test_unix_target_is_where_it_connects(websockify: Websockify) -> None:
    port = free_port()
    with unix_target(websockify.cwd / "vnc.sock", echo):
        proxy = websockify.run("--unix-target=vnc.sock", f"127.0.0.1:{port}")
        proxy.wait_until_listening(port)
        with Wire.open(port) as wire:
            talk(wire)


@pytest.mark.option("--inetd")
def test_inetd_serves_the_listening_socket_on_stdin(websockify: Websockify, target: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = subprocess.Popen(
            [websockify.shim, "--inetd", target],
            stdin=listener.fileno(),
            cwd=websockify.cwd,
            env=clean_environment(),
            stderr=subprocess.DEVNULL,
        )
        try:
            with Wire.open(listener.getsockname()[1]) as wire:
                talk(wire)
        finally:
            process.terminate()
            assert process.wait(SECONDS) == 0


@pytest.mark.row("`--ssl-target`")
@pytest.mark.option("--ssl-target")
def test_ssl_target_speaks_tls_to_a_target_that_is_trusted(websockify: Websockify) -> None:
    pem = websockify.cwd / "target.pem"
    subprocess.run(
        [
            *(needs("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=target", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", "key.pem", "-out", pem),
        ],
        cwd=websockify.cwd,
        check=True,
        capture_output=True,
        timeout=SECONDS,
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem, websockify.cwd / "key.pem")

    def echo_over_tls(sock: socket.socket) -> None:
        with suppress(ssl.SSLError), context.wrap_socket(sock, server_side=True) as tls:
            echo(tls)

    with tcp_target(echo_over_tls) as port:
        trusting = {"SSL_CERT_FILE": str(pem)}
        proxy = websockify.serve("--ssl-target", f"127.0.0.1:{port}", env=trusting)
        with Wire.open(proxy.port) as wire:
            talk(wire, proxy.host)
        strict = websockify.serve("--ssl-target", f"127.0.0.1:{port}")
        with Wire.open(strict.port) as wire:
            wire.upgrade(strict.host)
            assert wire.read_close()[0] == 1011
