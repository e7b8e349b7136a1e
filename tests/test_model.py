"""Values print as people write them, and ids sort by time."""

from __future__ import annotations

import pytest

from wsproxy_gevent.model import (
    Dialect,
    EchoTarget,
    Peer,
    TcpTarget,
    UnixTarget,
    new_session_id,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (TcpTarget("vm7", 5900), "vm7:5900"),
        (TcpTarget("::1", 5900), "[::1]:5900"),
        (UnixTarget("/run/vnc.sock"), "unix:/run/vnc.sock"),
        (EchoTarget(), "echo:"),
        (Peer("192.0.2.1", 1234), "192.0.2.1:1234"),
        (Peer("2001:db8::1", 1234), "[2001:db8::1]:1234"),
        (Peer(""), "unix"),
        (Peer("2001:db8::1"), "2001:db8::1"),
    ],
)
def test_values_print_as_people_write_them(value: object, text: str) -> None:
    assert str(value) == text


def test_an_id_is_sixteen_characters_of_base32() -> None:
    session_id = new_session_id(1_700_000_000.0)
    assert len(session_id) == 16
    assert set(session_id) <= set("0123456789abcdefghjkmnpqrstvwxyz")


def test_ids_sort_by_time() -> None:
    ids = [new_session_id(1_700_000_000.0 + n / 1000) for n in range(100)]
    assert ids == sorted(ids)


def test_ids_of_one_millisecond_differ() -> None:
    assert len({new_session_id(1_700_000_000.0) for _ in range(100)}) == 100


def test_the_hixies_are_the_ones_without_opcodes() -> None:
    assert [dialect for dialect in Dialect if dialect.is_hixie] == [
        Dialect.HIXIE_75,
        Dialect.HIXIE_76,
    ]
