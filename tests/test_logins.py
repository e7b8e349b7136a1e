"""Which logins the settings mean, and in which order they are asked."""

from __future__ import annotations

import pytest

from wsproxy_gevent.auth.login import Grant, Visitor
from wsproxy_gevent.config.settings import Settings
from wsproxy_gevent.errors import CertificateRefused
from wsproxy_gevent.logins import find_login
from wsproxy_gevent.model import Peer
from wsproxy_gevent.wire.message import Request

PLAIN = Visitor(Peer("192.0.2.1", 50000))
REQUEST = Request("GET", "/")


def test_by_default_everybody_may_come() -> None:
    assert find_login(Settings()) is None


def test_verified_clients_are_wanted_on_plain_connections_as_well() -> None:
    login = find_login(Settings(verify_client=True))
    assert login is not None
    with pytest.raises(CertificateRefused):
        login.check(REQUEST, PLAIN)


def test_in_the_profile_only_tls_wants_them() -> None:
    login = find_login(Settings(verify_client=True, profile="websockify"))
    assert login is not None
    assert login.check(REQUEST, PLAIN) == Grant()


def test_a_list_of_clients_holds_in_the_profile_too() -> None:
    settings = Settings(verify_client=True, client_cert=("cn:alice",), profile="websockify")
    login = find_login(settings)
    assert login is not None
    with pytest.raises(CertificateRefused):
        login.check(REQUEST, PLAIN)
