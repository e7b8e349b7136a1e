"""Standard input is the socket, and nothing is said to it."""

from __future__ import annotations

import os
import socket
import syslog
from collections.abc import Iterator
from contextlib import closing

import pytest

from wsproxy_gevent.errors import StartError
from wsproxy_gevent.inetd import out_of_sight, take_stdin


@pytest.fixture
def client() -> Iterator[socket.socket]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(5)
    with closing(ours), closing(theirs):
        globals()["NUMBERS"] = [os.dup(ours.fileno()) for _ in range(3)]
        yield theirs
        for number in NUMBERS:
            os.close(number)


# The three descriptors of the fixture, in the place of 0, 1 and 2.
NUMBERS: list[int] = []


def test_the_socket_is_taken_from_all_three(client: socket.socket) -> None:
    with take_stdin(NUMBERS) as taken:
        for number in NUMBERS:
            os.write(number, b"a warning")
        taken.sendall(b"payload")
        assert client.recv(100) == b"payload"


def test_what_is_said_before_does_not_reach_the_client(client: socket.socket) -> None:
    with out_of_sight(NUMBERS):
        os.write(NUMBERS[1], b"a warning")
        os.write(NUMBERS[2], b"a warning")
        with take_stdin(NUMBERS) as taken:
            taken.sendall(b"payload")
            assert client.recv(100) == b"payload"


def test_a_standard_error_of_its_own_is_left_alone(client: socket.socket) -> None:
    reading, writing = os.pipe()
    try:
        with out_of_sight([*NUMBERS[:2], writing]):
            os.write(writing, b"a warning")
        assert os.read(reading, 100) == b"a warning"
    finally:
        os.close(reading)
        os.close(writing)


def test_what_is_no_socket_is_told() -> None:
    with open(os.devnull) as null, pytest.raises(StartError, match="no socket"):
        take_stdin([null.fileno()])


def test_what_keeps_us_from_serving_goes_to_the_operator(
    client: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, str]] = []
    monkeypatch.setattr("syslog.syslog", lambda level, text: told.append((level, text)))
    with pytest.raises(StartError), out_of_sight(NUMBERS):
        raise StartError("the disk\nis gone")
    assert told == [(syslog.LOG_ERR, "the disk is gone")]
