"""Where two implementations of RFC 6455 read the same bytes and differ, and why that is right.

Each difference names what we say and what they say, so that nothing else
hides behind it; a pair of verdicts that matches none of these fails the run,
and so does a line here that nothing matches any more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """`ours` and `theirs` are patterns of "end: cause"; `why` says who is right.

    With `goes_on` they read on where we stop, so what they heard may begin
    with what we heard; otherwise both have heard the same.
    """

    other: str
    ours: str
    theirs: str
    why: str
    goes_on: bool = False

    def matches(self, other: str, ours: str, theirs: str) -> bool:
        return (
            self.other == other
            and re.fullmatch(self.ours, ours, re.DOTALL) is not None
            and re.fullmatch(self.theirs, theirs, re.DOTALL) is not None
        )


WEBSOCKETS, WSPROTO = "websockets", "wsproto"

# What the header of a frame alone shows.
_IN_A_HEADER = (
    "failed 1002: (?:reserved bits are set, .*|the opcode is reserved|a control frame is .*"
    "|a continuation has no .*|a message begins .*|a server must not mask .*"
    "|a client must mask .*|a length of .*)"
)
_ANYTHING = ".*"

FRAMES = (
    Difference(
        WEBSOCKETS,
        _IN_A_HEADER,
        "open: ",
        "They look at a frame when all of it has come, we at the first byte that breaks a "
        "rule; of a length of 2^63 that is never.",
    ),
    Difference(
        WEBSOCKETS,
        "failed 1002: (?:a length is not in its shortest form"
        "|a control frame is longer than N bytes)",
        _ANYTHING,
        "They take lengths that are not in their shortest form, in controls too; section 5.2: "
        '"the minimal number of bytes MUST be used to encode the length".',
        goes_on=True,
    ),
    Difference(
        WEBSOCKETS,
        "closed .*",
        "failed 1002: incomplete fragmented message",
        "They refuse a Close inside a fragmented message; section 5.4 lets control frames be "
        "there, and 5.5.1 makes no exception.",
    ),
    Difference(
        WEBSOCKETS,
        "failed 1002: close code N must not be sent",
        "failed 1007: .*",
        "Of a Close with a bad code and a bad reason they tell the reason first; either rule "
        "is broken.",
    ),
    Difference(
        WSPROTO,
        _IN_A_HEADER,
        "open: ",
        "They look at a header when all of it has come, we at the first byte that breaks a rule.",
    ),
    Difference(
        WSPROTO,
        "closed 1014: .*",
        "failed 1002: CLOSE with unknown reserved code",
        "They do not know 1014, Bad Gateway, which is in the registry that the RFC founded.",
    ),
    Difference(
        WSPROTO,
        "failed 1007: the reason of a Close is not UTF-N",
        "failed 1002: CLOSE with unknown reserved code",
        "The same code, with a bad reason behind it.",
    ),
    Difference(
        WSPROTO,
        "failed 1007: the text is not UTF-N .*",
        "(?:open: |closed .*|failed .*)",
        "They leave UTF-8 to Python's decoder, which waits for the third byte of a surrogate "
        "when the second shows it; what comes before that byte is read on.",
        goes_on=True,
    ),
)

_TO_THE_LETTER = (
    "(?:a line must end in CRLF, .*|a header line must .*|control characters .*"
    "|no white space may .*|the request line is not .*)"
)

HANDSHAKES = (
    # Where we refuse and they accept.
    Difference(
        WEBSOCKETS,
        "refused: 400 (?:a request needs a Host header, .*|more than one host header"
        "|the Host header is not a host and a port)",
        "accepted: ",
        'They leave the Host to others. RFC 9112, section 3.2: "a server MUST respond with a '
        '400 (Bad Request) status code" to each of these.',
    ),
    Difference(
        WEBSOCKETS,
        "refused: 400 (?:the request target must be a path, .*|a request target has no fragment"
        "|a path must begin with one slash)",
        "accepted: ",
        "They leave the target to others; we serve one form of it (RFC 9112, section 3.2), "
        "and never what a browser takes for another site's address.",
    ),
    Difference(
        WEBSOCKETS,
        "refused: 400 control characters .*",
        "(?:accepted|more): ",
        "They let controls be in a target, and wait for more where a bare CR ends a line.",
    ),
    Difference(
        WEBSOCKETS,
        "refused: 400 more than one content-length header",
        "accepted: ",
        "They take several lengths that are all 0; of several we take none (RFC 9112, "
        "section 6.3, leaves that open).",
    ),
    Difference(
        WSPROTO,
        f"refused: 400 {_TO_THE_LETTER}",
        "(?:accepted|more): ",
        "They take what h11 takes: bare LF, folded lines, some control characters, white "
        "space before a colon at the end of what came. Two readers that differ on where a "
        "line ends are how requests are smuggled.",
    ),
    Difference(
        WSPROTO,
        "refused: 400 only HTTP/N.N and HTTP/N.N are spoken here",
        "(?:accepted|more): ",
        "They take any minor version of HTTP/1; there are two.",
    ),
    Difference(
        WSPROTO,
        "refused: 400 (?:a GET must have no body here|more than one content-length header"
        "|Transfer-Encoding and Content-Length exclude each other)",
        "accepted: ",
        "They read a body behind a handshake; its bytes would be frames to whoever does not.",
    ),
    Difference(
        WSPROTO,
        "refused: 400 more than one (?:sec-websocket-key|sec-websocket-version|origin) header",
        "accepted: ",
        'They take the last. RFC 6455, section 11.3.1: a key "MUST NOT appear more than '
        'once", and of two origins one would be checked and the other believed.',
    ),
    Difference(
        WSPROTO,
        "refused: 400 Sec-WebSocket-Key must be .*",
        "accepted: ",
        "They take any key; section 4.2.1 has it decode to 16 bytes.",
    ),
    Difference(
        WSPROTO,
        "refused: 400 a proxy in front of this one swallowed the upgrade; .*",
        "accepted: ",
        "They take a handshake over HTTP/1.0; section 4.2.1: 1.1 or higher.",
    ),
    Difference(
        WSPROTO,
        "refused: 400 (?:the Host header is not a host and a port"
        "|the request target must be a path, .*|a request target has no fragment"
        "|a path must begin with one slash)",
        "accepted: ",
        "They leave Host and target to others.",
    ),
    # Where we accept and they refuse.
    Difference(
        WEBSOCKETS,
        "(?:accepted|more): ",
        "refused: InvalidMessage invalid HTTP request line",
        'RFC 9112, section 2.2: a server "SHOULD ignore at least one empty line" before the '
        "request line; we do.",
    ),
    Difference(
        WSPROTO,
        "(?:accepted|more): ",
        "refused: RemoteProtocolError Bad HTTP message",
        "The same empty line, which h11 refuses.",
    ),
    Difference(
        WEBSOCKETS,
        "accepted: ",
        "refused: InvalidHeaderFormat invalid (?:Connection|Upgrade|Sec-WebSocket-Protocol) .*",
        "They fail on an element of a list that is no token; we pass it over, and want only "
        "the one that counts.",
    ),
    Difference(
        WEBSOCKETS,
        "accepted: ",
        "refused: InvalidUpgrade invalid Upgrade header",
        'Section 4.2.1 asks for an Upgrade "containing the value websocket"; they want '
        "nothing beside it.",
    ),
    Difference(
        WSPROTO,
        "accepted: ",
        "refused: RemoteProtocolError Missing header, '(?:Connection|Upgrade): .*'",
        "They look at the last line of a list that has several, and want nothing beside "
        "websocket in an Upgrade.",
    ),
    Difference(
        WSPROTO,
        "accepted: ",
        "refused: UnicodeDecodeError .*",
        "They fail on a subprotocol or a Host that is not ASCII; we pass the subprotocol over.",
    ),
)
