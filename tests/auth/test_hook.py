"""The hook: what it is told, and what is made of each of its answers."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from tests.auth.fakes import PEER
from tests.net.test_clock import SetClock
from wsproxy_gevent.auth import hook as module
from wsproxy_gevent.auth.hook import HookLogin, kept_for
from wsproxy_gevent.auth.login import Grant, Visitor
from wsproxy_gevent.errors import Busy, HookFailed, HookRefused, ProxyError, TargetRefused
from wsproxy_gevent.model import Peer, TcpTarget
from wsproxy_gevent.net.clock import Deadline
from wsproxy_gevent.net.httpclient import parse_service
from wsproxy_gevent.net.stream import StreamBroken
from wsproxy_gevent.targets.spelling import parse_target
from wsproxy_gevent.wire.http1client import BadAnswer
from wsproxy_gevent.wire.message import Headers, Request, Response
from wsproxy_gevent.wire.tokens import TokenPlaces

REQUEST = Request(
    "GET",
    "/websockify?token=abc%20d",
    headers=Headers(
        [
            ("Host", "gw.example"),
            ("Cookie", "session=1"),
            ("Authorization", "Bearer xyz"),
            ("Origin", "https://gw.example"),
            ("User-Agent", "a browser"),
            ("X-Forwarded-For", "203.0.113.99"),
            ("X-Wsproxy-User", "root"),
        ]
    ),
)
VISITOR = Visitor(PEER, secure=True)


class FakeService:
    """Answers each question with the `response`, or raises the error."""

    def __init__(self, response: Response | Exception) -> None:
        self._response = response
        self.asked: list[Request] = []

    def ask(self, request: Request, deadline: Deadline) -> Response:
        self.asked.append(request)
        if isinstance(self._response, Exception):
            raise self._response
        return self._response


def login_of(response: Response | Exception, *, records: bool = False) -> HookLogin:
    return HookLogin(
        parse_service("http://hook.example:8000/auth?key=hush"),
        FakeService(response),
        parse_target=parse_target,
        scheme_of=lambda _, visitor: "https" if visitor.secure else "http",
        records=records,
        clock=SetClock(),
    )


def fine(facts: object = None, *headers: tuple[str, str], status: int = 200) -> Response:
    body = b"" if facts is None else json.dumps(facts).encode()
    return Response(status, headers, body)


def granted(facts: object, *, records: bool = False) -> Grant:
    return login_of(fine(facts), records=records).check(REQUEST, VISITOR)


def asked(
    request: Request = REQUEST, visitor: Visitor = VISITOR, places: TokenPlaces | None = None
) -> dict[str, str]:
    service = FakeService(fine())
    login = login_of(fine())
    login.places = places or login.places
    login.client = service
    login.check(request, visitor)
    (question,) = service.asked
    assert (question.method, question.target) == ("GET", "/auth?key=hush")
    assert not question.headers.has_repeats
    return dict(question.headers)


# -- The question --------------------------------------------------------------------------


def test_it_is_told_who_wants_what() -> None:
    assert asked() == {
        "host": "hook.example:8000",
        "accept": "application/json",
        "user-agent": "wsproxy-gevent",
        "authorization": "Bearer xyz",
        "cookie": "session=1",
        "origin": "https://gw.example",
        "x-forwarded-for": "192.0.2.1",
        "x-forwarded-host": "gw.example",
        "x-forwarded-proto": "https",
        "x-forwarded-method": "GET",
        "x-forwarded-uri": "/websockify?token=abc%20d",
        "x-wsproxy-token": "abc d",
    }


def test_a_login_before_it_is_told_by_name() -> None:
    assert asked(visitor=Visitor(PEER, user="alice"))["x-wsproxy-user"] == "alice"


def test_a_client_cannot_say_who_it_is() -> None:
    headers = Headers([*REQUEST.headers, ("X-Wsproxy-Token", "abc")])
    told = asked(Request("GET", "/", headers=headers), Visitor(Peer("")))
    assert "x-forwarded-for" not in told
    assert "x-wsproxy-user" not in told
    assert told["x-wsproxy-token"] == "xyz"


@pytest.mark.parametrize("token", ["a%0d%0aX-Wsproxy-User:%20root", "%00", "%C3%A9", "%20a"])
def test_a_token_that_no_field_can_hold_is_in_the_uri_alone(token: str) -> None:
    told = asked(Request("GET", f"/?token={token}", headers=REQUEST.headers))
    assert "x-wsproxy-token" not in told
    assert told["x-forwarded-uri"] == f"/?token={token}"


@pytest.mark.parametrize(
    ("places", "told"), [(("host",), "gw.example"), (("path", "query"), "websockify"), ((), None)]
)
def test_the_token_is_the_one_that_would_find_the_target(
    places: Sequence[str], told: str | None
) -> None:
    assert asked(places=TokenPlaces(places)).get("x-wsproxy-token") == told


# -- Yes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("response", [fine(), fine(status=204), fine({}), fine({"other": [1]})])
def test_a_bare_yes_grants_nothing_else(response: Response) -> None:
    assert login_of(response).check(REQUEST, VISITOR) == Grant()


def test_it_may_name_target_user_record_and_expires() -> None:
    facts = {"target": "vm7:5900", "user": "alice", "record": True, "expires": 1800000000}
    grant = Grant("alice", TcpTarget("vm7", 5900), True, 1800000000.0)
    assert granted(facts, records=True) == grant


def test_null_is_nothing_said() -> None:
    facts = {"target": None, "user": None, "record": None, "expires": None}
    assert granted(facts) == Grant()


@pytest.mark.parametrize(
    "expires", [1800000000, 1800000000.0, "2027-01-15T08:00:00Z", "2027-01-15T09:00:00+01:00"]
)
def test_a_time_may_be_a_number_or_a_text(expires: object) -> None:
    assert granted({"expires": expires}).expires_at == 1800000000.0


def test_to_keep_a_session_off_the_record_takes_no_place_for_records() -> None:
    assert granted({"record": False}).record is False


@pytest.mark.parametrize(
    "facts",
    [
        *({"target": 5900}, {"target": ""}, {"target": "vm7"}, {"target": "http://vm7:80"}),
        *({"user": 7}, {"user": ""}, {"user": "u" * 257}, {"user": ["alice"]}),
        *({"record": "no"}, {"record": 1}, {"record": True}),
        *({"expires": True}, {"expires": "soon"}, {"expires": "2027-01-15T08:00:00"}),
        *({"expires": [1]}, {"expires": {}}, {"expires": 10**400}, {"expires": float("inf")}),
        *({"expires": float("nan")}, {"expires": ""}, {"expires": "2027-13-01T00:00:00Z"}),
        *([], [1], "yes", 1, True),
    ],
)
def test_facts_that_are_none_let_nobody_in(facts: object) -> None:
    with pytest.raises(HookFailed):
        granted(facts)


@pytest.mark.parametrize(
    "body", [b"OK", b"<html>sign in</html>", b"{", b"{}{}", b"\xff", b"[" * 8000, b"null"]
)
def test_a_200_that_says_something_else_lets_nobody_in(body: bytes) -> None:
    with pytest.raises(HookFailed, match="does not answer") as failed:
        login_of(Response(200, (), body)).check(REQUEST, VISITOR)
    assert failed.value.http_status == 503


# -- No ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 429, 451])
def test_status_and_text_of_a_refusal_are_the_clients(status: int) -> None:
    login = login_of(Response(status, (), b"pay first\nplease\n"))
    with pytest.raises(HookRefused) as refused:
        login.check(REQUEST, VISITOR)
    assert (refused.value.http_status, refused.value.reason) == (status, "pay first please")


@pytest.mark.parametrize("body", [b"", b" \n", b"<!DOCTYPE html><h1>403</h1>"])
def test_what_is_no_text_has_one_of_ours(body: bytes) -> None:
    with pytest.raises(HookRefused, match="lets you not in"):
        login_of(Response(403, (), body)).check(REQUEST, VISITOR)


def test_a_long_text_is_cut() -> None:
    with pytest.raises(HookRefused) as refused:
        login_of(Response(403, (), b"no " * 2000)).check(REQUEST, VISITOR)
    assert len(refused.value.reason) <= module.LONGEST_TEXT


def test_a_challenge_goes_on_and_a_cookie_does_not() -> None:
    headers = (("www-authenticate", "Basic"), ("retry-after", "5"), ("set-cookie", "a=b"))
    with pytest.raises(HookRefused) as refused:
        login_of(Response(401, headers, b"")).check(REQUEST, VISITOR)
    assert refused.value.headers == headers[:2]


# -- Neither -------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 304, 307, 500, 502, 503, 599])
def test_any_other_status_is_a_failure_of_the_hook(status: int) -> None:
    with pytest.raises(HookFailed) as failed:
        login_of(Response(status, (), b"Traceback: secrets")).check(REQUEST, VISITOR)
    error = failed.value
    assert (error.http_status, str(status) in error.detail) == (503, True)
    assert ("redirects are not followed" in error.detail) == (status < 400)
    assert "secrets" not in error.reason + error.detail


@pytest.mark.parametrize(
    "error", [BadAnswer("no HTTP"), StreamBroken("reset"), TargetRefused("refused")]
)
def test_a_hook_that_cannot_be_asked_is_a_failure(error: Exception) -> None:
    with pytest.raises(HookFailed) as failed:
        login_of(error).check(REQUEST, VISITOR)
    assert failed.value.detail.startswith("--auth-url, hook.example:8000: ")
    assert "hush" not in failed.value.detail


def test_to_be_busy_is_told_as_it_is() -> None:
    with pytest.raises(Busy):
        login_of(Busy("too many")).check(REQUEST, VISITOR)


def test_a_hook_that_is_silent_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ASK_SECONDS", 0.0)
    with pytest.raises(HookFailed) as failed:
        login_of(fine()).check(REQUEST, VISITOR)
    assert "did not answer" in failed.value.detail


# -- Kept ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("max-age=60", 60.0),
        ("private, Max-Age=60", 60.0),
        ('max-age="60"', 60.0),
        ("max-age=60, max-age=5", 5.0),
        ("max-age=999999999", module.LONGEST_KEPT),
        ("max-age=0", 0.0),
        ("max-age=-1", 0.0),
        ("max-age=1.5", 0.0),
        ("s-maxage=60", 0.0),
        ("no-store, max-age=60", 0.0),
        ("max-age=60, No-Cache", 0.0),
        ("public", 0.0),
        ("", 0.0),
    ],
)
def test_an_answer_is_kept_as_long_as_it_says(value: str, seconds: float) -> None:
    assert kept_for(fine(None, ("cache-control", value))) == seconds
    assert kept_for(fine()) == 0.0


def kept_login(response: Response) -> tuple[HookLogin, FakeService, SetClock]:
    login, service, clock = login_of(response), FakeService(response), SetClock()
    login.client, login.clock = service, clock
    return login, service, clock


def test_a_kept_answer_is_given_again_until_its_time_is_over() -> None:
    login, service, clock = kept_login(fine({"user": "a"}, ("cache-control", "max-age=60")))
    for _ in range(3):
        assert login.check(REQUEST, VISITOR).user == "a"
    assert len(service.asked) == 1
    clock.now += 61
    login.check(REQUEST, VISITOR)
    assert len(service.asked) == 2


def test_a_kept_refusal_is_given_again() -> None:
    login, service, _ = kept_login(Response(403, (("cache-control", "max-age=60"),), b"no"))
    for _ in range(3):
        with pytest.raises(HookRefused):
            login.check(REQUEST, VISITOR)
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    ("request_", "visitor"),
    [
        (Request("GET", "/other", headers=REQUEST.headers), VISITOR),
        (Request("GET", REQUEST.target, headers=Headers([("Cookie", "session=2")])), VISITOR),
        (REQUEST, Visitor(Peer("192.0.2.2"), secure=True)),
        (REQUEST, Visitor(PEER, secure=False)),
        (REQUEST, Visitor(PEER, secure=True, user="bob")),
    ],
)
def test_it_is_given_to_nobody_else(request_: Request, visitor: Visitor) -> None:
    login, service, _ = kept_login(fine({"user": "a"}, ("cache-control", "max-age=60")))
    login.check(REQUEST, VISITOR)
    login.check(request_, visitor)
    assert len(service.asked) == 2


def test_without_leave_nothing_is_kept() -> None:
    login, service, _ = kept_login(fine({"user": "a"}))
    login.check(REQUEST, VISITOR)
    login.check(REQUEST, VISITOR)
    assert len(service.asked) == 2


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KEPT", 2)
    login, _, _ = kept_login(fine(None, ("cache-control", "max-age=60")))
    for number in range(5):
        login.check(Request("GET", f"/{number}"), VISITOR)
    assert len(login._kept) == 2


def test_a_failure_is_not_kept() -> None:
    login, service, _ = kept_login(Response(500, (("cache-control", "max-age=60"),), b""))
    for _ in range(2):
        with pytest.raises(ProxyError):
            login.check(REQUEST, VISITOR)
    assert len(service.asked) == 2
