"""Settings that contradict each other, and those that have no effect.

The first are refused.  So are the second in our own profile: whoever names
the authorities of client certificates believes that these are looked at.  A
script that was written for websockify is only told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from ..errors import UsageError
from .settings import Mode, Settings

Rules = tuple[tuple[Callable[[Settings], object], str], ...]

CONTRADICTIONS: Final[Rules] = (
    (
        lambda s: s.verify_client and s.cert == "none",
        "--verify-client needs a certificate of our own, but --cert is none",
    ),
    (
        lambda s: s.command and s.mode is not Mode.PROXY,
        "demo and vnc know their target: no command can stand behind --",
    ),
    (
        lambda s: s.workers > 1 and s.command,
        "a command behind -- belongs to one process: leave out --workers",
    ),
    (
        lambda s: s.workers > 1 and s.run_once,
        "--run-once serves a single session: leave out --workers",
    ),
    (
        lambda s: s.workers > 1 and (s.timeout or s.idle_timeout),
        "--timeout and --idle-timeout end one process: leave out --workers",
    ),
)

CONTRADICTIONS_OF_TOKENS: Final[Rules] = (
    (
        lambda s: sum(map(bool, (s.tokens, s.token_plugin, s.target_config))) > 1,
        "--tokens, --token-plugin and --target-config each say what knows the tokens: give one",
    ),
    (
        lambda s: s.finds_targets and (s.target or s.command),
        "tokens name the targets: leave the target, or the command, out",
    ),
    (
        lambda s: s.token_source is not None and not s.token_plugin,
        "--token-source needs a --token-plugin, which is given it",
    ),
    (
        lambda s: s.auth_source is not None and not s.auth_plugin,
        "--auth-source needs an --auth-plugin, which is given it",
    ),
)

_OF_FILES: Final = (None, "ReadOnlyTokenFile", "TokenFile")


def _strict_about_nothing(settings: Settings) -> bool:
    """Whether no file is read that could have a bad line."""
    of_file = (settings.tokens or "").startswith("file:") or settings.target_config
    return settings.strict_tokens and not of_file and settings.token_plugin in _OF_FILES[:1]


WITHOUT_EFFECT: Final[Rules] = (
    (_strict_about_nothing, "--strict-tokens has no effect without a token file"),
    (
        lambda s: (s.host_token or s.revoke or s.max_per_token) and not s.finds_targets,
        "without tokens (--tokens) these have no effect: --host-token, --revoke, --max-per-token",
    ),
    (
        lambda s: s.wrap_mode != "exit" and not s.command,
        "--wrap-mode has no effect without a command: -- COMMAND",
    ),
    (
        lambda s: s.cafile and not (s.verify_client or s.client_cert),
        "--cafile has no effect without --verify-client or --client-cert",
    ),
    (
        lambda s: s.legacy_syslog and not s.syslog,
        "--legacy-syslog has no effect without --syslog: name a server",
    ),
)


def check(settings: Settings) -> None:
    """Raises `UsageError` for the first thing that is wrong."""
    refused = (*CONTRADICTIONS, *CONTRADICTIONS_OF_TOKENS)
    for holds, text in refused if settings.lenient else (*refused, *WITHOUT_EFFECT):
        if holds(settings):
            raise UsageError(text)


def warnings(settings: Settings) -> Iterator[str]:
    """What the profile websockify is told of, and what everybody is."""
    for holds, text in (*(WITHOUT_EFFECT if settings.lenient else ()), *DOUBTFUL):
        if holds(settings):
            yield text


DOUBTFUL: Final[Rules] = (
    (
        lambda s: s.ssl_version == "tlsv1_1",
        "--ssl-version tlsv1_1 lets clients choose TLS 1.1, whose digests are broken",
    ),
    (
        lambda s: s.libserver,
        "--libserver changes nothing: there is one engine here; leave it out",
    ),
)
