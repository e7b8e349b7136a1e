"""Each error knows its answer, and the documents know each error."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsproxy_gevent import errors
from wsproxy_gevent.errors import ProxyError

ANSWERS = Path(__file__).parent.parent / "docs" / "answers.md"


def family(parent: type[ProxyError]) -> list[type[ProxyError]]:
    children = [
        child for child in parent.__subclasses__() if child.__module__.startswith(errors.__name__)
    ]
    return [parent, *(each for child in children for each in family(child))]


@pytest.mark.parametrize("error", family(ProxyError))
def test_every_reason_that_a_client_can_see_is_documented(error: type[ProxyError]) -> None:
    assert f"`{error.slug}`" in ANSWERS.read_text()


@pytest.mark.parametrize("error", family(ProxyError))
def test_statuses_and_close_codes_are_ones_that_may_be_sent(error: type[ProxyError]) -> None:
    assert 400 <= error.http_status < 600
    assert error.close_code in {1001, 1002, 1003, 1006, 1007, 1008, 1009, 1011}
    assert error.slug == error.slug.lower().replace("_", "-")


def test_an_error_carries_what_the_peer_and_what_the_log_is_told() -> None:
    error = errors.TargetRefused("the target refused", detail="10.0.0.1:5900")
    assert (str(error), error.reason, error.detail) == (
        "the target refused",
        "the target refused",
        "10.0.0.1:5900",
    )


def test_a_method_that_is_not_served_is_told_which_are() -> None:
    assert errors.MethodNotAllowed("POST").headers == (("Allow", "GET, HEAD"),)
