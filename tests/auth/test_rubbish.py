"""Whatever strangers send to the logins, it is refused in words of ours."""

from __future__ import annotations

import json
from contextlib import suppress
from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st

from tests.auth.test_cookie import KEY, SESAME
from tests.auth.test_hook import login_of
from wsproxy_gevent.auth.basic import credentials_of
from wsproxy_gevent.auth.certificate import parse_listed
from wsproxy_gevent.auth.cookie import NAME, LoginCookies
from wsproxy_gevent.auth.hook import kept_for
from wsproxy_gevent.auth.login import Grant, Visitor
from wsproxy_gevent.auth.users import parse_file, parse_one
from wsproxy_gevent.errors import HookFailed, HookRefused, StartError
from wsproxy_gevent.model import Peer
from wsproxy_gevent.net.httpclient import parse_service
from wsproxy_gevent.wire.http1client import BadAnswer, Exchange
from wsproxy_gevent.wire.message import Headers, Request, Response
from wsproxy_gevent.wire.tokens import TokenPlaces

# What a header can hold: a character per byte, none of them a control.
VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=200)
COOKIES = LoginCookies(lambda name: SESAME if name == "alice" else None, seconds=60, key=KEY)
OURS = COOKIES.issue("alice", SESAME, secure=False).partition(";")[0].partition("=")[2]
ASKING = Request("GET", "/auth", headers=Headers([("Host", "hook")]))

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
FACTS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("target", "user", "record", "expires"), JSON)
)


def with_field(name: str, value: str) -> Request:
    return Request("GET", "/", headers=Headers([(name, value)]))


@given(VALUES)
def test_credentials_are_two_texts_or_none(value: str) -> None:
    for text in (value, f"Basic {value}"):
        credentials = credentials_of(with_field("Authorization", text))
        assert credentials is None or credentials[0]


@given(VALUES)
def test_no_cookie_but_ours_is_somebodys(value: str) -> None:
    for text in (value, f"{NAME}={value}"):
        assert COOKIES.user_of(with_field("Cookie", text)) is None
    assert COOKIES.user_of(with_field("Cookie", f"{value}; {NAME}={OURS}")) == "alice"


@given(st.integers(0, len(OURS) - 2), st.sampled_from("ABCxyz019-_."))
def test_a_cookie_that_was_touched_is_nobodys(place: int, character: str) -> None:
    touched = OURS[:place] + character + OURS[place + 1 :]
    user = COOKIES.user_of(with_field("Cookie", f"{NAME}={touched}"))
    assert user is (None if touched != OURS else user)


@given(st.text(max_size=100))
def test_a_token_is_read_or_is_none(query: str) -> None:
    token = TokenPlaces().find(Request("GET", f"/?{query}&" + "a=b&" * 500))
    assert token is None or "token=" in unquote(query)


@given(st.binary(max_size=200), st.integers(100, 599), st.lists(st.tuples(VALUES, VALUES)))
def test_an_answer_of_the_hook_is_a_yes_a_no_or_a_failure(
    body: bytes, status: int, fields: list[tuple[str, str]]
) -> None:
    with suppress(HookFailed, HookRefused):
        grant = login_of(Response(status, tuple(fields), body)).check(ASKING, Visitor(Peer("")))
        assert grant == Grant()
        assert body.strip() in (b"", b"{}")


@given(FACTS)
def test_facts_of_the_hook_are_read_or_are_a_failure(facts: dict[str, object]) -> None:
    response = Response(200, (), json.dumps(facts).encode())
    with suppress(HookFailed):
        login_of(response, records=True).check(ASKING, Visitor(Peer("")))


@given(VALUES)
def test_an_answer_is_kept_for_a_while_at_most(value: str) -> None:
    for text in (value, f"max-age={value}"):
        assert 0 <= kept_for(Response(200, (("Cache-Control", text),))) <= 3600


@given(st.lists(st.binary(min_size=1, max_size=80), max_size=4), st.booleans())
def test_what_a_service_sends_is_a_response_or_none(pieces: list[bytes], as_http: bool) -> None:
    exchange = Exchange(ASKING)
    with suppress(BadAnswer):
        response = exchange.feed(b"HTTP/1.1 200 OK\r\n") if as_http else None
        for piece in (*pieces, b""):
            response = response or exchange.feed(piece)
        assert response is not None


@given(st.text(max_size=60))
def test_what_an_operator_writes_is_taken_or_explained(text: str) -> None:
    with suppress(StartError):
        parse_file(text, "users")
    with suppress(StartError):
        parse_one(text, "user")
    for parse in (parse_service, parse_listed):
        with suppress(ValueError):
            parse(text)
