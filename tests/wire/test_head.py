from __future__ import annotations

from typing import SupportsIndex

import pytest

from wsproxy_gevent.errors import HeadersTooLarge, ProxyError, RequestLineTooLong
from wsproxy_gevent.wire.head import HeadLimits, HeadReader

HEAD = b"GET / HTTP/1.1\r\nHost: a\r\nX: 12\r\n\r\n"

# The head above is just within these.
SNUG = HeadLimits(request_line=14, header_line=7, header_count=2, total=len(HEAD))


def one_at_a_time(reader: HeadReader, wire: bytes) -> bytes | None:
    """Feed until the reader has its head."""
    for place in range(len(wire)):
        if (head := reader.feed(wire[place : place + 1])) is not None:
            return head
    return None


def verdicts(limits: HeadLimits, wire: bytes) -> set[str]:
    """What comes of the bytes, whole and one at a time: one word if all is well."""
    found = set()
    for feed in (HeadReader.feed, one_at_a_time):
        try:
            found.add(str(feed(HeadReader(limits), wire) is not None))
        except ProxyError as error:
            found.add(error.slug)
    return found


def test_the_limits_are_those_of_the_documents() -> None:
    assert HeadLimits() == HeadLimits(8190, 8190, 100, 32768)


def test_a_head_may_fill_its_limits() -> None:
    assert verdicts(SNUG, HEAD) == {"True"}


@pytest.mark.parametrize(
    ("limits", "slug"),
    [
        (HeadLimits(13, 7, 2, len(HEAD)), "request-line-too-long"),
        (HeadLimits(14, 6, 2, len(HEAD)), "headers-too-large"),
        (HeadLimits(14, 7, 1, len(HEAD)), "headers-too-large"),
        (HeadLimits(14, 7, 2, len(HEAD) - 1), "headers-too-large"),
        (HeadLimits(14, 7, 2, 20), "headers-too-large"),
        (HeadLimits(14, 7, 2, 10), "request-line-too-long"),
    ],
)
def test_one_byte_or_line_over_any_limit_is_refused(limits: HeadLimits, slug: str) -> None:
    assert verdicts(limits, HEAD) == {slug}


def test_a_request_line_is_refused_at_the_byte_that_is_too_much() -> None:
    reader = HeadReader(SNUG)
    assert reader.feed(b"GET /2345 HTTP") is None
    with pytest.raises(RequestLineTooLong):
        reader.feed(b"/")


def test_a_header_line_is_refused_at_the_byte_that_is_too_much() -> None:
    reader = HeadReader(SNUG)
    assert reader.feed(b"GET / HTTP/1.1\r\nHost: a") is None
    with pytest.raises(HeadersTooLarge):
        reader.feed(b"b")


def test_a_fault_is_reported_at_the_end_of_its_line_not_of_the_head() -> None:
    reader = HeadReader(HeadLimits())
    with pytest.raises(ProxyError, match=r"only HTTP/1\.1 and HTTP/1\.0"):
        reader.feed(b"PRI * HTTP/2.0\r\n")


def test_what_is_behind_the_head_costs_nothing_of_its_limits() -> None:
    reader = HeadReader(SNUG)
    assert reader.feed(HEAD + b"x\n" * 100_000) == HEAD
    assert reader.leftover == b"x\n" * 100_000


def test_empty_lines_before_the_request_are_no_request() -> None:
    reader = HeadReader(HeadLimits())
    begun = []
    for byte in b"\r\n\r\nGET":
        reader.feed(bytes([byte]))
        begun.append(reader.started)
    assert begun == [False] * 4 + [True] * 3


def test_a_reader_that_was_fed_nothing_has_not_started() -> None:
    reader = HeadReader(HeadLimits())
    assert reader.feed(b"") is None
    assert not reader.started
    assert reader.leftover == b""


class Counting(bytearray):
    """Counts the bytes that are searched or copied."""

    touched = 0

    def find(  # type: ignore[override]
        self, sub: bytes, start: SupportsIndex = 0, end: SupportsIndex | None = None
    ) -> int:
        found = super().find(sub, start)
        self.touched += (found if found >= 0 else len(self)) - int(start)
        return found

    def __getitem__(self, key: slice) -> bytearray:  # type: ignore[override]
        piece = super().__getitem__(key)
        self.touched += len(piece)
        return piece


def test_every_byte_is_looked_at_a_fixed_number_of_times() -> None:
    wire = (
        b"GET / HTTP/1.1\r\n" + b"".join(b"X: %s\r\n" % (b"a" * 500) for _ in range(20)) + b"\r\n"
    )
    reader = HeadReader(HeadLimits())
    reader._buffer = counting = Counting()
    assert one_at_a_time(reader, wire) == wire
    assert counting.touched <= 3 * len(wire)
