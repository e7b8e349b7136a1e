"""Called by websockify's name."""

from __future__ import annotations

import pytest

from wsproxy_gevent.config.profile import called_as, profile_of
from wsproxy_gevent.config.settings import Profile


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
