"""Somebody's own lookup: what it may return, and what becomes of what it should not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import gevent
import pytest

from wsproxy_gevent.errors import Busy, PluginFailed, TokenMissing, TokenRefused
from wsproxy_gevent.model import Target, TcpTarget, Token, UnixTarget
from wsproxy_gevent.net.turns import Turns
from wsproxy_gevent.targets.plugin import PluginResolver
from wsproxy_gevent.targets.resolver import Found, InOneTurn
from wsproxy_gevent.wire.message import Request
from wsproxy_gevent.wire.tokens import TokenPlaces

ASKING = Request("GET", "/?token=secret-one")
THERE = TcpTarget("vm7", 5900)


class Plugin:
    def __init__(self, lookup: Callable[[str], Any]) -> None:
        self.lookup = lookup


def resolver(lookup: Callable[[str], Any], timeout: float = 5.0) -> PluginResolver:
    return PluginResolver(Plugin(lookup), TokenPlaces(), Turns(), timeout=timeout)


@pytest.mark.parametrize(
    ("found", "target"),
    [
        (("vm7", 5900), THERE),
        (["vm7", "5900"], THERE),
        (("vm7", b"5900"), THERE),
        (("::1", 5900), TcpTarget("::1", 5900)),
        (("[::1]", "5900"), TcpTarget("::1", 5900)),
        (("unix_socket", "/run/vm7"), UnixTarget("/run/vm7")),
    ],
)
def test_a_pair_is_a_target(found: Any, target: Target) -> None:
    asked: list[str] = []

    def lookup(token: str) -> Any:
        asked.append(token)
        return found

    it = resolver(lookup)
    assert isinstance(it, InOneTurn)
    assert it.resolve(ASKING) == Found(target, Token("secret-one"))
    assert asked == ["secret-one"]


@pytest.mark.parametrize("found", [None, (), [], "", 0, False])
def test_nothing_is_a_token_that_is_not_known(found: Any) -> None:
    it = resolver(lambda _: found)
    with pytest.raises(TokenRefused) as caught:
        it.resolve(ASKING)
    assert "secret" not in caught.value.reason + caught.value.detail
    assert not it.holds(Token("secret-one"))
    assert resolver(lambda _: ("vm7", 5900)).holds(Token("secret-one"))


@pytest.mark.fault(33)
@pytest.mark.parametrize(
    "found",
    [
        *("vm7:5900", "vm7", 7, True, object(), {"host": "vm7", "port": 5900}, ("vm7",)),
        *(("vm7", 5900, 1), ("vm7", None), (None, 5900), ("vm7", "x"), ("vm7", 0), ("", 5900)),
        *(("vm7", 70000), ("vm7", True), ("a b", 1), ("vm7\n", 1), ("vm7", b"\xff"), (b"vm7", 1)),
    ],
)
def test_what_is_no_pair_is_the_plugins_fault(found: Any) -> None:
    with pytest.raises(PluginFailed, match="named no target") as caught:
        resolver(lambda _: found).resolve(ASKING)
    assert caught.value.http_status == 503
    assert "lookup() returned a " in caught.value.detail


def test_an_exception_says_where_and_not_with_which_token() -> None:
    def lookup(token: str) -> Any:
        raise KeyError(token)

    with pytest.raises(PluginFailed, match="a plugin failed") as caught:
        resolver(lookup).resolve(ASKING)
    assert "KeyError in " in caught.value.detail
    assert __file__ in caught.value.detail
    assert "secret" not in caught.value.reason + caught.value.detail
    assert caught.value.__cause__ is None
    with pytest.raises(PluginFailed):
        resolver(lookup).holds(Token("secret-one"))


def test_it_may_refuse_in_words_of_ours() -> None:
    refused = TokenRefused("no more of this")

    def lookup(token: str) -> Any:
        raise refused

    with pytest.raises(TokenRefused, match="no more of this"):
        resolver(lookup).resolve(ASKING)


def test_without_a_token_it_is_not_asked() -> None:
    asked: list[str] = []
    with pytest.raises(TokenMissing):
        resolver(lambda token: asked.append(token)).resolve(Request("GET", "/"))
    assert not asked


def test_it_runs_on_a_native_thread_and_may_take_so_long() -> None:
    let_go, here = threading.Event(), threading.get_ident()
    threads: list[int] = []

    def lookup(token: str) -> Any:
        threads.append(threading.get_ident())
        let_go.wait(5)
        return "vm7", 5900

    it = resolver(lookup, timeout=0.05)
    with pytest.raises(Busy):
        it.resolve(ASKING)
    let_go.set()
    assert threads != [here]
    for _ in range(100):  # its turn comes back with its end
        try:
            assert it.resolve(ASKING).target == THERE
            break
        except Busy:
            gevent.sleep(0)
    else:
        pytest.fail("the turn did not come back")


def test_what_judges_runs_in_the_same_turn() -> None:
    """Each lookup is followed by its own judge, whoever else waits."""
    steps: list[str] = []

    def lookup(token: str) -> Any:
        steps.append(f"find {token}")
        threading.Event().wait(0)
        return token, 5900

    def judge(target: Target) -> Target:
        assert isinstance(target, TcpTarget)
        steps.append(f"judge {target.host}")
        return target

    it = resolver(lookup)
    requests = [Request("GET", f"/?token=t{number}") for number in range(100)]
    asking = [gevent.spawn(it.resolve_then, request, judge) for request in requests]
    gevent.joinall(asking, timeout=10, raise_error=True)
    found = [f"t{number}" for number in range(100)]
    targets = [Found(TcpTarget(host, 5900), Token(host)) for host in found]
    assert [one.value for one in asking] == targets
    assert steps == [step for host in found for step in (f"find {host}", f"judge {host}")]
