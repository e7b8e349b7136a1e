"""Whose certificate lets in."""

from __future__ import annotations

import pytest

from tests.auth.fakes import PEER
from wsproxy_gevent.auth.certificate import CertificateLogin, parse_listed
from wsproxy_gevent.auth.login import Grant, Visitor
from wsproxy_gevent.errors import CertificateRefused
from wsproxy_gevent.net.peercert import PeerCertificate
from wsproxy_gevent.wire.message import Request

REQUEST = Request("GET", "/")
FINGERPRINT = "0123456789abcdef" * 4
ALICE = PeerCertificate("Alice", ("alice@example.org", "2001:db8::1", "urn:X:a"), FINGERPRINT)


def user(*listed: str, certificate: PeerCertificate = ALICE) -> str | None:
    visitor = Visitor(PEER, secure=True, certificate=certificate)
    return CertificateLogin(listed).check(REQUEST, visitor).user


@pytest.mark.parametrize(
    "listed",
    [
        "cn:Alice",
        "san:alice@example.org",
        "san:ALICE@Example.org",
        "san:2001:DB8:0::1",
        "san:urn:X:a",
        f"sha256:{FINGERPRINT}",
        f"sha256:{':'.join(['01:23:45:67:89:AB:CD:EF'] * 4)}",
    ],
)
def test_a_certificate_that_is_listed_lets_its_owner_in(listed: str) -> None:
    assert user("cn:Bob", listed) == "Alice"


@pytest.mark.parametrize(
    "listed",
    [
        *("cn:alice", "cn:Alice ", "san:Alice", "cn:alice@example.org", "san:urn:x:a"),
        f"sha256:{FINGERPRINT[:-1]}0",
    ],
)
def test_one_that_is_not_listed_does_not(listed: str) -> None:
    with pytest.raises(CertificateRefused) as refused:
        user(listed)
    assert refused.value.http_status == 403
    assert "--client-cert cn:Alice" in refused.value.detail
    assert "Alice" not in refused.value.reason


def test_without_a_list_each_verified_certificate_will_do() -> None:
    assert user() == "Alice"


def test_who_has_no_common_name_is_called_by_another() -> None:
    assert user(certificate=PeerCertificate(None, ("a.example",), FINGERPRINT)) == "a.example"
    assert user(certificate=PeerCertificate(None, (), FINGERPRINT)) == FINGERPRINT


@pytest.mark.parametrize("secure", [True, False])
def test_who_shows_none_is_refused(secure: bool) -> None:
    with pytest.raises(CertificateRefused) as refused:
        CertificateLogin(["cn:Alice"]).check(REQUEST, Visitor(PEER, secure))
    assert ("come over TLS" in refused.value.reason) is not secure


def test_a_plain_connection_may_be_let_by() -> None:
    login = CertificateLogin(plain_passes=True)
    assert login.check(REQUEST, Visitor(PEER, secure=False)) == Grant()
    with pytest.raises(CertificateRefused):
        login.check(REQUEST, Visitor(PEER, secure=True))


@pytest.mark.parametrize("text", ["", "Alice", "cn:", "dn:Alice", "sha256:12", f"sha1:{'0' * 40}"])
def test_an_entry_that_can_match_nothing_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="is n"):
        parse_listed(text)
