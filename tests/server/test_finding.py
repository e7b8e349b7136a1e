"""From a request to a target that may be dialled: what is asked, in which order, and together."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, cast

import gevent
import pytest

from tests.fakes import FakeStream, RecordingLog
from wsproxy_gevent.auth.host import HostRule
from wsproxy_gevent.auth.login import Grant, Visitor
from wsproxy_gevent.auth.origin import OriginRule
from wsproxy_gevent.auth.plugin import PluginGate
from wsproxy_gevent.errors import PluginRefused, ProxyError, TargetForbidden, TokenRefused
from wsproxy_gevent.live.registry import Registry
from wsproxy_gevent.model import Peer, Target, TcpTarget, Token
from wsproxy_gevent.net.stream import Stream
from wsproxy_gevent.net.turns import Turns
from wsproxy_gevent.server.context import Context
from wsproxy_gevent.server.finding import find, visitor_of
from wsproxy_gevent.targets.plugin import PluginResolver
from wsproxy_gevent.targets.policy import TargetPolicy
from wsproxy_gevent.targets.resolver import Found
from wsproxy_gevent.wire.message import Headers, Request
from wsproxy_gevent.wire.tokens import TokenPlaces

HERE = Peer("127.0.0.1", 1)

SECONDS = 60.0
PAIRS = 10_000


@dataclass
class Asking:
    peer: Peer = HERE
    client: Peer = HERE
    stage: str = "login"
    secure: bool = False

    @property
    def stream(self) -> Stream:
        return cast(Stream, FakeStream())


@dataclass
class ByQuery:
    """Each token leads to the host of its name."""

    asked: int = 0

    def resolve(self, request: Request) -> Found:
        self.asked += 1
        token = TokenPlaces().find(request)
        if token is None:
            raise TokenRefused("no token")
        return Found(TcpTarget(token.secret, 5900), token)

    def holds(self, token: Token) -> bool:
        raise AssertionError


class Judge:
    """Refuses the host `mallory`."""

    def __init__(self) -> None:
        self.judged: list[tuple[Visitor, Target]] = []

    def authenticate(self, request: Request, visitor: Visitor, target: Target) -> None:
        self.judged.append((visitor, target))
        if isinstance(target, TcpTarget) and target.host == "mallory":
            raise PluginRefused("not to mallory")

    check = authenticate


def context(resolver: Any, plugin: Any = None, allow: tuple[str, ...] = ()) -> Context:
    return Context(
        log=RecordingLog(),
        registry=Registry(),
        resolver=resolver,
        dialer=cast(Any, None),
        web=cast(Any, None),
        host=HostRule(False),
        origin=OriginRule(),
        policy=TargetPolicy(list(allow)),
        plugin=plugin,
    )


def asking(token: str) -> Request:
    return Request("GET", f"/?token={token}")


def test_the_target_is_found_then_admitted_then_judged() -> None:
    judge, visit = Judge(), Asking()
    found = find(context(ByQuery(), judge), visit, asking("alice"), Grant(user="a"))
    assert found == Found(TcpTarget("alice", 5900), Token("alice"))
    assert judge.judged == [(Visitor(visit.client, user="a"), TcpTarget("alice", 5900))]
    assert visit.stage == "plugin"


@pytest.mark.parametrize(
    ("token", "kind", "stage"),
    [
        ("", TokenRefused, "target"),
        ("other.example", TargetForbidden, "policy"),
        ("mallory", PluginRefused, "plugin"),
    ],
)
@pytest.mark.parametrize("in_one_turn", [False, True])
def test_each_may_refuse_and_the_log_knows_which(
    token: str, kind: type[ProxyError], stage: str, *, in_one_turn: bool
) -> None:
    visit, judge, resolver = Asking(), Judge(), ByQuery()
    by: Any = resolver
    if in_one_turn:
        by = PluginResolver(ByLookup(), TokenPlaces(), Turns(), timeout=SECONDS)
    allowed = ("alice:5900", "mallory:5900")
    with pytest.raises(ProxyError) as caught:
        find(context(by, judge, allowed), visit, asking(token), Grant())
    assert isinstance(caught.value, kind) or (token == "" and caught.value.http_status == 403)
    assert visit.stage == stage
    assert len(judge.judged) == (stage == "plugin")


class ByLookup:
    def lookup(self, token: str) -> Any:
        return token, 5900


def test_what_a_login_has_named_needs_no_token_and_is_judged_all_the_same() -> None:
    named = Grant(target=TcpTarget("mallory", 5900))
    resolver, judge = ByQuery(), Judge()
    with pytest.raises(PluginRefused):
        find(context(resolver, judge), Asking(), asking(""), named)
    with pytest.raises(TargetForbidden):
        find(context(resolver, judge, ("alice:5900",)), Asking(), asking("alice"), named)
    assert resolver.asked == 0


def test_who_asks_is_told_apart_from_the_proxy_it_came_through() -> None:
    direct, through = Asking(), Asking(client=Peer("203.0.113.9", 0))
    assert visitor_of(direct).via is None
    assert visitor_of(through, "alice") == Visitor(
        Peer("203.0.113.9", 0), user="alice", via=Peer("127.0.0.1", 1)
    )


# -- Plugins that keep in a global what they work with -------------------------------------

# As two plugins of one module have it that were written for a process a connection.
_LAST: str | None = None


class Shelf:
    def lookup(self, token: str) -> Any:
        global _LAST
        _LAST = token
        threading.Event().wait(0)  # whoever may come in between comes now
        host = _LAST
        threading.Event().wait(0)
        return host, 5900


class Contract:
    def __init__(self) -> None:
        self.crossed: Counter[str] = Counter()

    def authenticate(self, headers: Any, target_host: Any, target_port: Any) -> None:
        threading.Event().wait(0)
        if headers["X-Mine"] != _LAST or target_host != _LAST:
            self.crossed[f"{headers['X-Mine']} {target_host} {_LAST}"] += 1


@dataclass
class Apart:
    """Finds in one turn what is judged in another."""

    behind: PluginResolver

    def resolve(self, request: Request) -> Found:
        found = self.behind.resolve(request)
        gevent.sleep(0.001)
        return found

    def holds(self, token: Token) -> bool:
        raise AssertionError


def ask_at_once(rounds: int, many: int, contract: Contract, *, apart: bool = False) -> None:
    """Each of so many handshakes at once gets the target of its own token."""
    turns = Turns()
    resolver = PluginResolver(Shelf(), TokenPlaces(), turns, timeout=SECONDS)
    gate = PluginGate(contract, turns, timeout=SECONDS)
    both = context(Apart(resolver) if apart else resolver, gate)

    def ask(token: str) -> Found:
        request = replace(asking(token), headers=Headers([("X-Mine", token)]))
        return find(both, Asking(), request, Grant())

    for number in range(rounds):
        names = [f"{one}-{number}" for one in range(many)]
        asked = [gevent.spawn(ask, name) for name in names]
        gevent.joinall(asked, timeout=SECONDS, raise_error=True)
        for name, one in zip(names, asked, strict=True):
            assert one.value == Found(TcpTarget(name, 5900), Token(name))


@pytest.mark.fault(44)
def test_no_two_handshakes_ever_see_each_others_globals() -> None:
    contract = Contract()
    ask_at_once(PAIRS, 2, contract)
    ask_at_once(1, 500, contract)
    assert not contract.crossed


def test_and_they_would_if_finding_and_judging_were_apart() -> None:
    contract = Contract()
    ask_at_once(1, 2, contract, apart=True)
    assert contract.crossed
