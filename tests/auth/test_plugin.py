"""Somebody's own word on who comes in: what it is told, and what its no becomes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.auth.fakes import PEER
from wsproxy_gevent.auth.login import Grant, Visitor
from wsproxy_gevent.auth.plugin import COMMON_NAME, PageGate, PluginGate
from wsproxy_gevent.auth_plugins import AuthenticationError, InvalidOriginError
from wsproxy_gevent.errors import Busy, PluginFailed, PluginRefused
from wsproxy_gevent.model import EchoTarget, Target, TcpTarget, UnixTarget
from wsproxy_gevent.net.peercert import PeerCertificate
from wsproxy_gevent.net.turns import Turns
from wsproxy_gevent.wire.message import Headers, Request

VISITOR = Visitor(PEER, secure=True)
TARGET = TcpTarget("vm7", 5900)
REQUEST = Request(
    "GET",
    "/",
    headers=Headers(
        [
            ("Host", "gw.example"),
            ("X-Twice", "1"),
            ("X-Twice", "2"),
            ("SSL-Client-CN", "root"),
            ("SSL_CLIENT_S_DN_CN", "root"),
            ("ssl_client_verify", "SUCCESS"),
        ]
    ),
)


class Plugin:
    def __init__(self, answer: Callable[..., object]) -> None:
        self._answer = answer

    def authenticate(self, headers: Any, target_host: Any, target_port: Any) -> object:
        return self._answer(headers, target_host, target_port)


def told(
    request: Request = REQUEST,
    visitor: Visitor = VISITOR,
    target: Target | None = TARGET,
    *,
    as_text: bool = False,
) -> tuple[Any, Any, Any]:
    """What the plugin was given."""
    given: list[tuple[Any, Any, Any]] = []
    plugin = Plugin(lambda *arguments: given.append(arguments))
    PluginGate(plugin, Turns(), port_as_text=as_text).check(request, visitor, target)
    (one,) = given
    return one


def refused(error: BaseException) -> PluginRefused | PluginFailed:
    def answer(*_: Any) -> object:
        raise error

    with pytest.raises((PluginRefused, PluginFailed)) as caught:
        PluginGate(Plugin(answer), Turns()).check(REQUEST, VISITOR, TARGET)
    assert isinstance(caught.value, PluginRefused | PluginFailed)
    return caught.value


# -- What it is told -----------------------------------------------------------------------


def test_headers_are_found_in_any_case_and_are_none_where_missing() -> None:
    headers, _, _ = told()
    assert headers["host"] == headers["HOST"] == headers.get("Host") == "gw.example"
    assert headers["Origin"] is None
    assert headers.get("Origin", "-") == "-"
    assert "X-Twice" in headers
    assert headers.get_all("x-twice") == ["1", "2"]


def test_what_only_a_web_server_can_know_is_not_taken_from_a_client() -> None:
    headers, _, _ = told()
    assert [name for name in headers if name.lower().startswith("ssl")] == []
    certificate = PeerCertificate(common_name="alice", fingerprint="00", names=())
    headers, _, _ = told(visitor=replace(VISITOR, certificate=certificate))
    assert headers.get_all(COMMON_NAME) == ["alice"]


@pytest.mark.parametrize(
    ("target", "host", "port"),
    [
        (TARGET, "vm7", 5900),
        (UnixTarget("/run/vm7"), "unix_socket", "/run/vm7"),
        (EchoTarget(), None, None),
        (None, None, None),
    ],
)
def test_the_target_is_a_host_and_a_port(target: Target | None, host: Any, port: Any) -> None:
    assert told(target=target)[1:] == (host, port)
    as_text = None if port is None else str(port)
    assert told(target=target, as_text=True)[1:] == (host, as_text)


# -- Yes and no ----------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [None, True, False, 0, "no"])
def test_whatever_it_returns_is_a_yes(answer: object) -> None:
    PluginGate(Plugin(lambda *_: answer), Turns()).check(REQUEST, VISITOR, TARGET)


def test_a_no_is_answered_in_its_words() -> None:
    error = AuthenticationError(
        log_msg="no contract",
        response_code=402,
        response_headers={"X-Why": "unpaid"},
        response_msg="pay\r\nfirst",
    )
    refusal = refused(error)
    assert (refusal.http_status, refusal.reason) == (402, "pay first")
    assert (refusal.detail, refusal.headers) == ("no contract", (("X-Why", "unpaid"),))


def test_a_bare_no_says_little() -> None:
    refusal = refused(AuthenticationError())
    assert isinstance(refusal, PluginRefused)
    assert (refusal.http_status, refusal.headers) == (403, ())
    assert refusal.reason == "access is not granted"
    assert refused(InvalidOriginError("https://a.example", None)).http_status == 403


def test_anybodys_exception_with_a_code_is_a_no() -> None:
    class TheirsError(Exception):
        code = 451

    assert refused(TheirsError("by law")).http_status == 451


def test_what_would_end_a_field_is_not_sent() -> None:
    headers = {"X-Good": "1", "X-Bad": "1\r\nSet-Cookie: a=b", "X\r\nBad": "1", "X-Ä": "1"}
    error = AuthenticationError(response_headers=headers)
    assert refused(error).headers == (("X-Good", "1"),)
    error.headers = [("X-Good", "1")]  # type: ignore[assignment]
    assert refused(error).headers == ()


@pytest.mark.fault(33)
@pytest.mark.parametrize("code", [None, "403", True, 200, 101, 399, 600, -1, 403.0])
def test_a_code_that_is_no_refusal_lets_nobody_in(code: object) -> None:
    error = RuntimeError("out of order")
    error.code = code  # type: ignore[attr-defined]
    refusal = refused(error)
    assert isinstance(refusal, PluginFailed)
    assert refusal.http_status == 503
    assert "RuntimeError in " in refusal.detail
    assert "out of order" not in refusal.reason


@pytest.mark.fault(33)
def test_one_that_hangs_lets_nobody_in() -> None:
    let_go = threading.Event()
    gate = PluginGate(Plugin(lambda *_: let_go.wait(5)), Turns(), timeout=0.05)
    with pytest.raises(Busy):
        gate.check(REQUEST, VISITOR, TARGET)
    let_go.set()


def test_ours_run_where_they_are_called_and_somebodys_on_a_thread() -> None:
    threads: list[int] = []
    plugin = Plugin(lambda *_: threads.append(threading.get_ident()))
    PluginGate(plugin, None).check(REQUEST, VISITOR, TARGET)
    PluginGate(plugin, Turns()).check(REQUEST, VISITOR, TARGET)
    here, there = threads
    assert here == threading.get_ident() != there


def test_in_front_of_pages_it_is_asked_with_everybodys_target() -> None:
    given: list[Any] = []
    gate = PluginGate(Plugin(lambda *arguments: given.append(arguments[1:])), Turns())
    named = replace(VISITOR, user="alice")
    assert PageGate(gate, TARGET).check(REQUEST, named) == Grant(user="alice")
    assert PageGate(gate, None).check(REQUEST, named) == Grant(user="alice")
    assert given == [("vm7", 5900), (None, None)]
