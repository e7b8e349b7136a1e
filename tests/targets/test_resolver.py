from __future__ import annotations

import pytest

from wsproxy_gevent.model import EchoTarget, Target, TcpTarget, UnixTarget
from wsproxy_gevent.targets.resolver import Found, Resolver, StaticResolver
from wsproxy_gevent.wire.message import Headers, Request

TARGETS: list[Target] = [TcpTarget("localhost", 5900), UnixTarget("/run/x"), EchoTarget()]

REQUESTS = [
    Request("GET", "/"),
    Request("GET", "/websockify?token=other", headers=Headers([("Host", "other.example:99")])),
]


@pytest.mark.parametrize("target", TARGETS, ids=str)
@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.target)
def test_every_request_goes_to_the_one_target(target: Target, request_: Request) -> None:
    resolver: Resolver = StaticResolver(target)
    assert resolver.resolve(request_) == Found(target)
