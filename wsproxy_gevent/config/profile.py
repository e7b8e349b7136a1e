"""What websockify 0.13 calls things: its options, and how we are called by its name.

Scripts depend on these names, abbreviated ones included.
"""

from __future__ import annotations

import ipaddress
import os
from typing import Final

from .settings import Profile

# Its options: an abbreviation means one of these rather than one of ours.
OPTIONS: Final = (
    "--help",
    "--verbose",
    "--traffic",
    "--record",
    "--daemon",
    "--run-once",
    "--timeout",
    "--idle-timeout",
    "--cert",
    "--key",
    "--key-password",
    "--ssl-only",
    "--verify-client",
    "--cafile",
    "--ssl-version",
    "--ssl-ciphers",
    "--web",
    "--wrap-mode",
    "--prefer-ipv6",
    "--libserver",
    "--unix-listen",
    "--unix-listen-mode",
    "--unix-target",
    "--inetd",
    "--heartbeat",
    "--ssl-target",
    "--log-file",
    "--syslog",
    "--legacy-syslog",
    "--file-only",
    "--web-auth",
    "--target-config",
    "--token-plugin",
    "--token-source",
    "--host-token",
    "--auth-plugin",
    "--auth-source",
)


def bracketed(text: str) -> str:
    """`::1:6080` as `[::1]:6080`: websockify takes what is behind the last colon for the port."""
    host, _, port = text.rpartition(":")
    try:
        return f"[{ipaddress.IPv6Address(host)}]:{port}"
    except ValueError:
        return text


def called_as(command: str) -> str:
    """The name the process was called by: `python -m` and no name at all give our own."""
    name = os.path.basename(command)
    return "wsproxy-gevent" if name in ("", "-c", "-m", "__main__.py") else name


def profile_of(command: str) -> Profile:
    """The profile that goes with the name; a symlink called websockify is enough."""
    named = called_as(command) == Profile.WEBSOCKIFY.value
    return Profile.WEBSOCKIFY if named else Profile.DEFAULT
