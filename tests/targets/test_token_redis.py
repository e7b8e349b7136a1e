"""Tokens in a real Redis: over TCP and TLS, with passwords, and when it is not there."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import gevent
import pytest
import redis

from tests.e2e.openssl import Authority
from tests.e2e.programs import Programs, free_port, needs
from wsproxy_gevent.errors import Busy, SourceFailed, TargetForbidden, TokenRefused, UsageError
from wsproxy_gevent.model import TcpTarget, Token, UnixTarget
from wsproxy_gevent.net.turns import Turns
from wsproxy_gevent.targets import token_redis
from wsproxy_gevent.targets.token_redis import RedisPlace, RedisSource, client_of

THERE = TcpTarget("vm7.internal", 5900)
PASSWORD, PIN = "open: sesame/%s", "of alice"


@dataclass(frozen=True, slots=True)
class Server:
    plain: RedisPlace
    tls: RedisPlace
    control: redis.Redis

    def put(self, token: str, value: object) -> None:
        self.control.set(token, value if isinstance(value, str | bytes) else json.dumps(value))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Redis with a password, a user of its own, TLS on another port, and IPv6."""
    directory = tmp_path_factory.mktemp("redis")
    ours = Authority.make(directory / "ours", "ours").sign("redis", alternative="IP:127.0.0.1")
    plain, tls = free_port(), free_port()
    config = directory / "redis.conf"
    config.write_text(
        f'bind 127.0.0.1 ::1\nport {plain}\ntls-port {tls}\nrequirepass "{PASSWORD}"\n'
        f'user alice on ">{PIN}" ~* +@all\ndir {directory}\nsave ""\nappendonly no\n'
        f"tls-cert-file {ours.certificate}\ntls-key-file {ours.key}\n"
        f"tls-ca-cert-file {directory}/ours/authority.pem\ntls-auth-clients no\n"
    )
    programs = Programs()
    program = programs.start(needs("redis-server"), config, name="redis")
    try:
        program.wait_until_listening(tls)
        place = RedisPlace("127.0.0.1", plain, password=PASSWORD)
        authority = f"{directory}/ours/authority.pem"
        over_tls = replace(place, port=tls, tls=True, ca=authority)
        with client_of(place) as control:
            yield Server(place, over_tls, control)
    finally:
        programs.stop_all()


@pytest.fixture(autouse=True)
def _clean(server: Server) -> Iterator[None]:
    yield
    server.control.flushall()


def source(place: RedisPlace, *, unix: bool = False, threads: int = 4) -> RedisSource:
    return RedisSource(place, turns=Turns(threads), unix=unix)


VALUES: list[tuple[object, TcpTarget]] = [
    ("vm7.internal:5900", THERE),
    (" vm7.internal:5900\n", THERE),
    ("[::1]:5900", TcpTarget("::1", 5900)),
    ({"host": "vm7.internal:5900"}, THERE),
    ({"host": "vm7.internal", "port": 5900}, THERE),
    ({"host": "vm7.internal", "port": "5900"}, THERE),
    ({"target": "vm7.internal:5900", "name": "seven"}, THERE),
]


@pytest.mark.parametrize(("value", "target"), VALUES)
def test_a_value_names_a_target(server: Server, value: object, target: TcpTarget) -> None:
    server.put("secret-one", value)
    assert source(server.plain).find(Token("secret-one")) == target


@pytest.mark.parametrize(
    "value", ["", "vm7", "vm7:", "vm7:0", "{", '{"host": 7}', "[" * 9000, "{" * 9000]
)
def test_a_value_that_names_none_is_the_operators_to_mend(server: Server, value: object) -> None:
    server.put("secret-one", value)
    with pytest.raises(SourceFailed, match="named no target") as caught:
        source(server.plain).find(Token("secret-one"))
    assert "secret" not in caught.value.detail


@pytest.mark.parametrize(
    "token", ["other", "secret", "secret-one ", "*", "secret-*", "a\r\nGET b"]
)
def test_a_token_that_no_key_has_is_refused(server: Server, token: str) -> None:
    server.put("secret-one", "vm7.internal:5900")
    with pytest.raises(TokenRefused) as caught:
        source(server.plain).find(Token(token))
    assert token not in caught.value.reason + caught.value.detail


def test_a_key_of_another_type_is_no_target(server: Server) -> None:
    server.control.lpush("list", "vm7.internal:5900")
    with pytest.raises(SourceFailed, match="no answer") as caught:
        source(server.plain).find(Token("list"))
    assert "ResponseError" in caught.value.detail


def test_a_socket_of_this_machine_is_named_only_where_some_are_listed(server: Server) -> None:
    server.put("secret-one", "unix:/run/docker.sock")
    with pytest.raises(TargetForbidden, match="--allow-target"):
        source(server.plain).find(Token("secret-one"))
    found = source(server.plain, unix=True).find(Token("secret-one"))
    assert found == UnixTarget("/run/docker.sock")


def test_a_namespace_and_a_database_are_apart(server: Server) -> None:
    server.put("console:one", "vm7.internal:5900")
    with client_of(replace(server.plain, database=3)) as third:
        third.set("two", "vm7.internal:5900")
    named = source(replace(server.plain, namespace="console:"))
    assert named.find(Token("one")) == THERE
    with pytest.raises(TokenRefused):
        named.find(Token("console:one"))
    assert source(replace(server.plain, database=3)).find(Token("two")) == THERE
    with pytest.raises(TokenRefused):
        source(server.plain).find(Token("two"))


def test_passwords_and_users_are_let_in_and_no_others(server: Server) -> None:
    server.put("secret-one", "vm7.internal:5900")
    alice = replace(server.plain, user="alice", password=PIN)
    assert source(alice).find(Token("secret-one")) == THERE
    for wrong in (replace(alice, password=PASSWORD), replace(server.plain, password=None)):
        with pytest.raises(SourceFailed, match="try again later") as caught:
            source(wrong).find(Token("secret-one"))
        assert "AuthenticationError" in caught.value.detail
        assert PASSWORD not in caught.value.detail + repr(wrong)


def test_tls_is_verified(server: Server) -> None:
    server.put("secret-one", "vm7.internal:5900")
    assert source(server.tls).find(Token("secret-one")) == THERE
    for wrong in (replace(server.tls, ca=None), replace(server.tls, host="localhost")):
        with pytest.raises(SourceFailed) as caught:
            source(wrong).find(Token("secret-one"))
        assert "ConnectionError" in caught.value.detail


def test_ipv6(server: Server) -> None:
    server.put("secret-one", "vm7.internal:5900")
    assert source(replace(server.plain, host="::1")).find(Token("secret-one")) == THERE


def clients(server: Server) -> int:
    return len(server.control.client_list(_type="normal")) - 1


def test_connections_are_kept_and_no_more_of_them_than_turns(server: Server) -> None:
    server.put("secret-one", "vm7.internal:5900")
    before = clients(server)
    it = source(server.plain)
    finding = [gevent.spawn(it.find, Token("secret-one")) for _ in range(100)]
    gevent.joinall(finding, timeout=20, raise_error=True)
    assert {one.value for one in finding} == {THERE}
    assert 1 <= clients(server) - before <= 4


def test_a_connection_that_the_server_has_ended_fails_no_lookup(server: Server) -> None:
    server.put("secret-one", "vm7.internal:5900")
    it = source(server.plain)
    for _ in range(3):
        assert it.find(Token("secret-one")) == THERE
        server.control.client_kill_filter(_type="normal", skipme=True)


def test_a_server_that_is_not_there_is_told_of(server: Server) -> None:
    nowhere = replace(server.plain, port=free_port())
    with pytest.raises(SourceFailed, match="try again later") as caught:
        source(nowhere).find(Token("secret-one"))
    assert "127.0.0.1: ConnectionError" in caught.value.detail


def test_a_server_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_redis, "LOOKUP_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        it = source(RedisPlace("127.0.0.1", silent.getsockname()[1]))
        ticks = 0

        def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                gevent.sleep(0.01)

        ticking = gevent.spawn(tick)
        with pytest.raises((Busy, SourceFailed)):
            it.find(Token("secret-one"))
        ticking.kill()
    assert ticks > 5


URLS: list[tuple[str, dict[str, Any]]] = [
    ("redis://h", {}),
    ("redis://h:7/3", {"port": 7, "database": 3}),
    ("rediss://h", {"tls": True}),
    ("redis://:open%3A%20sesame%2F%25s@h", {"password": PASSWORD}),
    ("redis://alice:of%20alice@h", {"user": "alice", "password": PIN}),
    ("redis://[::1]:7/", {"host": "::1", "port": 7}),
    ("redis://h?namespace=console", {"namespace": "console:"}),
]


@pytest.mark.parametrize(("url", "parts"), URLS)
def test_a_url_says_where(url: str, parts: dict[str, Any]) -> None:
    assert RedisPlace.of_url(url) == RedisPlace(**{"host": "h", **parts})


def test_a_password_from_elsewhere_is_the_one_and_none_is_shown() -> None:
    place = RedisPlace.of_url("redis://:other@h", password=PASSWORD)
    assert place.password == PASSWORD
    assert "sesame" not in repr(place)


@pytest.mark.parametrize("url", ["redis://h/x", "redis://h/-1", "redis://h/1/2", "redis://h/²"])
def test_a_database_is_a_number(url: str) -> None:
    with pytest.raises(UsageError, match="no number of a Redis database"):
        RedisPlace.of_url(url)


def test_what_is_pooled_is_closed_with_its_fault(server: Server) -> None:
    """Nothing that failed comes back, and nothing of it stays open."""
    before = clients(server)
    it = source(replace(server.plain, password="wrong"))
    for _ in range(5):
        with suppress(SourceFailed):
            it.find(Token("secret-one"))
    assert clients(server) == before
