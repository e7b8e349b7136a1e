"""How sources of tokens name a target, and what of that is taken."""

from __future__ import annotations

import pytest

from wsproxy_gevent.errors import PluginFailed, SourceFailed, TargetForbidden, UsageError
from wsproxy_gevent.model import Target, TcpTarget, TlsTarget, UnixTarget
from wsproxy_gevent.targets.naming import (
    from_elsewhere,
    parse_named,
    target_of_answer,
    target_of_lookup,
    target_of_pair,
)

HOST = TcpTarget("vm7.internal", 5900)
SIX = TcpTarget("2001:db8::7", 5901)
SOCKET = UnixTarget("/run/vm7.sock")

TEXTS: list[tuple[str, Target]] = [
    ("vm7.internal:5900", HOST),
    ("[2001:db8::7]:5901", SIX),
    ("unix:/run/vm7.sock", SOCKET),
    ("unix_socket:/run/vm7.sock", SOCKET),
    ("tls://vm7.internal:5900", TlsTarget("vm7.internal", 5900)),
]


@pytest.mark.parametrize(("text", "target"), TEXTS)
def test_a_line_names_a_target(text: str, target: Target) -> None:
    assert parse_named(text) == target


PAIRS: list[tuple[object, object, Target]] = [
    ("vm7.internal", "5900", HOST),
    ("vm7.internal", 5900, HOST),
    ("2001:db8::7", "5901", SIX),
    ("[2001:db8::7]", 5901, SIX),
    ("unix_socket", "/run/vm7.sock", SOCKET),
]


@pytest.mark.parametrize(("host", "port", "target"), PAIRS)
def test_a_pair_names_a_target(host: object, port: object, target: Target) -> None:
    assert target_of_pair(host, port) == target
    assert target_of_lookup((host, port)) == target


def test_a_lookup_may_give_its_port_as_bytes() -> None:
    assert target_of_lookup(["vm7.internal", b"5900"]) == HOST


NO_PAIRS: list[tuple[object, object]] = [
    (None, 5900),
    ("vm7.internal", None),
    ("vm7.internal", True),
    ("vm7.internal", 5900.0),
    ("vm7.internal", "x"),
    ("vm7.internal", 0),
    ("vm7.internal", 65536),
    ("", 5900),
    ("a b", 5900),
    ("vm7.internal/path", 5900),
    (["vm7.internal"], 5900),
    ("unix_socket", "relative"),
]


@pytest.mark.parametrize(("host", "port"), NO_PAIRS)
def test_what_is_no_pair_names_nothing(host: object, port: object) -> None:
    with pytest.raises(UsageError):
        target_of_pair(host, port)
    with pytest.raises(PluginFailed):
        target_of_lookup((host, port))


@pytest.mark.parametrize("found", [(), ("a",), ("a", 1, 2), 7, "abc", object()])
def test_a_lookup_that_returns_no_two_is_a_fault_of_the_plugin(found: object) -> None:
    with pytest.raises(PluginFailed) as caught:
        target_of_lookup(found)
    assert type(found).__name__ in caught.value.detail


ANSWERS: list[tuple[str, Target]] = [
    (" vm7.internal:5900\n", HOST),
    ('{"host": "vm7.internal", "port": 5900}', HOST),
    ('{"host": "vm7.internal", "port": "5900", "more": [1]}', HOST),
    ('{"host": "vm7.internal:5900"}', HOST),
    ('{"target": "[2001:db8::7]:5901"}', SIX),
    ('{"target": "unix:/run/vm7.sock"}', SOCKET),
    ('{"host": "unix_socket", "port": "/run/vm7.sock"}', SOCKET),
]


@pytest.mark.parametrize(("text", "target"), ANSWERS)
def test_an_answer_names_a_target(text: str, target: Target) -> None:
    assert target_of_answer(text) == target


NO_ANSWERS = [
    "",
    "vm7.internal",
    "<html>sign in</html>",
    "{",
    "{}",
    '{"host": 7, "port": 1}',
    '{"target": null}',
    '{"host": "a", "port": {}}',
    '{"host": "a"}',
    "[" * 5000,
    '{"a":' * 5000,
]


@pytest.mark.parametrize("text", NO_ANSWERS, ids=lambda text: text[:20])
def test_an_answer_that_names_nothing_is_a_fault_of_the_source(text: str) -> None:
    with pytest.raises(SourceFailed) as caught:
        target_of_answer(text)
    assert caught.value.http_status == 503
    if text:
        assert text not in caught.value.detail + caught.value.reason


def test_data_names_a_socket_of_this_machine_only_where_a_list_says_so() -> None:
    with pytest.raises(TargetForbidden, match="--allow-target"):
        from_elsewhere(SOCKET, unix=False)
    assert from_elsewhere(SOCKET, unix=True) == SOCKET
    assert from_elsewhere(HOST, unix=False) == HOST
