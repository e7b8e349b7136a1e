"""Other people's servers in front of the proxy and behind it, as processes."""

from __future__ import annotations

import re
from pathlib import Path

from .programs import ROOT, Program, Programs, free_port, needs

HAPROXY_DEFAULTS = """
global
    log stdout format raw local0
defaults
    log global
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
"""

NGINX = """
daemon off;
master_process off;
pid {cwd}/nginx.pid;
error_log stderr;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {cwd}/body;
    proxy_temp_path {cwd}/proxy;
    fastcgi_temp_path {cwd}/fastcgi;
    uwsgi_temp_path {cwd}/uwsgi;
    scgi_temp_path {cwd}/scgi;
    server {{
        listen 127.0.0.1:{port};
        {location}
    }}
}}
"""


def documented_location(to: int) -> str:
    """The lines for nginx as our documents have them, for the proxy on that port."""
    text = (ROOT / "docs" / "proxies.md").read_text()
    match = re.search(r"```nginx\n(.*?)```", text, re.DOTALL)
    assert match is not None
    return match[1].replace("127.0.0.1:6080", f"127.0.0.1:{to}")


def start_nginx(programs: Programs, location: str, cwd: Path) -> int:
    """The port of an nginx that has this location."""
    port = free_port()
    config = cwd / "nginx.conf"
    config.write_text(NGINX.format(cwd=cwd, port=port, location=location))
    program = programs.start(needs("nginx"), "-e", "stderr", "-c", config, name="nginx")
    program.wait_until_listening(port)
    return port


def start_haproxy(programs: Programs, sections: str, cwd: Path, port: int) -> Program:
    """An HAProxy of these sections, once it listens on the port."""
    config = cwd / "haproxy.cfg"
    config.write_text(HAPROXY_DEFAULTS + sections)
    program = programs.start(needs("haproxy"), "-db", "-f", config, name="haproxy")
    program.wait_until_listening(port)
    return program


def start_stunnel(programs: Programs, options: str, cwd: Path, to: int) -> int:
    """The port of a service behind TLS: stunnel in front of the one at port `to`."""
    port = free_port()
    config = cwd / "stunnel.conf"
    config.write_text(
        f"foreground = yes\npid =\n[service]\naccept = 127.0.0.1:{port}\n"
        f"connect = 127.0.0.1:{to}\n{options}\n"
    )
    needed = needs("stunnel4", "stunnel")
    program = programs.start(needed, config, name="stunnel")
    program.wait_until_listening(port)
    return port
