"""The Origin rule, row by row of `tests.cases.origins`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases.origins import ORIGINS, Row
from wsproxy_gevent.auth.forwarded import TrustedProxies
from wsproxy_gevent.auth.origin import OriginCheck, OriginRule, hosts_of
from wsproxy_gevent.errors import OriginRefused, UsageError
from wsproxy_gevent.model import Peer
from wsproxy_gevent.wire.message import Headers, Request

STRANGER = Peer("203.0.113.9", 40000)
LOCAL_PROXY = Peer("127.0.0.1", 40000)


def request(*fields: tuple[str, str]) -> Request:
    return Request("GET", "/", headers=Headers(fields))


def is_allowed(rule: OriginRule, row: Row) -> bool:
    fields = [("Host", row.host)] + ([("Origin", row.origin)] if row.origin is not None else [])
    try:
        rule.check(row.origin, request(*fields), STRANGER, secure=row.secure)
    except OriginRefused:
        return False
    return True


def passes(
    origin: str, *fields: tuple[str, str], peer: Peer = LOCAL_PROXY, check: str = "same-host"
) -> bool:
    try:
        OriginRule(OriginCheck(check)).check(origin, request(*fields), peer, secure=False)
    except OriginRefused:
        return False
    return True


@pytest.mark.fault(43)
@pytest.mark.parametrize("row", ORIGINS, ids=repr)
def test_same_host_compares_the_hosts(row: Row) -> None:
    assert is_allowed(OriginRule(OriginCheck.SAME_HOST, row.allowed), row) is row.same_host


@pytest.mark.fault(43)
@pytest.mark.parametrize("row", ORIGINS, ids=repr)
def test_same_origin_compares_scheme_host_and_port(row: Row) -> None:
    assert is_allowed(OriginRule(OriginCheck.SAME_ORIGIN, row.allowed), row) is row.same_origin


@pytest.mark.fault(43)
@pytest.mark.parametrize("row", ORIGINS, ids=repr)
def test_strict_is_same_origin_that_wants_an_origin(row: Row) -> None:
    expected = row.same_origin and row.origin is not None
    assert is_allowed(OriginRule(OriginCheck.STRICT, row.allowed), row) is expected


@pytest.mark.parametrize("row", ORIGINS, ids=repr)
def test_any_lets_everything_through(row: Row) -> None:
    assert is_allowed(OriginRule(OriginCheck.ANY, row.allowed), row)


@given(st.text(), st.text())
def test_no_text_raises_anything_but_a_refusal(origin: str, host: str) -> None:
    is_allowed(OriginRule(), Row(origin, host, same_host=False, same_origin=False))


class TestForwarded:
    host = ("Host", "backend:6080")
    forwarded = ("X-Forwarded-Host", "gw.example")

    def test_a_trusted_proxys_host_counts(self) -> None:
        assert passes("https://gw.example", self.host, self.forwarded)

    def test_a_strangers_forwarded_host_does_not(self) -> None:
        assert not passes("https://gw.example", self.host, self.forwarded, peer=STRANGER)

    def test_the_host_still_counts_beside_it(self) -> None:
        assert passes("http://backend:6080", self.host, self.forwarded)

    def test_of_several_values_the_first_counts(self) -> None:
        chain = ("X-Forwarded-Host", "gw.example, inner.example")
        assert passes("https://gw.example", self.host, chain)
        assert not passes("https://inner.example", self.host, chain)

    def test_a_malformed_one_is_no_host(self) -> None:
        assert not passes("https://gw.example", self.host, ("X-Forwarded-Host", "gw.example/"))

    @pytest.mark.parametrize(
        ("proto", "origin", "expected"),
        [
            ("https", "https://gw.example", True),
            ("HTTPS", "https://gw.example", True),
            ("wss", "https://gw.example", True),
            ("https", "http://gw.example", False),
            ("http", "https://gw.example", False),
        ],
    )
    def test_same_origin_takes_the_scheme_from_a_trusted_proxy(
        self, proto: str, origin: str, expected: bool
    ) -> None:
        fields = (("Host", "gw.example"), ("X-Forwarded-Proto", proto))
        assert passes(origin, *fields, check="same-origin") is expected

    def test_a_strangers_forwarded_scheme_does_not_count(self) -> None:
        fields = (("Host", "gw.example"), ("X-Forwarded-Proto", "https"))
        assert not passes("https://gw.example", *fields, peer=STRANGER, check="same-origin")

    def test_a_listed_network_is_trusted(self) -> None:
        rule = OriginRule(trusted=TrustedProxies(["203.0.113.0/24"]))
        rule.check(
            "https://gw.example", request(self.host, self.forwarded), STRANGER, secure=False
        )


@pytest.mark.parametrize("name", ["Origin", "Sec-WebSocket-Origin"])
def test_two_origin_lines_are_refused(name: str) -> None:
    ours = (name, "http://gw.example")
    assert passes("http://gw.example", ("Host", "gw.example"), ours)
    assert not passes("http://gw.example", ("Host", "gw.example"), ours, ours)


def test_two_host_lines_are_no_host() -> None:
    assert not passes("http://a.example", ("Host", "a.example"), ("Host", "a.example"))


class TestReason:
    def reason(self, origin: str, *, check: OriginCheck = OriginCheck.SAME_HOST) -> str:
        with pytest.raises(OriginRefused) as caught:
            OriginRule(check).check(
                origin, request(("Host", "gw.example")), STRANGER, secure=False
            )
        return caught.value.reason

    def test_it_names_the_origin_and_the_cure(self) -> None:
        assert self.reason("https://evil.example") == (
            "origin https://evil.example is not allowed here;"
            " allow it with --allow-origin https://evil.example"
        )

    @pytest.mark.parametrize("origin", ["null", "file://", "chrome-extension://abcdef"])
    def test_its_cure_is_one_that_works(self, origin: str) -> None:
        cure = self.reason(origin).rpartition(" ")[2]
        OriginRule(allowed=[cure]).check(origin, request(), STRANGER, secure=False)

    @pytest.mark.parametrize("origin", ["evil.example", "http://a/b", "a://b; rm -rf", "http://"])
    def test_what_cannot_be_listed_has_no_cure(self, origin: str) -> None:
        assert self.reason(origin).endswith("; it is no origin that a browser sends")

    def test_it_is_one_short_line_of_visible_ascii(self) -> None:
        reason = self.reason("http://\x1b]0;\r\n\u2028" + "a" * 5000)
        assert reason.isascii()
        assert reason.isprintable()
        assert len(reason) < 250

    def test_a_missing_origin_has_a_cure_too(self) -> None:
        with pytest.raises(OriginRefused, match="--origin-check same-origin"):
            OriginRule(OriginCheck.STRICT).check(None, request(), STRANGER, secure=False)


class TestLeniency:
    def test_a_refusal_becomes_a_warning(self) -> None:
        warnings: list[str] = []
        rule = OriginRule(warn=warnings.append)
        rule.check("https://evil.example", request(("Host", "gw")), STRANGER, secure=False)
        expected = (
            "would be refused by default: origin https://evil.example is not allowed here,"
            " allow it with --allow-origin https://evil.example"
        )
        assert warnings == [expected]

    def test_what_is_allowed_warns_of_nothing(self) -> None:
        warnings: list[str] = []
        rule = OriginRule(warn=warnings.append)
        rule.check("https://gw.example", request(("Host", "gw.example")), STRANGER, secure=False)
        assert warnings == []


@pytest.mark.parametrize(
    "entry",
    [
        *("*", "*.example", "https://*.example", "https://a.example/", "https://a/b", "https://"),
        *("a.example/x", "user@a.example", "https://user@a.example", "", " ", "a b", "a:99999"),
        *("https://straße.example", "::1", "http:a.example"),
    ],
)
def test_an_entry_that_can_match_nothing_is_an_error_at_start(entry: str) -> None:
    with pytest.raises(UsageError, match="--allow-origin"):
        OriginRule(allowed=[entry])


def test_the_hosts_of_a_list_are_those_it_names() -> None:
    listed = ["https://A.example:1", "b.example", "null", "file://", "[::0:1]:80"]
    assert hosts_of(listed) == {"a.example", "b.example", "::1"}
