"""Which offers of permessage-deflate are met, and how they are answered."""

from __future__ import annotations

import subprocess
import sys

import pytest
from websockets.exceptions import NegotiationError
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    PerMessageDeflate,
)
from websockets.headers import build_extension, parse_extension
from websockets.typing import ExtensionName

from tests.cases.handshakes import hybi
from tests.wire.test_handshake import proposal
from wsproxy_gevent.errors import BadHandshake
from wsproxy_gevent.wire.deflate import Deflate, Side
from wsproxy_gevent.wire.extensions import NAME, OUR_WINDOW_BITS, negotiate
from wsproxy_gevent.wire.handshake import HandshakeRules

PMD = "permessage-deflate"
OURS = Side(window_bits=12)
ANEW = "client_no_context_takeover; server_no_context_takeover"

# (what is offered, what is agreed on, what is answered)
MET = {
    "nothing more": (PMD, Deflate(server=OURS), PMD),
    "a browser's offer": (
        f"{PMD}; client_max_window_bits",
        Deflate(server=OURS),
        PMD,
    ),
    "a client's smaller window": (
        f"{PMD}; client_max_window_bits=9",
        Deflate(server=OURS, client=Side(window_bits=9)),
        f"{PMD}; client_max_window_bits=9",
    ),
    "a client's smallest window": (
        f"{PMD}; client_max_window_bits=8",
        Deflate(server=OURS, client=Side(window_bits=8)),
        f"{PMD}; client_max_window_bits=8",
    ),
    "a server's smaller window": (
        f"{PMD}; server_max_window_bits=10",
        Deflate(server=Side(window_bits=10)),
        f"{PMD}; server_max_window_bits=10",
    ),
    "a server's larger window": (
        f"{PMD}; server_max_window_bits=15",
        Deflate(server=OURS),
        f"{PMD}; server_max_window_bits=12",
    ),
    "no takeover for the server": (
        f"{PMD}; server_no_context_takeover",
        Deflate(server=Side(takeover=False, window_bits=12)),
        f"{PMD}; server_no_context_takeover",
    ),
    "no takeover for the client": (
        f"{PMD}; client_no_context_takeover",
        Deflate(server=OURS, client=Side(takeover=False)),
        f"{PMD}; client_no_context_takeover",
    ),
    "all four": (
        f"{PMD};client_max_window_bits=15;server_max_window_bits=9;{ANEW}",
        Deflate(server=Side(takeover=False, window_bits=9), client=Side(takeover=False)),
        f"{PMD}; client_max_window_bits=15; server_max_window_bits=9; {ANEW}",
    ),
    "a quoted value": (
        f'{PMD}; server_max_window_bits="11"',
        Deflate(server=Side(window_bits=11)),
        f"{PMD}; server_max_window_bits=11",
    ),
    "others around it": (
        f"x-webkit-deflate-frame; a=b, {PMD}, bbf-usp-protocol",
        Deflate(server=OURS),
        PMD,
    ),
    "the second offer, for the first cannot be met": (
        f"{PMD}; server_max_window_bits=8, {PMD}; server_max_window_bits=9",
        Deflate(server=Side(window_bits=9)),
        f"{PMD}; server_max_window_bits=9",
    ),
    "the first of two that can be met": (
        f"{PMD}; server_no_context_takeover, {PMD}",
        Deflate(server=Side(takeover=False, window_bits=12)),
        f"{PMD}; server_no_context_takeover",
    ),
    "empty elements": (f", ,{PMD} ,", Deflate(server=OURS), PMD),
}

NOT_MET = {
    "nothing": "",
    "another extension": "x-webkit-deflate-frame",
    "another case": "Permessage-Deflate",
    "a parameter that is not known": f"{PMD}; unknown",
    "a known one and one that is not": f"{PMD}; client_max_window_bits; mode=fast",
    "a window of 8 for the server": f"{PMD}; server_max_window_bits=8",
    "a window of 7": f"{PMD}; server_max_window_bits=7",
    "a window of 16": f"{PMD}; server_max_window_bits=16",
    "a client's window of 16": f"{PMD}; client_max_window_bits=16",
    "a leading zero": f"{PMD}; server_max_window_bits=09",
    "a sign": f"{PMD}; client_max_window_bits=+9",
    "a window without a value": f"{PMD}; server_max_window_bits",
    "a takeover with a value": f"{PMD}; server_no_context_takeover=1",
    "a client's takeover with a value": f"{PMD}; client_no_context_takeover=true",
    **{
        f"{name} twice": f"{PMD}; {name}; {name}"
        for name in (
            "server_no_context_takeover",
            "client_no_context_takeover",
            "client_max_window_bits",
            "server_max_window_bits=9",
        )
    },
    "one twice with two values": f"{PMD}; server_max_window_bits=9; server_max_window_bits=10",
}

MALFORMED = [
    "=",
    f"{PMD};",
    f"{PMD}; =9",
    f"{PMD}; server_max_window_bits=",
    f'{PMD}; server_max_window_bits="9',
    f'{PMD}; server_max_window_bits="9,"',
    f'{PMD}; server_max_window_bits=""',
    f"{PMD} deflate",
    f"{PMD}, (comment)",
    f"{PMD}; a=b=c",
    "caf\xe9",
    f"{PMD}; server_max_window_bits=9; @",
]


@pytest.mark.parametrize(("offer", "deflate", "answer"), MET.values(), ids=MET)
def test_an_offer_that_can_be_met_is(offer: str, deflate: Deflate, answer: str) -> None:
    agreed = negotiate([offer])
    assert agreed is not None
    assert (agreed.deflate, agreed.answer) == (deflate, answer)


@pytest.mark.parametrize(("offer", "deflate", "answer"), MET.values(), ids=MET)
def test_offers_may_stand_in_several_fields(offer: str, deflate: Deflate, answer: str) -> None:
    agreed = negotiate(["", *(part.strip() for part in offer.split(",")), "x-other"])
    assert agreed is not None
    assert (agreed.deflate, agreed.answer) == (deflate, answer)


@pytest.mark.parametrize("offer", NOT_MET.values(), ids=NOT_MET)
def test_an_offer_that_cannot_be_met_is_passed_over(offer: str) -> None:
    assert negotiate([offer]) is None
    agreed = negotiate([offer, PMD])
    assert agreed is not None
    assert agreed.answer == PMD


@pytest.mark.parametrize("offer", MALFORMED)
def test_what_is_no_list_of_extensions_is_refused(offer: str) -> None:
    with pytest.raises(BadHandshake, match="malformed"):
        negotiate([offer])


def test_nothing_offered_is_nothing_agreed_on() -> None:
    assert negotiate([]) is None


# -- In the handshake ----------------------------------------------------------------------

COMPRESS = HandshakeRules(compress=True)
FIELD = f"Sec-WebSocket-Extensions: {PMD}; client_max_window_bits=11".encode()
ANSWERED = f"\r\nSec-WebSocket-Extensions: {PMD}; client_max_window_bits=11\r\n".encode()


@pytest.mark.parametrize("version", [b"13", b"8", b"7"])
def test_the_101_says_what_is_agreed_on(version: bytes) -> None:
    accepted = proposal(hybi(FIELD, version=version), COMPRESS)
    assert accepted.deflate == Deflate(server=OURS, client=Side(window_bits=11))
    assert accepted.answer().count(ANSWERED) == 1
    assert accepted.answer().endswith(b"\r\n\r\n")


def test_without_the_option_nothing_is_agreed_on() -> None:
    for field in (FIELD, b"Sec-WebSocket-Extensions: ;;;"):
        accepted = proposal(hybi(field))
        assert accepted.deflate is None
        assert b"Extensions" not in accepted.answer()


def test_what_cannot_be_met_is_not_answered() -> None:
    accepted = proposal(hybi(FIELD + b"; no_such"), COMPRESS)
    assert accepted.deflate is None
    assert b"Extensions" not in accepted.answer()


def test_a_malformed_field_is_a_bad_handshake() -> None:
    with pytest.raises(BadHandshake, match="Sec-WebSocket-Extensions"):
        proposal(hybi(FIELD + b";"), COMPRESS)


# -- `websockets` as the client --------------------------------------------------------------

WINDOWS = [None, 9, 12, 15]


@pytest.mark.parametrize("client_bits", [True, *WINDOWS])
@pytest.mark.parametrize("server_bits", [*WINDOWS, 8])
@pytest.mark.parametrize("server_anew", [False, True])
@pytest.mark.parametrize("client_anew", [False, True])
def test_websockets_takes_every_answer_as_we_mean_it(
    client_anew: bool, server_anew: bool, server_bits: int | None, client_bits: int | bool | None
) -> None:
    factory = ClientPerMessageDeflateFactory(server_anew, client_anew, server_bits, client_bits)
    offer = build_extension([(ExtensionName(NAME), list(factory.get_request_params()))])
    agreed = negotiate([offer])
    if server_bits == 8:
        assert agreed is None
        return
    assert agreed is not None
    assert_same(factory, agreed.answer, agreed.deflate)


def assert_same(factory: ClientPerMessageDeflateFactory, answer: str, deflate: Deflate) -> None:
    ((_, parameters),) = parse_extension(answer)
    try:
        peer = factory.process_response_params(parameters, [])
    except NegotiationError as error:
        pytest.fail(f"{answer}: {error}")
    assert isinstance(peer, PerMessageDeflate)
    assert peer.remote_no_context_takeover == (not deflate.server.takeover)
    assert peer.local_no_context_takeover == (not deflate.client.takeover)
    assert peer.remote_max_window_bits >= deflate.server.window_bits
    assert peer.local_max_window_bits <= deflate.client.window_bits
    assert deflate.server.window_bits <= OUR_WINDOW_BITS


# -- Without `websockets` ----------------------------------------------------------------------

WITHOUT = """
import sys
sys.modules["websockets"] = None
from wsproxy_gevent.wire import extensions, mask
print(extensions.AVAILABLE, extensions.negotiate(["permessage-deflate"]))
print(mask.apply_mask(b"Hello", b"1234") == mask.xor_as_integers(b"Hello", b"1234"))
"""


def test_without_the_package_nothing_is_agreed_on() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, timeout=30
    )
    assert (done.stdout, done.stderr) == ("False None\nTrue\n", "")
