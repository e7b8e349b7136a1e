"""Called by websockify's name, and knowing its options by theirs."""

from __future__ import annotations

import pytest

from wsproxy_gevent.config.profile import OPTIONS, SUPPORTED, called_as, profile_of
from wsproxy_gevent.config.settings import DECLARATIONS, Profile


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


def test_each_option_of_websockify_is_served_or_refused_but_never_both() -> None:
    ours = {one.flag for one in DECLARATIONS.values()} | {"--help"}
    assert set(SUPPORTED) <= ours
    assert ours.isdisjoint(set(OPTIONS) - set(SUPPORTED))


# As its own --help lists them.
THE_37_OF_0_13 = """
--help --verbose --traffic --record --daemon --run-once --timeout --idle-timeout --cert --key
--key-password --ssl-only --ssl-target --verify-client --cafile --ssl-version --ssl-ciphers
--unix-listen --unix-listen-mode --unix-target --inetd --web --web-auth --wrap-mode
--prefer-ipv6 --libserver --target-config --token-plugin --token-source --host-token
--auth-plugin --auth-source --heartbeat --log-file --syslog --legacy-syslog --file-only
"""


def test_no_option_of_websockify_is_forgotten() -> None:
    assert sorted(OPTIONS) == sorted(THE_37_OF_0_13.split())
