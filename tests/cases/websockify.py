"""The options of websockify 0.13.0, and what takes a value among them.

`tests/config/test_websockify_options.py` holds this to its own `--help`, and
to one test of behaviour for each row: a test marked `option("--name")`.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Option(NamedTuple):
    flags: tuple[str, ...]
    takes_value: bool

    @property
    def name(self) -> str:
        return self.flags[-1]


SWITCH, VALUE = False, True

OPTIONS: Final = (
    Option(("-h", "--help"), SWITCH),
    Option(("-v", "--verbose"), SWITCH),
    Option(("--traffic",), SWITCH),
    Option(("--record",), VALUE),
    Option(("-D", "--daemon"), SWITCH),
    Option(("--run-once",), SWITCH),
    Option(("--timeout",), VALUE),
    Option(("--idle-timeout",), VALUE),
    Option(("--cert",), VALUE),
    Option(("--key",), VALUE),
    Option(("--key-password",), VALUE),
    Option(("--ssl-only",), SWITCH),
    Option(("--ssl-target",), SWITCH),
    Option(("--verify-client",), SWITCH),
    Option(("--cafile",), VALUE),
    Option(("--ssl-version",), VALUE),
    Option(("--ssl-ciphers",), VALUE),
    Option(("--unix-listen",), VALUE),
    Option(("--unix-listen-mode",), VALUE),
    Option(("--unix-target",), VALUE),
    Option(("--inetd",), SWITCH),
    Option(("--web",), VALUE),
    Option(("--web-auth",), SWITCH),
    Option(("--wrap-mode",), VALUE),
    Option(("-6", "--prefer-ipv6"), SWITCH),
    Option(("--libserver",), SWITCH),
    Option(("--target-config",), VALUE),
    Option(("--token-plugin",), VALUE),
    Option(("--token-source",), VALUE),
    Option(("--host-token",), SWITCH),
    Option(("--auth-plugin",), VALUE),
    Option(("--auth-source",), VALUE),
    Option(("--heartbeat",), VALUE),
    Option(("--log-file",), VALUE),
    Option(("--syslog",), VALUE),
    Option(("--legacy-syslog",), SWITCH),
    Option(("--file-only",), SWITCH),
)

NAMES: Final = tuple(option.name for option in OPTIONS)
