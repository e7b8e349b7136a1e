"""Sockets that came with the process: how many, and whether they are what they should be."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from wsproxy_gevent.activation import forget, sockets_given, take
from wsproxy_gevent.errors import StartError, UsageError

PID = 4711


@pytest.mark.parametrize(
    ("environ", "count"),
    [
        ({}, 0),
        ({"LISTEN_FDS": "2"}, 0),
        ({"LISTEN_FDS": "2", "LISTEN_PID": "1"}, 0),
        ({"LISTEN_FDS": "2", "LISTEN_PID": "4711"}, 2),
    ],
)
def test_only_what_is_meant_for_us_counts(environ: dict[str, str], count: int) -> None:
    assert sockets_given(environ, PID) == count


def test_nonsense_is_told() -> None:
    with pytest.raises(UsageError, match="LISTEN_FDS: 'two'"):
        sockets_given({"LISTEN_FDS": "two", "LISTEN_PID": "4711"}, PID)


def test_children_hear_nothing_of_it() -> None:
    environ = {"LISTEN_FDS": "1", "LISTEN_PID": "1", "LISTEN_FDNAMES": "x", "PATH": "/bin"}
    forget(environ)
    assert environ == {"PATH": "/bin"}


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def test_a_listening_socket_is_taken_and_kept_from_children(listener: socket.socket) -> None:
    number = os.dup(listener.fileno())
    os.set_inheritable(number, True)
    (taken,) = take(1, number)
    with taken:
        assert taken.getsockname() == listener.getsockname()
        assert taken.family == socket.AF_INET
        assert not taken.get_inheritable()
        assert not taken.getblocking()


def test_a_socket_that_does_not_listen_is_told() -> None:
    with socket.socket() as idle:
        number = os.dup(idle.fileno())
        with pytest.raises(StartError, match=rf"descriptor {number} is no listening .*Accept=no"):
            take(1, number)


def test_a_descriptor_that_is_no_socket_is_told() -> None:
    with open(os.devnull) as null, pytest.raises(StartError, match="descriptor"):
        take(1, null.fileno())
