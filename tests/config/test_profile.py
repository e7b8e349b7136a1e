"""Called by websockify's name."""

from __future__ import annotations

import pytest

from wsproxy_gevent.config.loading import load
from wsproxy_gevent.config.profile import bracketed, called_as, profile_of
from wsproxy_gevent.config.settings import Profile
from wsproxy_gevent.errors import UsageError


@pytest.mark.parametrize(
    ("command", "name", "profile"),
    [
        ("/usr/bin/websockify", "websockify", Profile.WEBSOCKIFY),
        ("websockify", "websockify", Profile.WEBSOCKIFY),
        ("/usr/bin/wsproxy-gevent", "wsproxy-gevent", Profile.DEFAULT),
        ("/opt/websockify/run", "run", Profile.DEFAULT),
        ("/x/wsproxy_gevent/__main__.py", "wsproxy-gevent", Profile.DEFAULT),
        ("-c", "wsproxy-gevent", Profile.DEFAULT),
        ("", "wsproxy-gevent", Profile.DEFAULT),
    ],
)
def test_the_name_chooses_the_profile(command: str, name: str, profile: Profile) -> None:
    assert (called_as(command), profile_of(command)) == (name, profile)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("::1:6080", "[::1]:6080"),
        ("2001:db8::1:5900", "[2001:db8::1]:5900"),
        (":::6080", "[::]:6080"),
        ("[::1]:6080", "[::1]:6080"),
        ("localhost:6080", "localhost:6080"),
        ("6080", "6080"),
        ("::1", "::1"),
    ],
)
def test_an_address_may_stand_without_brackets(text: str, meant: str) -> None:
    assert bracketed(text) == meant


def test_only_websockifys_scripts_may_leave_the_brackets_out() -> None:
    places = ["::1:6080", "::1:5900"]
    for line in (["websockify", *places], ["x", "--profile", "websockify", *places]):
        found = load(line, {}, "/").settings
        assert (found.source, found.target) == ("[::1]:6080", "[::1]:5900")
    with pytest.raises(UsageError, match="brackets"):
        load(["wsproxy-gevent", *places], {}, "/")
