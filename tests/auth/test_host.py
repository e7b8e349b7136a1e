"""The Host rule."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsproxy_gevent.auth.host import HostRule
from wsproxy_gevent.errors import BadRequest, HostRefused, UsageError
from wsproxy_gevent.model import Peer
from wsproxy_gevent.wire.message import Headers, Request

PEER = Peer("127.0.0.1", 40000)


def request(*fields: tuple[str, str], version: str = "1.1") -> Request:
    return Request("GET", "/", version, Headers(fields))


def check(rule: HostRule, host: str, *more: tuple[str, str]) -> None:
    rule.check(request(("Host", host), *more), PEER)


OURS = [
    *(
        "localhost",
        "localhost:6080",
        "LocalHost",
        "localhost.",
        "app.localhost",
        "a.b.localhost:1",
    ),
    *("127.0.0.1", "127.0.0.1:6080", "127.8.9.10", "[::1]", "[::1]:6080", "[0:0:0:0:0:0:0:1]"),
    *("[::ffff:127.0.0.1]", "localhost:"),
]

STRANGERS = [
    *(
        "evil.example",
        "evil.example:6080",
        "localhost.evil.example",
        "notlocalhost",
        "127.0.0.1.x",
    ),
    *("192.168.0.1", "[2001:db8::1]", "0.0.0.0", "[::]", "127.1", "[::ffff:10.0.0.1]", "local"),
    *("10.127.0.1", "1.0.0.127"),
]

MALFORMED = [
    *("", " ", "local host", "user@localhost", "localhost:x", "localhost:99999", "localhost:-1"),
    *(
        "localhost/",
        "localhost?",
        "localhost#",
        "[::1",
        "::1",
        "localhost,localhost",
        "..",
        "a..b",
    ),
    *("http://localhost", "localhost\x00", "local\xfchost", "%6cocalhost", "[fe80::1%eth0]"),
    *("a" * 64, "a." * 127 + "b", "localhost:80:80", "\\localhost"),
]


@pytest.mark.parametrize("host", OURS)
def test_names_of_this_machine_pass(host: str) -> None:
    check(HostRule(True), host)


@pytest.mark.parametrize("host", STRANGERS)
def test_other_names_are_refused(host: str) -> None:
    with pytest.raises(HostRefused):
        check(HostRule(True), host)


@pytest.mark.parametrize("host", MALFORMED)
def test_a_malformed_host_is_a_bad_request(host: str) -> None:
    with pytest.raises(BadRequest):
        check(HostRule(True), host)


@pytest.mark.parametrize("host", OURS + STRANGERS + MALFORMED)
def test_on_another_bind_everything_passes(host: str) -> None:
    check(HostRule(False), host)


@given(st.text())
def test_no_text_raises_anything_but_a_refusal(host: str) -> None:
    with contextlib.suppress(HostRefused, BadRequest):
        check(HostRule(True), host)


def test_listed_hosts_pass_on_any_port_and_in_any_spelling() -> None:
    rule = HostRule(True, ["Gw.Example.", "[2001:db8:0::1]", "bücher.example"])
    check(rule, "gw.example:6080")
    check(rule, "[2001:DB8::1]")
    check(rule, "xn--bcher-kva.example")
    with pytest.raises(HostRefused):
        check(rule, "sub.gw.example")


def test_hosts_of_listed_origins_pass() -> None:
    rule = HostRule(True, origins=["https://app.example:8443", "null", "b.example"])
    check(rule, "app.example")
    check(rule, "b.example:1")


@pytest.mark.parametrize(
    "name",
    ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via", "Forwarded"],
)
def test_what_a_proxy_forwarded_passes(name: str) -> None:
    check(HostRule(True), "console.example", (name, "203.0.113.9"))


def test_an_old_request_without_a_host_passes() -> None:
    HostRule(True).check(request(version="1.0"), PEER)


@pytest.mark.parametrize("fields", [(), (("Host", "localhost"), ("Host", "localhost"))])
def test_a_new_request_needs_one_host(fields: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(BadRequest):
        HostRule(True).check(request(*fields), PEER)


@pytest.mark.parametrize("host", ["evil.example", "[2001:db8::1]"])
def test_the_reasons_cure_is_one_that_works(host: str) -> None:
    with pytest.raises(HostRefused) as caught:
        check(HostRule(True), host)
    assert caught.value.reason.endswith(f"; allow it with --allow-host {host}")
    check(HostRule(True, [host]), host)


def test_a_lenient_rule_warns_instead() -> None:
    warnings: list[str] = []
    check(HostRule(True, warn=warnings.append), "evil.example:6080")
    expected = (
        "would be refused by default: host evil.example is not allowed here,"
        " allow it with --allow-host evil.example"
    )
    assert warnings == [expected]


@pytest.mark.parametrize("entry", ["", "*", "*.example", "https://a", "a:80", "a/b", "::1", "a b"])
def test_an_entry_that_names_no_host_is_an_error_at_start(entry: str) -> None:
    with pytest.raises(UsageError, match="--allow-host"):
        HostRule(True, [entry])
