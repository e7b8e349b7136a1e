"""What contradicts itself, and what has no effect."""

from __future__ import annotations

from typing import Any

import pytest

from wsproxy_gevent.config.checks import check, warnings
from wsproxy_gevent.config.settings import Mode, Settings
from wsproxy_gevent.errors import UsageError

CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    ({"verify_client": True, "cert": "none"}, "--verify-client needs a certificate"),
    ({"command": ("x",), "mode": Mode.VNC}, "no command can stand behind --"),
    ({"command": ("x",), "workers": 2}, "a command .* leave out --workers"),
    ({"run_once": True, "workers": 2}, "--run-once .* leave out --workers"),
    ({"timeout": 3.0, "workers": 2}, "--timeout .* leave out --workers"),
    ({"idle_timeout": 3.0, "workers": 2}, "--idle-timeout .* leave out --workers"),
]

WITHOUT_EFFECT: list[tuple[dict[str, Any], str]] = [
    ({"cafile": "/ca.pem"}, "--cafile has no effect without --verify-client"),
    ({"wrap_mode": "ignore"}, "--wrap-mode has no effect without a command"),
    ({"legacy_syslog": True}, "--legacy-syslog has no effect without --syslog"),
]

DOUBTFUL: list[tuple[dict[str, Any], str]] = [
    ({"ssl_version": "tlsv1_1"}, "--ssl-version tlsv1_1"),
    ({"libserver": True}, "--libserver changes nothing"),
]


@pytest.mark.parametrize("profile", ["default", "websockify"])
@pytest.mark.parametrize(("values", "said"), CONTRADICTIONS)
def test_a_contradiction_is_refused(values: dict[str, Any], said: str, profile: str) -> None:
    with pytest.raises(UsageError, match=said):
        check(Settings(profile=profile, **values))


@pytest.mark.row("`--cafile`")
@pytest.mark.parametrize(("values", "said"), WITHOUT_EFFECT)
def test_what_has_no_effect_is_refused_or_told_to_websockifys_scripts(
    values: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        check(Settings(**values))
    lenient = Settings(profile="websockify", **values)
    check(lenient)
    assert said in "".join(warnings(lenient))


@pytest.mark.parametrize(("values", "said"), DOUBTFUL)
def test_what_is_doubtful_is_told(values: dict[str, Any], said: str) -> None:
    settings = Settings(**values)
    check(settings)
    assert said in "".join(warnings(settings))


def test_nothing_is_said_of_what_is_usual() -> None:
    check(Settings())
    assert list(warnings(Settings())) == []
