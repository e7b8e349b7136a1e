"""A port that is about to be left lets nobody in, and those who are in stay."""

from __future__ import annotations

import socket
import sys

import pytest

from wsproxy_gevent.net.handover import refuse_newcomers

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux's filters")


def test_newcomers_are_not_let_in_and_others_go_on() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as early,
        socket.socket() as late,
    ):
        assert refuse_newcomers(listener)
        late.setblocking(False)
        late.connect_ex(listener.getsockname())
        accepted, _ = listener.accept()
        with accepted:
            early.sendall(b"hello")
            assert accepted.recv(5) == b"hello"
            accepted.sendall(b"and back")
            assert early.recv(8) == b"and back"
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_a_unix_socket_has_no_such_thing() -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        assert not refuse_newcomers(listener)
