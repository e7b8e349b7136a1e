"""Which addresses may come."""

from __future__ import annotations

import pytest

from wsproxy_gevent.errors import AddressRefused, UsageError
from wsproxy_gevent.limits.addresses import AddressRule
from wsproxy_gevent.model import Peer

PRIVATE, ONE = "10.0.0.0/8", "10.6.6.6"


def may(rule: AddressRule, host: str) -> bool:
    try:
        rule.check(Peer(host, 1))
    except AddressRefused:
        return False
    return True


@pytest.mark.parametrize(
    ("allowed", "denied", "served"),
    [
        ([], [], [True, True, True, True]),
        ([PRIVATE], [], [True, True, False, False]),
        ([], [ONE], [True, False, True, True]),
        ([PRIVATE], [ONE], [True, False, False, False]),
        ([ONE], [PRIVATE], [False, False, False, False]),
        (["2001:db8::/32"], [], [False, False, False, True]),
        ([PRIVATE, "::/0"], [], [True, True, False, True]),
    ],
)
def test_denied_wins_and_allowed_leaves_the_others_out(
    allowed: list[str], denied: list[str], served: list[bool]
) -> None:
    rule = AddressRule(allowed, denied)
    hosts = ["10.1.2.3", ONE, "192.0.2.1", "2001:db8::1%eth0"]
    assert [may(rule, host) for host in hosts] == served


def test_a_client_on_a_unix_socket_has_no_address() -> None:
    assert may(AddressRule([PRIVATE], ["0.0.0.0/0", "::/0"]), "")


def test_the_client_is_not_told_which_rule_it_was_and_the_log_is() -> None:
    with pytest.raises(AddressRefused) as refused:
        AddressRule(denied=[ONE]).check(Peer(ONE))
    assert "deny" not in refused.value.reason
    assert "--deny-from" in refused.value.detail


@pytest.mark.parametrize("text", ["", "host", "10.0.0.0/40"])
def test_what_is_no_network_is_an_error(text: str) -> None:
    with pytest.raises(UsageError, match="--allow-from"):
        AddressRule([text])
    with pytest.raises(UsageError, match="--deny-from"):
        AddressRule(denied=[text])
