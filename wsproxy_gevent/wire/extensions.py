"""Which extension that a client offers is spoken: permessage-deflate, or none.

A client lists what it would take, the best first, and may offer one
extension several times with other parameters.  The first offer that can be
met is; one with a parameter that is unknown, wrong or there twice is passed
over, as RFC 7692, section 7 has it, and so are extensions of other names.

The grammar (RFC 6455, section 9.1) is read by `websockets`, the only thing
for which compression needs that package; its own sessions are not used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from ..errors import BadHandshake
from .deflate import MOST_WINDOW_BITS, Deflate, Side

try:  # An optional dependency: the extra `compress`.
    from websockets.exceptions import InvalidHeaderFormat
    from websockets.headers import parse_extension
except ImportError:
    AVAILABLE = False
else:
    AVAILABLE = True

EXTENSIONS_FIELD = "sec-websocket-extensions"
NAME = "permessage-deflate"

# Of windows up to 32 KiB, one of 4 compresses little worse, and it is kept
# for as long as the connection lasts.
OUR_WINDOW_BITS = 12

# zlib makes no raw DEFLATE with a window of 8 bits (it used 9 instead once,
# which a peer that keeps to 8 cannot read).  So an offer that asks for it is
# passed over.  It inflates any.
_LEAST_OF_OURS = 9

# The parser's words hold the whole header.
_LONGEST_DETAIL = 200

_WINDOW_BITS = {str(bits): bits for bits in range(8, MOST_WINDOW_BITS + 1)}


@dataclass(frozen=True, slots=True)
class Agreement:
    """What is spoken, and the value of the answer's Sec-WebSocket-Extensions."""

    deflate: Deflate
    answer: str


Parameter = tuple[str, str | None]


def negotiate(values: Iterable[str]) -> Agreement | None:
    """The agreement that answers the values of Sec-WebSocket-Extensions, if any does.

    None if `websockets` is not installed.  Raises `BadHandshake` for a value
    that is no list of extensions.
    """
    for name, parameters in _offers(values):
        agreement = _meet(parameters) if name == NAME else None
        if agreement is not None:
            return agreement
    return None


def _offers(values: Iterable[str]) -> Sequence[tuple[str, Sequence[Parameter]]]:
    whole = ", ".join(value for value in values if value)
    if not (AVAILABLE and whole):
        return ()
    try:
        return parse_extension(whole)
    except InvalidHeaderFormat as error:
        raise BadHandshake(
            "Sec-WebSocket-Extensions is malformed (RFC 6455, section 9.1)",
            detail=str(error)[:_LONGEST_DETAIL],
        ) from error


def _meet(parameters: Sequence[Parameter]) -> Agreement | None:
    """The agreement that meets one offer, None if it cannot be met."""
    if len(dict(parameters)) < len(parameters):
        return None
    # A window may be used less than whole, and need not be spoken of.
    agreement = Agreement(Deflate(server=Side(window_bits=OUR_WINDOW_BITS)), NAME)
    for name, value in parameters:
        meet = _PARAMETERS.get(name)
        met = meet(agreement.deflate, value) if meet else None
        if met is None:
            return None
        deflate, answer = met
        agreement = Agreement(deflate, "; ".join(filter(None, (agreement.answer, answer))))
    return agreement


# -- The four parameters (RFC 7692, section 7.1) -----------------------------------
#
# Each takes what is agreed so far and the parameter's value, and returns what
# is agreed with it and the parameter that says so, "" if none need say it;
# None if it can't be met.

_Met = tuple[Deflate, str] | None


def _server_takeover(so_far: Deflate, value: str | None) -> _Met:
    """Section 7.1.1.1: the client asks us to begin anew with each message."""
    if value is not None:
        return None
    server = replace(so_far.server, takeover=False)
    return replace(so_far, server=server), "server_no_context_takeover"


def _client_takeover(so_far: Deflate, value: str | None) -> _Met:
    """Section 7.1.1.2: the client is ready to begin anew, and so it shall."""
    if value is not None:
        return None
    client = replace(so_far.client, takeover=False)
    return replace(so_far, client=client), "client_no_context_takeover"


def _server_window(so_far: Deflate, value: str | None) -> _Met:
    """Section 7.1.2.1: the client asks for a window of at most so many bits."""
    asked = _WINDOW_BITS.get(value or "")
    if asked is None or asked < _LEAST_OF_OURS:
        return None
    bits = min(asked, OUR_WINDOW_BITS)
    server = replace(so_far.server, window_bits=bits)
    return replace(so_far, server=server), f"server_max_window_bits={bits}"


def _client_window(so_far: Deflate, value: str | None) -> _Met:
    """Section 7.1.2.2: the client keeps its window to so many bits, or would if told to."""
    if value is None:
        return so_far, ""
    bits = _WINDOW_BITS.get(value)
    if bits is None:
        return None
    client = replace(so_far.client, window_bits=bits)
    return replace(so_far, client=client), f"client_max_window_bits={bits}"


_PARAMETERS: dict[str, Callable[[Deflate, str | None], _Met]] = {
    "server_no_context_takeover": _server_takeover,
    "client_no_context_takeover": _client_takeover,
    "server_max_window_bits": _server_window,
    "client_max_window_bits": _client_window,
}
