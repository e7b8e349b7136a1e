"""Collect a request head, cut anywhere, and hold it to the letter of RFC 9112.

`http1`, and h11 behind it, read what comes out of here.  h11 is lenient
where others are not (bare LF, folded lines, control characters), and two
readers that differ on where a request ends are how requests are smuggled; so
what h11 would let pass is refused before it.

Each byte is looked at once, however small the segments, and each rule is
applied at the end of its line, in order: how the head was cut never changes
the verdict.  A line over its limit is refused as soon as it is over.

Nearly every head comes in one read and has nothing wrong with it.  That is
seen by one look at the whole, which says the same as the lines one by one;
whatever fails it is gone through line by line, to say why.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import BadRequest, HeadersTooLarge, RequestLineTooLong

# RFC 9112, section 2.2: "a server that is expecting to receive and parse a
# request-line SHOULD ignore at least one empty line (CRLF) received prior to
# the request-line."  Old clients end a request with one too many.
EMPTY_LINES_BEFORE = 2


@dataclass(frozen=True, slots=True)
class HeadLimits:
    """What a request head may cost, in bytes and header lines.

    Lines are counted without their CRLF, `total` with every byte of the
    head up to and including its empty line.
    """

    request_line: int = 8190
    header_line: int = 8190
    header_count: int = 100
    total: int = 32 * 1024


_TOKEN = rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+"

# Of the controls only the tab may stand in a line (RFC 9110, section 5.5).
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

# What is wrong with a line when the pattern matches at its beginning; the
# first that matches gives the reason.
_Faults = tuple[tuple[re.Pattern[bytes], str], ...]
_REQUEST_LINE_FAULTS: _Faults = (
    (re.compile(rb"(?!.* HTTP/1\.[01]\Z)"), "only HTTP/1.1 and HTTP/1.0 are spoken here"),
    (
        re.compile(rb"(?!" + _TOKEN + rb" [\x21-\x7e]+ [^ ]+\Z)"),
        "the request line is not METHOD SP target SP version in visible ASCII",
    ),
)
_HEADER_LINE_FAULTS: _Faults = (
    (re.compile(rb"[ \t]"), "a header line must not be folded"),
    (re.compile(rb"[^:]*[ \t]:"), "no white space may stand before a header's colon"),
    (re.compile(rb"(?!" + _TOKEN + rb":)"), "a header line must be a name, a colon and a value"),
)

# A head that no line of it is wrong with.  What it takes it never gives back,
# so that no input makes it look at a byte more than once or twice.
_FAULTLESS = re.compile(
    _TOKEN + rb"+ [\x21-\x7e]++ HTTP/1\.[01]\r\n"
    rb"(?:" + _TOKEN + rb"+:[^\x00-\x08\x0a-\x1f\x7f]*+\r\n)*+\r\n"
)


class HeadReader:
    """Collects one head; one reader is good for one request."""

    def __init__(self, limits: HeadLimits) -> None:
        self._limits = limits
        # No line of such a head can be over its own limit.
        self._small = min(limits.request_line, limits.header_line, limits.total)
        self._buffer = bytearray()
        self._line_start = 0
        self._searched = 0
        self._lines = 0
        self._empty_lines = 0
        self.leftover = b""

    @property
    def started(self) -> bool:
        """Whether any byte of a request has come; empty lines before it are none."""
        return bool(self._buffer) and self._buffer != b"\r"

    def feed(self, data: bytes) -> bytes | None:
        """Take the next bytes; the whole head, or None while more is needed.

        What came behind the head is in `leftover`.  Raises `BadRequest`,
        `RequestLineTooLong` or `HeadersTooLarge`, after which the reader is
        of no more use.
        """
        first = not self._buffer and not self._empty_lines
        self._buffer += data
        if first and (end := self._faultless()):
            return self._finish(end)
        while (end := self._buffer.find(b"\n", self._searched)) >= 0:
            if self._take_line(end + 1):
                return self._finish(end + 1)
        self._searched = len(self._buffer)
        self._check_length(self._searched - self._line_start - self._buffer.endswith(b"\r"))
        return None

    def _faultless(self) -> int:
        """Where the head ends that is all there, faultless and small; else 0."""
        found = _FAULTLESS.match(self._buffer)
        if found is None or found.end() > self._small:
            return 0
        lines = self._buffer.count(b"\r\n", 0, found.end())
        return found.end() if lines - 2 <= self._limits.header_count else 0

    def _take_line(self, end: int) -> bool:
        """Judge the line up to its LF; whether it was the head's last."""
        line = bytes(self._buffer[self._line_start : end])
        content = line.removesuffix(b"\n").removesuffix(b"\r")
        self._check_length(len(content))
        if not line.endswith(b"\r\n"):
            raise BadRequest("a line must end in CRLF, not in a bare LF")
        if not content:
            return self._take_empty_line(end)
        self._check_content(content)
        self._lines += 1
        self._line_start = self._searched = end
        return False

    def _take_empty_line(self, end: int) -> bool:
        if self._lines:
            return True
        self._empty_lines += 1
        if self._empty_lines > EMPTY_LINES_BEFORE:
            raise BadRequest("too many empty lines before the request")
        del self._buffer[:end]
        self._searched = 0
        return False

    def _check_length(self, length: int) -> None:
        """Refuse a line of `length` bytes so far that is over its limit."""
        limits = self._limits
        room = limits.total - self._line_start - len(b"\r\n")
        if not self._lines and length > min(room, limits.request_line):
            raise RequestLineTooLong(f"the request line is over {limits.request_line} bytes")
        if self._lines and length > limits.header_line:
            raise HeadersTooLarge(f"a header line is over {limits.header_line} bytes")
        if self._lines and length > room:
            raise HeadersTooLarge(f"the request head is over {limits.total} bytes")

    def _check_content(self, content: bytes) -> None:
        if self._lines > self._limits.header_count:
            raise HeadersTooLarge(f"more than {self._limits.header_count} header lines")
        if _CONTROL.search(content):
            raise BadRequest("control characters (CR, NUL and others) are not allowed in a head")
        for pattern, reason in _HEADER_LINE_FAULTS if self._lines else _REQUEST_LINE_FAULTS:
            if pattern.match(content):
                raise BadRequest(reason)

    def _finish(self, end: int) -> bytes:
        self.leftover = bytes(self._buffer[end:])
        return bytes(self._buffer[:end])
