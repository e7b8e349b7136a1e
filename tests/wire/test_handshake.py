from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cases.handshakes import (
    ACCEPTED,
    HYBI_ANSWER,
    KEY1,
    KEY2,
    REFUSED,
    RESTRICTED,
    SUBPROTOCOLS,
    Accepted,
    hixie,
    hybi,
)
from tests.cases.requests import get
from wsproxy_gevent.errors import (
    BadHandshake,
    LegacyRefused,
    MethodNotAllowed,
    ProxyError,
    SubprotocolRefused,
    VersionRefused,
)
from wsproxy_gevent.wire.handshake import (
    HandshakeRules,
    Proposal,
    is_upgrade,
    origin_of,
    propose,
)
from wsproxy_gevent.wire.http1 import HeadLimits, RequestReader, refusal, whole
from wsproxy_gevent.wire.message import Headers, Request

RULES = HandshakeRules()


def request_of(wire: bytes) -> Request:
    request = RequestReader(HeadLimits()).feed(wire)
    assert request is not None
    return request


def proposal(wire: bytes, rules: HandshakeRules = RULES, *, secure: bool = False) -> Proposal:
    return propose(request_of(wire), rules, secure=secure)


# -- What is accepted ---------------------------------------------------------


@pytest.mark.parametrize("case", ACCEPTED.values(), ids=ACCEPTED)
def test_a_handshake_has_its_answer_wherever_it_is_cut(case: Accepted) -> None:
    wire = case.request + case.body
    for cut in range(len(wire) + 1):
        reader = RequestReader(HeadLimits())
        rest = wire[cut:]
        if (request := reader.feed(wire[:cut])) is None:
            request, rest = reader.feed(rest), b""
        assert request is not None
        body = reader.leftover + rest
        assert propose(request, RULES, secure=False).answer(body) == case.answer


@pytest.mark.parametrize("case", ACCEPTED.values(), ids=ACCEPTED)
def test_a_handshake_tells_its_dialect_and_how_payload_travels(case: Accepted) -> None:
    accepted = proposal(case.request)
    assert accepted.dialect is case.dialect
    assert accepted.subprotocol == case.subprotocol
    assert accepted.base64 == case.base64
    assert accepted.body_length == len(case.body)


@pytest.mark.parametrize("case", ACCEPTED.values(), ids=ACCEPTED)
def test_what_is_accepted_is_an_upgrade_and_says_no_more_than_it_must(case: Accepted) -> None:
    assert is_upgrade(request_of(case.request))
    assert b"Server" not in case.answer
    assert b"Date" not in case.answer


def test_the_location_of_a_secure_connection_is_wss() -> None:
    assert (
        b"\r\nWebSocket-Location: wss://example.com:6080/demo?a=b\r\n"
        in proposal(hixie(), secure=True).answer()
    )
    assert b"\r\nSec-WebSocket-Location: wss://example.com:6080/demo?a=b\r\n" in proposal(
        hixie(KEY1, KEY2), secure=True
    ).answer(b"Tm[K T2u")


def test_the_body_of_hixie_76_is_eight_bytes_of_any_kind() -> None:
    accepted = proposal(hixie(KEY1, KEY2))
    answers = {accepted.answer(body) for body in (b"\r\n\r\n\r\n\r\n", b"\0" * 8, b"\xff" * 8)}
    assert len(answers) == 3
    assert {len(answer) - answer.index(b"\r\n\r\n") for answer in answers} == {4 + 16}


@pytest.mark.parametrize(
    ("wire", "body"),
    [(hixie(KEY1, KEY2), b""), (hixie(KEY1, KEY2), b"Tm[K T2u!"), (hybi(), b"x"), (hixie(), b"x")],
)
def test_an_answer_takes_exactly_its_body(wire: bytes, body: bytes) -> None:
    with pytest.raises(ValueError, match="body has"):
        proposal(wire).answer(body)


# -- What is refused ----------------------------------------------------------


@pytest.mark.parametrize(("wire", "error"), REFUSED.values(), ids=REFUSED)
def test_a_broken_handshake_is_an_upgrade_that_is_refused(
    wire: bytes, error: type[ProxyError]
) -> None:
    request = request_of(wire)
    assert is_upgrade(request)
    with pytest.raises(error) as caught:
        propose(request, RULES, secure=False)
    assert type(caught.value) is error


@pytest.mark.parametrize("name", ["no upgrade", "no connection", "http/1.0", "connection: close"])
def test_a_swallowed_upgrade_is_answered_by_the_lines_nginx_lacks(name: str) -> None:
    with pytest.raises(BadHandshake) as caught:
        proposal(REFUSED[name][0])
    for line in (
        "proxy_http_version 1.1;",
        "proxy_set_header Upgrade $http_upgrade;",
        'proxy_set_header Connection "upgrade";',
    ):
        assert line in caught.value.reason


def test_a_head_request_is_told_that_a_handshake_is_a_get() -> None:
    with pytest.raises(MethodNotAllowed, match="must be a GET"):
        proposal(hybi().replace(b"GET", b"HEAD"))


@pytest.mark.parametrize(
    ("rules", "versions"), [(RULES, "13, 8, 7"), (HandshakeRules(legacy=False), "13")]
)
def test_a_refused_version_is_answered_by_those_spoken(
    rules: HandshakeRules, versions: str
) -> None:
    with pytest.raises(VersionRefused) as caught:
        proposal(hybi(version=b"9"), rules)
    assert dict(caught.value.headers) == {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": versions,
    }
    assert caught.value.http_status == 426


@pytest.mark.parametrize(
    "wire", [hixie(), hixie(KEY1, KEY2), hybi(version=b"7"), hybi(version=b"8")]
)
def test_without_legacy_only_rfc_6455_is_left(wire: bytes) -> None:
    with pytest.raises(LegacyRefused, match="--no-legacy") as caught:
        proposal(wire, HandshakeRules(legacy=False))
    assert ("Sec-WebSocket-Version", "13") in caught.value.headers


def test_without_legacy_rfc_6455_is_answered_as_ever() -> None:
    accepted = proposal(hybi(), HandshakeRules(legacy=False))
    assert accepted.answer() == HYBI_ANSWER + b"\r\n"


@pytest.mark.parametrize("field", ["origin", "host"])
def test_hixie_echoes_nothing_that_could_end_a_line(field: str) -> None:
    fields = {"upgrade": "WebSocket", "connection": "Upgrade", "host": "a", "origin": "http://a"}
    for bad in ("a\r\nX: b", "a\n", "a b", "a\x7f", "\xe9"):
        request = Request("GET", "/", "1.1", Headers((fields | {field: bad}).items()))
        with pytest.raises(BadHandshake, match="visible ASCII"):
            propose(request, RULES, secure=False)


@pytest.mark.parametrize(
    "origin", ["null", "file://", "http://[::1]:6080", "chrome-extension://abcdefgh"]
)
def test_hixie_echoes_each_kind_of_origin(origin: str) -> None:
    fields = {"upgrade": "WebSocket", "connection": "Upgrade", "host": "a", "origin": origin}
    request = Request("GET", "/", "1.1", Headers(fields.items()))
    answer = propose(request, RULES, secure=False).answer()
    assert b"\r\nWebSocket-Origin: %s\r\n" % origin.encode() in answer


def test_hixie_echoes_no_target_that_could_end_a_line() -> None:
    fields = {"upgrade": "WebSocket", "connection": "Upgrade", "host": "a", "origin": "http://a"}
    request = Request("GET", "/\r\nX: b", "1.1", Headers(fields.items()))
    with pytest.raises(BadHandshake, match="visible ASCII"):
        propose(request, RULES, secure=False)


# -- Subprotocols -------------------------------------------------------------


@pytest.mark.parametrize(
    ("offered", "answer", "answer_of_hixie"), SUBPROTOCOLS.values(), ids=SUBPROTOCOLS
)
def test_a_subprotocol_is_chosen(
    offered: list[str], answer: str | None, answer_of_hixie: str | None
) -> None:
    lines = [b"Sec-WebSocket-Protocol: " + line.encode("latin-1") for line in offered]
    accepted = proposal(hybi(*lines))
    assert accepted.subprotocol == answer
    assert accepted.base64 == (answer == "base64")
    old = proposal(hixie(*[line.removeprefix(b"Sec-") for line in lines]))
    assert old.subprotocol == proposal(hixie(KEY1, KEY2, *lines)).subprotocol == answer_of_hixie
    assert old.base64


@pytest.mark.parametrize("keys", [(), (KEY1, KEY2)], ids=["75", "76"])
def test_text_in_hixie_is_base64_only_if_that_was_asked_for(keys: tuple[bytes, ...]) -> None:
    rules, prefix = HandshakeRules(text=True), b"Sec-" if keys else b""
    assert not proposal(hixie(*keys), rules).base64
    asked = prefix + b"WebSocket-Protocol: base64"
    assert proposal(hixie(*keys, asked), rules).base64


@pytest.mark.parametrize("key", [KEY1, KEY2])
def test_one_key_of_hixie_76_is_told_that_there_are_two(key: bytes) -> None:
    with pytest.raises(BadHandshake, match="come together"):
        proposal(hixie(key))


@pytest.mark.parametrize(("offered", "allowed", "answer"), RESTRICTED)
def test_only_allowed_subprotocols_are_chosen_in_the_operators_order(
    offered: str, allowed: tuple[str, ...], answer: str | type[ProxyError] | None
) -> None:
    wire = hybi(b"Sec-WebSocket-Protocol: " + offered.encode())
    rules = HandshakeRules(subprotocols=allowed)
    if isinstance(answer, type):
        with pytest.raises(answer, match="--subprotocol"):
            proposal(wire, rules)
    else:
        assert proposal(wire, rules).subprotocol == answer


def test_a_refused_subprotocol_leaves_no_secret_in_the_log() -> None:
    wire = hybi(b"Sec-WebSocket-Protocol: token.c2VjcmV0, chat")
    with pytest.raises(SubprotocolRefused) as caught:
        proposal(wire, HandshakeRules(subprotocols=("mqtt",)))
    assert caught.value.detail == "offered: chat"


def test_hixie_75_does_not_read_the_fields_of_its_successors() -> None:
    assert proposal(hixie(b"Sec-WebSocket-Protocol: chat")).subprotocol is None
    assert proposal(hixie(KEY1, KEY2, b"WebSocket-Protocol: chat")).subprotocol is None


# -- Questions about a request ------------------------------------------------


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [b"Connection: Upgrade"],
        [b"Upgrade: h2c", b"Connection: Upgrade, HTTP2-Settings"],
        [b"Upgrade: websockets"],
        [b"Sec-WebSocket-Extensions: x"],
    ],
)
def test_a_page_is_no_upgrade(lines: list[bytes]) -> None:
    assert not is_upgrade(request_of(get(*lines)))


@pytest.mark.parametrize(
    "line",
    [
        b"Upgrade: WEBSOCKET",
        b"Upgrade: h2c,websocket",
        b"Sec-WebSocket-Key: x",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Key1: 1 ;",
        b"Sec-WebSocket-Key2: 1 ;",
    ],
)
def test_any_sign_of_a_handshake_makes_an_upgrade(line: bytes) -> None:
    assert is_upgrade(request_of(get(line)))


@pytest.mark.parametrize(
    ("lines", "origin"),
    [
        ([], None),
        ([b"Origin: http://a"], "http://a"),
        ([b"Origin: null"], "null"),
        ([b"Origin:"], ""),
        ([b"Sec-WebSocket-Origin: http://b"], "http://b"),
        ([b"Sec-WebSocket-Origin: http://b", b"Origin: http://a"], "http://a"),
    ],
)
def test_the_origin_has_two_names(lines: list[bytes], origin: str | None) -> None:
    assert origin_of(request_of(get(*lines))) == origin


# -- Anything at all ----------------------------------------------------------

FIELDS = st.sampled_from(
    [
        *("upgrade", "connection", "host", "origin", "sec-websocket-key", "sec-websocket-key1"),
        *("sec-websocket-key2", "sec-websocket-version", "sec-websocket-protocol"),
    ]
)
VALUES = st.text(st.characters(max_codepoint=0xFF)) | st.sampled_from(
    ["websocket", "upgrade", "13", "8", "dGhlIHNhbXBsZSBub25jZQ==", "1 ;", "binary", "http://a"]
)


def written(request: Request) -> bytes:
    """What the client gets: the 101 or the refusal."""
    try:
        accepted = propose(request, RULES, secure=True)
    except ProxyError as error:
        return whole(refusal(error), request, date="")
    return accepted.answer(bytes(accepted.body_length))


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(FIELDS, VALUES), st.booleans())
def test_whatever_a_request_holds_is_answered_in_printable_lines(
    fields: dict[str, str], likely: bool
) -> None:
    upgrade = {"upgrade": "websocket", "connection": "upgrade"} if likely else {}
    request = Request("GET", "/", "1.1", Headers((fields | upgrade).items()))
    head, _, _ = written(request).partition(b"\r\n\r\n")
    assert head[:12] in (b"HTTP/1.1 101", b"HTTP/1.1 400", b"HTTP/1.1 426")
    assert all(line.isascii() and line.isprintable() for line in head.decode().split("\r\n"))
