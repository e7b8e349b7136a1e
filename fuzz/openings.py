"""What may stand first on a connection: the first byte, the policy request, the PROXY line."""

from __future__ import annotations

from xml.etree import ElementTree

from wsproxy_gevent.errors import BadRequest, HeadersTooLarge, NotHttp, ProxyError
from wsproxy_gevent.wire import policy
from wsproxy_gevent.wire.http1 import HeadLimits, RequestReader
from wsproxy_gevent.wire.opening import Opening, opening_of
from wsproxy_gevent.wire.proxyline import (
    LONGEST_BINARY,
    LONGEST_TEXT,
    ProxyLine,
    ProxyLineReader,
)

from .feeding import outcome, read_input, same_outcome


def opening(data: bytes) -> None:
    """Only what is taken for HTTP, or begins with an empty line, can be a request."""
    if not data:
        return
    kind = opening_of(data[0])
    assert isinstance(kind, Opening)
    if kind is not Opening.HTTP and data[:1] != b"\r":
        told = outcome(RequestReader(HeadLimits()), [data], ProxyError, 1 << 16)
        assert told[0] != "read"
        assert told[0] == "more" or issubclass(told[1], BadRequest | HeadersTooLarge)
    if kind is not Opening.POLICY:
        try:
            policy.PolicyReader().feed(data)
        except NotHttp:
            return
        raise AssertionError("taken for a policy request")


def policy_request(data: bytes) -> None:
    """The verdict is that of a comparison, however it is cut; the answer is XML."""
    given = read_input(data)
    common = min(len(given.body), len(policy.REQUEST))
    good = given.body[:common] == policy.REQUEST[:common]
    for pieces in ([given.body], given.pieces):
        reader, whole = policy.PolicyReader(), False
        try:
            for piece in pieces:
                whole = reader.feed(piece)
        except NotHttp:
            assert not good
        else:
            assert good
            assert whole == given.body.startswith(policy.REQUEST)
    _check_answer(given.variant, given.body.decode("latin-1"))


def _check_answer(port: int, domain: str) -> None:
    if not domain.isprintable():
        return
    text = policy.answer(port, [domain]).decode()
    assert text.endswith("\0")
    (grant,) = ElementTree.fromstring(text[:-1])
    assert grant.attrib == {"domain": domain, "to-ports": str(port)}


def proxyline(data: bytes) -> None:
    """A line is read to its last byte; one of version 1 over IPv4 has just one spelling."""
    given = read_input(data)
    whole = same_outcome(ProxyLineReader, given, NotHttp, 16 + LONGEST_BINARY)
    if whole[0] != "read":
        return
    line, leftover = whole[1:]
    size = len(given.body) - len(leftover)
    assert given.body[size:] == leftover
    if given.body.startswith(b"PROXY"):
        assert size <= LONGEST_TEXT
        assert b"\n" not in given.body[: size - 1]
    if given.body.startswith(b"PROXY TCP4"):
        assert _spelt(line) == given.body[:size]


def _spelt(line: ProxyLine) -> bytes:
    source, destination = line.source, line.destination
    assert source is not None
    assert destination is not None
    ports = f"{source.port} {destination.port}"
    return f"PROXY TCP4 {source.host} {destination.host} {ports}\r\n".encode()
