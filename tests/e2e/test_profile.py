"""Under websockify's name it has websockify's manners, and says what it would refuse else."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from .certificates import make_certificate
from .programs import Programs, free_port, needs, needs_file
from .proxy import SCRIPT, Proxy, clean_environment
from .websockify import Websockify, get, leave, say, talk
from .wire import SECONDS, Wire

pytestmark = pytest.mark.e2e

FOREIGN = "Origin: https://elsewhere.example"


@pytest.mark.row("foreground or background")
def test_it_stays_in_front_and_bears_the_name(websockify: Websockify, target: str) -> None:
    proxy = websockify.serve(target)
    found = subprocess.run(
        [needs("pgrep"), "-x", "websockify"], capture_output=True, text=True, timeout=SECONDS
    )
    assert str(proxy.program.pid) in found.stdout.split()
    assert proxy.program.running


def test_the_same_by_an_option(programs: Programs, target: str, tmp_path: Path) -> None:
    port = free_port()
    program = programs.start(
        *(SCRIPT, "--profile", "websockify", f"127.0.0.1:{port}", target),
        env=clean_environment(),
        cwd=tmp_path,
    )
    program.wait_for_output(" -> ")
    with Wire.open(port) as wire:
        talk(wire, "another.example")


@pytest.mark.row("a named certificate that is missing")
def test_a_certificate_that_is_missing_is_a_warning(websockify: Websockify, target: str) -> None:
    proxy = websockify.serve("--cert", "absent.pem", target)
    assert "absent.pem is missing: serving without TLS" in proxy.program.output
    with Wire.open(proxy.port) as wire:
        talk(wire, proxy.host)


def test_cert_none_is_no_tls_whatever_lies_there(websockify: Websockify, target: str) -> None:
    (websockify.cwd / "self.pem").write_bytes(make_certificate(3))
    proxy = websockify.serve("--cert=none", target)
    assert "(ws://)" in proxy.program.output
    assert "wss://" not in proxy.program.output


@pytest.mark.row("a page of another site connects", "bound to loopback, another name in `Host`")
def test_a_foreign_page_and_host_are_let_in_with_a_warning_that_names_the_option(
    websockify: Websockify, target: str
) -> None:
    proxy = websockify.serve(target)
    with Wire.open(proxy.port) as wire:
        talk(wire, "console.example")
    proxy.program.wait_for_output(r"would be refused by default: .*--allow-host console\.example")
    with Wire.open(proxy.port) as wire:
        wire.upgrade(proxy.host, FOREIGN)
    proxy.program.wait_for_output(
        r"would be refused by default: .*--allow-origin https://elsewhere\.example"
    )


@pytest.mark.row("a page of another site connects", "bound to loopback, another name in `Host`")
def test_by_our_own_name_they_are_refused(programs: Programs, target: str, tmp_path: Path) -> None:
    port = free_port()
    program = programs.start(
        SCRIPT, "-f", f"127.0.0.1:{port}", target, env=clean_environment(), cwd=tmp_path
    )
    program.wait_for_output(" -> ")
    for host, line, status in (("x.example", "", 421), (f"127.0.0.1:{port}", FOREIGN, 403)):
        with Wire.open(port) as wire:
            head = [f"GET / HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade"]
            head += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"]
            wire.send("\r\n".join([*head, *filter(None, [line]), "", ""]).encode())
            assert wire.read_answer().status == status


def test_nobody_is_pinged_unasked(websockify: Websockify, target: str) -> None:
    checked = websockify.run("check", "0", target)
    assert checked.exit_status() == 0
    assert "heartbeat = 0  # default of the profile websockify" in checked.output


# -- Behind a server with a public name ---------------------------------------------------


def nginx(port: int, behind: int, directory: Path) -> list[str]:
    """The recipe of noVNC's wiki; Host is that of the upstream."""
    config = directory / "nginx.conf"
    config.write_text(
        "daemon off; error_log stderr; pid nginx.pid; events {} http { access_log off; "
        + "".join(f"{kind}_temp_path tmp; " for kind in ("client_body", "proxy", "fastcgi"))
        + "uwsgi_temp_path tmp; scgi_temp_path tmp; "
        f"server {{ listen 127.0.0.1:{port}; location / {{ "
        f"proxy_pass http://127.0.0.1:{behind}/; proxy_http_version 1.1; "
        "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; } } }\n"
    )
    return [needs("nginx"), "-e", "stderr", "-p", str(directory), "-c", str(config)]


MODULES = Path("/usr/lib/apache2/modules")


def apache(port: int, behind: int, directory: Path) -> list[str]:
    """mod_proxy_wstunnel, Host kept."""
    needs_file(MODULES / "mod_proxy_wstunnel.so", "Debian's apache2")
    loaded = ("mpm_event", "authz_core", "proxy", "proxy_http", "proxy_wstunnel", "rewrite")
    config = directory / "apache.conf"
    config.write_text(
        "".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so\n" for name in loaded)
        + f"ServerRoot {directory}\nPidFile apache.pid\nListen 127.0.0.1:{port}\n"
        "ServerName console.example\nErrorLog /dev/stderr\nUser #65534\nGroup #65534\n"
        "ProxyPreserveHost on\nRewriteEngine on\n"
        "RewriteCond %{HTTP:Upgrade} websocket [NC]\n"
        f"RewriteRule ^/(.*) ws://127.0.0.1:{behind}/$1 [P,L]\n"
        f"ProxyPass / http://127.0.0.1:{behind}/\n"
    )
    return [needs("apache2"), "-X", "-f", str(config)]


def haproxy(port: int, behind: int, directory: Path) -> list[str]:
    config = directory / "haproxy.cfg"
    config.write_text(
        "defaults\n mode http\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n"
        f" timeout tunnel 1h\nlisten it\n bind 127.0.0.1:{port}\n"
        f" server it 127.0.0.1:{behind}\n"
    )
    return [needs("haproxy"), "-f", str(config)]


@pytest.mark.parametrize("in_front", [nginx, apache, haproxy])
def test_a_public_name_comes_through_a_server_in_front(
    in_front: Callable[[int, int, Path], list[str]],
    websockify: Websockify,
    programs: Programs,
    target: str,
    tmp_path: Path,
) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "page.html").write_text("hello")
    proxy = websockify.serve("--web", "web", target)
    port = free_port()
    server = programs.start(*in_front(port, proxy.port, tmp_path), cwd=tmp_path)
    server.wait_until_listening(port)
    with Wire.open(port) as wire:
        wire.upgrade("console.example", "Origin: https://console.example")
        say(wire)
        leave(wire)
    assert get(Proxy(server, port), "/page.html") == (200, b"hello")


# -- Pages of another port ------------------------------------------------------------------

INNER = """<title>inner</title><script>
const socket = new WebSocket(`ws://${location.host}/`);
socket.binaryType = 'arraybuffer';
socket.onopen = () => socket.send(new Uint8Array([104, 105]));
socket.onmessage = (event) => parent.postMessage('inner ' + event.data.byteLength, '*');
socket.onclose = () => parent.postMessage('inner closed', '*');
</script>"""

OUTER = """<title>outer</title><p id="said"></p><iframe src="http://127.0.0.1:PORT/inner.html">
</iframe><script>
const said = (text) => document.getElementById('said').textContent += text + '; ';
addEventListener('message', (event) => said(event.data));
const socket = new WebSocket('ws://127.0.0.1:PORT/');
socket.binaryType = 'arraybuffer';
socket.onopen = () => socket.send(new Uint8Array([104, 105, 33]));
socket.onmessage = (event) => said('outer ' + event.data.byteLength);
socket.onclose = () => said('outer closed');
</script>"""


def test_pages_of_another_port_connect_and_frame_ours(
    websockify: Websockify, target: str, page: Page
) -> None:
    inner, outer = websockify.cwd / "inner", websockify.cwd / "outer"
    inner.mkdir()
    outer.mkdir()
    (inner / "inner.html").write_text(INNER)
    proxy = websockify.serve("--web", inner, target)
    (outer / "index.html").write_text(OUTER.replace("PORT", str(proxy.port)))
    other = websockify.serve("--web", outer, target)
    page.goto(f"http://localhost:{other.port}/")
    page.wait_for_function(
        "() => { const text = document.getElementById('said').textContent;"
        " return text.includes('inner 2') && text.includes('outer 3'); }"
    )
    shown = page.text_content("#said") or ""
    assert re.fullmatch(r"((inner 2|outer 3); ){2}", shown)
