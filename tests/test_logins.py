"""Which logins the settings mean, and in which order they are asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bcrypt
import pytest

from tests.net.test_clock import SetClock
from wsproxy_gevent.auth.brake import Brake
from wsproxy_gevent.auth.login import Grant, Login, Visitor
from wsproxy_gevent.config.declare import Topic
from wsproxy_gevent.config.settings import DECLARATIONS, Settings
from wsproxy_gevent.errors import CertificateRefused, StartError, UsageError
from wsproxy_gevent.logins import Logins, find_users
from wsproxy_gevent.model import Peer
from wsproxy_gevent.net.pool import NativePool
from wsproxy_gevent.web.guard import Guard
from wsproxy_gevent.wire.message import Request


def login_of(settings: Settings) -> Login | None:
    return Logins(settings, NativePool(1), Brake()).login


PLAIN = Visitor(Peer("192.0.2.1", 50000))
HASHED = bcrypt.hashpw(b"sesame", bcrypt.gensalt(4)).decode()
REQUEST = Request("GET", "/")


def test_by_default_everybody_may_come() -> None:
    assert login_of(Settings()) is None


def test_verified_clients_are_wanted_on_plain_connections_as_well() -> None:
    login = login_of(Settings(verify_client=True))
    assert login is not None
    with pytest.raises(CertificateRefused):
        login.check(REQUEST, PLAIN)


def test_in_the_profile_only_tls_wants_them() -> None:
    login = login_of(Settings(verify_client=True, profile="websockify"))
    assert login is not None
    assert login.check(REQUEST, PLAIN) == Grant()


def test_a_list_of_clients_holds_in_the_profile_too() -> None:
    settings = Settings(verify_client=True, client_cert=("cn:alice",), profile="websockify")
    login = login_of(settings)
    assert login is not None
    with pytest.raises(CertificateRefused):
        login.check(REQUEST, PLAIN)


# -- Where the users are -------------------------------------------------------------------


def names(place: str, **environ: str) -> set[str]:
    return set(find_users(place, NativePool(1), environ)().secrets)


def test_a_file_of_hashes_has_several(tmp_path: Path) -> None:
    (tmp_path / "users").write_text(f"alice:{HASHED}\nbob:{HASHED}\n")
    assert names(f"htpasswd:{tmp_path}/users") == {"alice", "bob"}


def test_a_variable_a_file_and_the_option_itself_have_one(tmp_path: Path) -> None:
    (tmp_path / "user").write_text("alice:sesame\r\nbob:x\n")
    assert names(f"file:{tmp_path}/user") == {"alice"}
    assert names("env:LOGIN", LOGIN="bob:x") == {"bob"}
    assert names("carol:x") == {"carol"}


@pytest.mark.parametrize("place", ["htpasswd:/absent", "file:/absent", "env:ABSENT", "htpasswd:/"])
def test_what_is_not_there_is_an_error_at_start(place: str) -> None:
    with pytest.raises(StartError, match="--basic-auth"):
        names(place)


def test_a_changed_file_is_taken_while_it_is_used(tmp_path: Path) -> None:
    path = tmp_path / "users"
    path.write_text(f"alice:{HASHED}\n")
    pool, clock = NativePool(1), SetClock()
    users = find_users(f"htpasswd:{path}", pool, {}, clock)
    assert set(users().secrets) == {"alice"}
    path.write_text(f"alice:{HASHED}\nbob:{HASHED}\n")
    clock.now += 2
    assert set(users().secrets) == {"alice", "bob"}
    path.write_text("rubbish\n")
    clock.now += 2
    assert set(users().secrets) == {"alice", "bob"}
    pool.close()


# -- The login page ------------------------------------------------------------------------


def test_a_login_page_needs_passwords_to_ask_for() -> None:
    with pytest.raises(UsageError, match=r"--login-page needs .*--basic-auth"):
        login_of(Settings(login_page=True, auth_url="http://127.0.0.1/"))


def test_its_key_may_be_named() -> None:
    settings = Settings(login_page=True, basic_auth="a:b", login_key="env:KEY")
    Logins(settings, NativePool(1), Brake(), {"KEY": "k" * 32})
    with pytest.raises(StartError, match="--login-key: there is no key in env:KEY"):
        Logins(settings, NativePool(1), Brake(), {})
    with pytest.raises(StartError, match="--login-key has less than"):
        Logins(settings, NativePool(1), Brake(), {"KEY": "short"})


def test_with_it_pages_are_guarded() -> None:
    def site(*_: object) -> list[bytes]:
        return []

    def guarded(settings: Settings) -> object:
        logins = Logins(settings, NativePool(1), Brake())
        return logins.guarded(site, logins.login)

    plain = Settings(basic_auth="a:b")
    assert guarded(plain) is site
    for settings in (replace(plain, login_page=True), replace(plain, web_auth=True)):
        assert isinstance(guarded(settings), Guard)


def test_the_page_on_logins_tells_of_each_setting() -> None:
    page = (Path(__file__).parent.parent / "docs" / "logins.md").read_text()
    flags = [one.flag for one in DECLARATIONS.values() if one.topic is Topic.LOGIN]
    assert len(flags) >= 7
    assert [flag for flag in flags if flag not in page] == []
