"""The declarations hold together, and what follows from them does."""

from __future__ import annotations

import dataclasses
import re

import pytest

from wsproxy_gevent.config.declare import Declaration
from wsproxy_gevent.config.settings import DECLARATIONS, Mode, Settings

EVERY = list(DECLARATIONS.values())


def names(one: Declaration) -> str:
    return one.name


@pytest.mark.parametrize("one", EVERY, ids=names)
def test_flag_variable_and_key_are_one_name(one: Declaration) -> None:
    assert one.flag == "--" + one.name.replace("_", "-")
    assert one.variable == "WSPROXY_" + one.name.upper()


@pytest.mark.parametrize("one", EVERY, ids=names)
def test_every_meaning_is_a_sentence(one: Declaration) -> None:
    assert re.match(r"[A-Z].*\.$", one.meaning)


@pytest.mark.parametrize("one", EVERY, ids=names)
def test_switches_and_lists_have_defaults_of_their_kind(one: Declaration) -> None:
    assert isinstance(one.default, bool) == one.kind.is_switch
    assert isinstance(one.default, tuple) == one.kind.is_list


def test_no_flag_is_declared_twice() -> None:
    flags = [flag for one in EVERY for flag in (*one.flags, one.negation) if flag]
    assert sorted(flags) == sorted(set(flags))


def test_only_the_outcome_of_loading_is_undeclared() -> None:
    fields = {field.name for field in dataclasses.fields(Settings)}
    assert fields - set(DECLARATIONS) == {
        *("mode", "source_named", "cert_given", "sockets_given", "command")
    }


def test_the_profile_differs_where_it_should_and_nowhere_else() -> None:
    differing = {
        one.name: one.default_in(lenient=True)
        for one in EVERY
        if one.default_in(lenient=True) != one.default_in(lenient=False)
    }
    assert differing == {"foreground": True, "web_index": True, "heartbeat": 0.0}


def test_settings_do_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().mode = Mode.VNC  # type: ignore[misc]


def test_the_key_password_is_not_shown() -> None:
    assert "sesame" not in repr(Settings(key_password="sesame"))


@pytest.mark.parametrize(
    ("web_index", "file_only", "listing"),
    [(False, False, False), (True, False, True), (True, True, False), (False, True, False)],
)
def test_file_only_wins_over_web_index(web_index: bool, file_only: bool, listing: bool) -> None:
    assert Settings(web_index=web_index, file_only=file_only).listing is listing


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (Settings(), False),
        (Settings(cert="/etc/x.pem"), True),
        (Settings(cert="/home/ann/self.pem"), False),
        (Settings(cert="/home/ann/self.pem", cert_given=True), True),
        (Settings(cert="auto"), True),
    ],
)
def test_only_the_default_certificate_may_be_missing(settings: Settings, named: bool) -> None:
    assert settings.cert_named is named


@pytest.mark.parametrize(("profile", "lenient"), [("default", False), ("websockify", True)])
def test_the_profile_decides_on_leniency(profile: str, lenient: bool) -> None:
    assert Settings(profile=profile).lenient is lenient


def test_a_switch_that_says_no_has_no_negation() -> None:
    assert DECLARATIONS["no_legacy"].negation is None
    assert DECLARATIONS["ssl_only"].negation == "--no-ssl-only"
    assert DECLARATIONS["cert"].negation is None


@pytest.mark.parametrize(
    ("settings", "elsewhere"),
    [
        (Settings(source="6080"), False),
        (Settings(unix_listen="/run/x.sock"), True),
        (Settings(inetd=True), True),
        (Settings(source="6080", sockets_given=1), True),
    ],
)
def test_not_only_the_source_says_where_to_listen(settings: Settings, elsewhere: bool) -> None:
    assert settings.listens_elsewhere is elsewhere


def test_what_the_process_was_started_with_is_fixed() -> None:
    assert DECLARATIONS["source"].fixed
    assert DECLARATIONS["user"].fixed
    assert not DECLARATIONS["target"].fixed
    assert not DECLARATIONS["cert"].fixed


def test_the_key_password_is_the_secret() -> None:
    assert DECLARATIONS["key_password"].secret
    assert not DECLARATIONS["key_password_file"].secret
