"""A session wants nothing of Python's own files any more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# Serves a session, refusals and a page, and prints what was imported for them.
SESSION = r"""
import os, signal, socket, sys
import gevent
from gevent import socket as gsocket
from gevent.event import Event
from wsproxy_gevent import cli
from wsproxy_gevent.app import Proxy
from wsproxy_gevent.config.settings import Settings
from wsproxy_gevent.preload import preload

target = socket.create_server(("127.0.0.1", 0))
settings = Settings(
    source="127.0.0.1:0",
    target=f"localhost:{target.getsockname()[1]}",
    cert="auto",
    web=".",
    record="records/",
    foreground=True,
)
proxy = Proxy(settings)
preload()
before = set(sys.modules)
ready = Event()
serving = gevent.spawn(proxy.serve, ready.set)
ready.wait()
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)

def say(data):
    with gsocket.create_connection(proxy.listening.bound[0], timeout=10) as client:
        client.sendall(data)
        client.recv(1)

say(UPGRADE + b"\r\n\x82\x82\0\0\0\0hi")
say(UPGRADE + b"Origin: http://m\xc3\xbcll.example\r\n\r\n")
say(UPGRADE + b"Origin: http://xn--mll-hoa.example\r\n\r\n")
say(b"GET /page.txt HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-1\r\n\r\n")
say(b"GET /absent HTTP/1.1\r\nHost: localhost\r\n\r\n")
say(b"GET / HTTP/9\r\n\r\n")
say(b"\xff")
say(b"\x16\x03\x01\0\5hello")
os.kill(os.getpid(), signal.SIGTERM)
serving.join(10)
sys.stdout.write(repr(sorted(set(sys.modules) - before)))
"""


def test_what_a_session_imports_is_there_before_the_user_changes(tmp_path: Path) -> None:
    (tmp_path / "page.txt").write_text("a page")
    done = subprocess.run(
        [sys.executable, "-c", SESSION], capture_output=True, text=True, timeout=30, cwd=tmp_path
    )
    assert (done.stdout, done.returncode) == ("[]", 0), done.stderr
