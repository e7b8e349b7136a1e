"""Requests and handshakes: heads as bytes, and heads that no reader would pass."""

from __future__ import annotations

import re

import h11

from wsproxy_gevent.errors import (
    BadHandshake,
    BadRequest,
    HeadersTooLarge,
    MethodNotAllowed,
    ProxyError,
    RequestLineTooLong,
    SubprotocolRefused,
    VersionRefused,
)
from wsproxy_gevent.model import Dialect
from wsproxy_gevent.wire.handshake import (
    HandshakeRules,
    Proposal,
    is_upgrade,
    origin_of,
    propose,
)
from wsproxy_gevent.wire.http1 import HeadLimits, RequestReader, refusal, whole
from wsproxy_gevent.wire.hybi_handshake import accept_for
from wsproxy_gevent.wire.message import Headers, Request

from .feeding import check_error, read_input, same_outcome

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"

# Small limits, so that short inputs reach them, and those of the house.
LIMITS = (HeadLimits(40, 24, 4, 128), HeadLimits())
_REFUSALS = (BadRequest, RequestLineTooLong, HeadersTooLarge, MethodNotAllowed)

_RAW_VALUE = re.compile(r"[^\r\n\0]*")
_TARGET = re.compile(r"/(?:[\x21-\x2e\x30-\x5b\x5d-\x7e][\x21-\x7e]*)?")


# -- Requests -----------------------------------------------------------------


def http1(data: bytes) -> None:
    """The verdict does not depend on cuts, and what passes holds what `Request` promises."""
    given = read_input(data)
    limits = LIMITS[given.variant & 1]
    told = same_outcome(lambda: RequestReader(limits), given, _REFUSALS, limits.total)
    request = None
    if told[0] == "read":
        request, leftover = told[1:]
        assert given.body.endswith(leftover)
        assert given.body[: len(given.body) - len(leftover)].endswith(b"\r\n\r\n")
        _check_request(request, limits)
    if given.variant & 2:
        _check_refusal(told[1](*_arguments(told)) if told[0] == "refused" else None, request)


def _arguments(told: tuple[object, ...]) -> tuple[object, ...]:
    return (told[3],) if told[1] is MethodNotAllowed else (told[2],)


def _check_request(request: Request, limits: HeadLimits) -> None:
    assert request.method in ("GET", "HEAD")
    assert request.version in ("1.0", "1.1")
    assert _TARGET.fullmatch(request.target)
    assert len(request.headers) <= limits.header_count + 1  # the authority's Host
    for name, value in request.headers:
        assert name == name.lower()
        assert _RAW_VALUE.fullmatch(value)
        assert value == value.strip(" \t")


def _check_refusal(error: ProxyError | None, request: Request | None) -> None:
    """An answer is one that another reader understands, to its last byte."""
    error = error or BadRequest("no")
    wire = whole(refusal(error), request, date=DATE)
    client = h11.Connection(h11.CLIENT)
    method = request.method if request else "GET"
    client.send(h11.Request(method=method, target="/", headers=[("Host", "-")]))
    client.receive_data(wire)
    response = client.next_event()
    assert isinstance(response, h11.Response)
    assert response.status_code == error.http_status
    if method == "GET":
        body = client.next_event()
        assert isinstance(body, h11.Data)
        assert bytes(body.data) == f"{error.reason}\n".encode()
    assert isinstance(client.next_event(), h11.EndOfMessage)
    assert client.trailing_data[0] == b""


# -- Handshakes -----------------------------------------------------------------

_HANDSHAKE_REFUSALS = (BadHandshake, MethodNotAllowed, VersionRefused, SubprotocolRefused)

RULES = (
    HandshakeRules(),
    HandshakeRules(legacy=False, compress=True),
    HandshakeRules(subprotocols=("mqtt", "base64"), text=True),
    HandshakeRules(legacy=False, subprotocols=("binary",)),
)

# In a request that is made of parts, each part's first byte chooses the name.
NAMES = (
    "host",
    "origin",
    "upgrade",
    "connection",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-protocol",
    "sec-websocket-key1",
    "sec-websocket-key2",
    "sec-websocket-origin",
    "websocket-protocol",
    "sec-websocket-extensions",
)
USUAL = (("upgrade", "websocket"), ("connection", "Upgrade"), ("host", "a"))

PARTS, OVER_TLS, AS_USUAL, ANSWERED = 0x04, 0x08, 0x10, 0x20

_LINE = r"[\x20-\x7e]*\r\n"
_HEAD = re.compile(rf"HTTP/1\.1 101 {_LINE}(?:(?:Sec-)?[A-Za-z-]+: {_LINE})+\r\n")
_FIELDS = {
    Dialect.RFC_6455: ["upgrade", "connection", "sec-websocket-accept"],
    Dialect.HIXIE_76: [
        "upgrade",
        "connection",
        "sec-websocket-origin",
        "sec-websocket-location",
    ],
    Dialect.HIXIE_75: ["upgrade", "connection", "websocket-origin", "websocket-location"],
}
_FIELDS[Dialect.HYBI_07] = _FIELDS[Dialect.HYBI_08] = _FIELDS[Dialect.RFC_6455]


def handshake(data: bytes) -> None:
    """A request is proposed or refused; nothing of it can end a line of the answer."""
    given = read_input(data)
    if given.variant & PARTS:
        request = request_of_parts(given.body, usual=bool(given.variant & AS_USUAL))
    else:
        told = same_outcome(lambda: RequestReader(LIMITS[1]), given, _REFUSALS, 1 << 15)
        if told[0] != "read":
            return
        request = told[1]
    upgrade, _ = is_upgrade(request), origin_of(request)
    rules = RULES[given.variant & 3]
    try:
        proposal = propose(request, rules, secure=bool(given.variant & OVER_TLS))
    except _HANDSHAKE_REFUSALS as error:
        check_error(error)
        if given.variant & ANSWERED:
            _check_refusal(error, None)
    else:
        assert upgrade
        check_proposal(proposal, request, rules)


def request_of_parts(body: bytes, *, usual: bool) -> Request:
    """A request whose target and values may hold what no reader lets pass."""
    target, *fields = body.decode("latin-1").split("\0")
    named = [(NAMES[ord(f[0]) % len(NAMES)], f[1:].strip(" \t")) for f in fields if f]
    return Request("GET", f"/{target}", "1.1", Headers((*(USUAL if usual else ()), *named)))


def check_proposal(proposal: Proposal, request: Request, rules: HandshakeRules) -> None:
    answer = proposal.answer(bytes(proposal.body_length))
    head = proposal.head.decode("ascii")
    assert len(answer) == len(head) + (16 if proposal.body_length else 0)
    assert _HEAD.fullmatch(head)
    lines = head.split("\r\n")[1:-2]
    fields = Headers((name, value) for name, _, value in (x.partition(": ") for x in lines))
    names = [name for name, _ in fields]
    known, chosen = _FIELDS[proposal.dialect], []
    assert names[: len(known)] == known
    for name in names[len(known) :]:
        if name == "sec-websocket-extensions":
            assert rules.compress
            assert proposal.deflate
        else:
            chosen.append(fields.get(name))
    _check_subprotocol(proposal, request, rules, chosen)
    if proposal.dialect not in _HIXIE:
        key = request.headers.get("sec-websocket-key") or ""
        assert fields.get("sec-websocket-accept") == accept_for(key)


_HIXIE = (Dialect.HIXIE_75, Dialect.HIXIE_76)


def _check_subprotocol(
    proposal: Proposal, request: Request, rules: HandshakeRules, answered: list[str | None]
) -> None:
    """What is answered was offered and is allowed, and is no bearer's secret."""
    chosen = proposal.subprotocol
    assert answered == ([] if chosen is None else [chosen])
    needs_base64 = proposal.dialect in _HIXIE and not rules.text
    assert proposal.base64 == (chosen == "base64" or needs_base64)
    if chosen is None:
        return
    field = "websocket-protocol"
    prefix = "" if proposal.dialect is Dialect.HIXIE_75 else "sec-"
    assert chosen in request.headers.get_list(prefix + field)
    assert not chosen.startswith("token.")
    assert not rules.subprotocols or chosen in rules.subprotocols
