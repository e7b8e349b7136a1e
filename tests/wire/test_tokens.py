"""Where in a request its token stands."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest

from wsproxy_gevent.model import Token
from wsproxy_gevent.wire.message import Headers, Request
from wsproxy_gevent.wire.tokens import PLACES, TOKEN_CHARACTERS, TokenPlaces


def request(target: str = "/", *fields: tuple[str, str]) -> Request:
    return Request("GET", target, headers=Headers(fields))


def protocol(text: str) -> tuple[str, str]:
    encoded = urlsafe_b64encode(text.encode()).decode().rstrip("=")
    return ("Sec-WebSocket-Protocol", f"binary, token.{encoded}")


# The request, the places that count, and the token that is there.
FOUND = [
    (request("/websockify?token=abc"), ("query",), "abc"),
    (request("/?x=1&token=a%2Fb+c"), ("query",), "a/b c"),
    (request("/?token=first&token=second"), ("query",), "first"),
    (request("/?token=abc%0A"), ("query",), "abc"),
    (request("/?Token=abc"), ("query",), None),
    (request("/?token="), ("query",), None),
    (request("/?token=a%00b"), ("query",), None),
    (request("/?token=a%0d%0ab"), ("query",), None),
    (request("/", ("Authorization", "Bearer abc.def")), ("bearer",), "abc.def"),
    (request("/", ("Authorization", "bearer  abc")), ("bearer",), "abc"),
    (request("/", ("Authorization", "Basic YTpi")), ("bearer",), None),
    (request("/", protocol("a?b~ü")), ("subprotocol",), "a?b~ü"),
    (request("/", ("WebSocket-Protocol", "token.YWJj")), ("subprotocol",), "abc"),
    (request("/", ("Sec-WebSocket-Protocol", "token.!!!!")), ("subprotocol",), None),
    (request("/", ("Sec-WebSocket-Protocol", "token._w")), ("subprotocol",), None),
    (request("/", ("Sec-WebSocket-Protocol", "binary")), ("subprotocol",), None),
    (request("/", ("Cookie", "a=b; token=abc")), ("cookie",), "abc"),
    (request("/", ("Cookie", 'token="a%20b"')), ("cookie",), "a b"),
    (request("/", ("Cookie", "xtoken=abc")), ("cookie",), None),
    (request("/", ("Host", "abc:6080")), ("host",), "abc"),
    (request("/", ("Host", "abc.example.org")), ("host",), "abc.example.org"),
    (request("/", ("Host", "[2001:db8::1]:6080")), ("host",), "2001:db8::1"),
    (request("/websockify/abc?token=no"), ("path",), "abc"),
    (request("/a%2e%2e%2fb"), ("path",), "a../b"),
    (request("/"), ("path",), None),
    (request("/abc"), ("query", "bearer", "subprotocol", "cookie", "host"), None),
]


@pytest.mark.parametrize(("asked", "places", "token"), FOUND)
def test_the_token_stands_where_it_is_looked_for(
    asked: Request, places: tuple[str, ...], token: str | None
) -> None:
    found = TokenPlaces(places).find(asked)
    assert (found.secret if found else None) == token


def test_the_first_place_that_has_one_is_the_one() -> None:
    asked = request("/?token=a", ("Authorization", "Bearer b"), ("Cookie", "token=c"))
    assert TokenPlaces(("query", "bearer")).find(asked) == Token("a")
    assert TokenPlaces(("cookie", "bearer")).find(asked) == Token("c")


def test_what_can_be_no_token_in_its_place_is_not_looked_for_elsewhere() -> None:
    asked = request("/?token=%00", ("Authorization", "Bearer b"))
    assert TokenPlaces(("query", "bearer")).find(asked) is None


def test_a_cookie_may_have_another_name() -> None:
    asked = request("/", ("Cookie", "console=abc"))
    assert TokenPlaces(("cookie",), cookie="console").find(asked) == Token("abc")


@pytest.mark.parametrize("place", PLACES)
def test_a_path_is_shown_unless_the_token_stands_in_it(place: str) -> None:
    shown = TokenPlaces((place,)).path_shown(request("/console/secret"))
    assert shown == ("/console/..." if place == "path" else "/console/secret")


def test_a_token_has_an_end() -> None:
    longest = "a" * TOKEN_CHARACTERS
    assert TokenPlaces().find(request(f"/?token={longest}")) == Token(longest)
    assert TokenPlaces().find(request(f"/?token={longest}a")) is None


def test_a_token_is_shown_by_a_short_hash_alone() -> None:
    assert f"{Token('abc')}" == "ba7816bf"
    assert "abc" not in repr(Token("abc"))
