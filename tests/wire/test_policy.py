from __future__ import annotations

import pytest

from wsproxy_gevent.errors import NotHttp
from wsproxy_gevent.wire.policy import PolicyReader, answer

REQUEST = b"<policy-file-request/>"


@pytest.mark.parametrize("behind", [b"", b"\0", b"\r\n", b"GET / HTTP/1.1\r\n"], ids=repr)
def test_the_question_is_whole_at_its_22_bytes_however_it_is_cut(behind: bytes) -> None:
    wire = REQUEST + behind
    for cut in range(len(wire) + 1):
        reader = PolicyReader()
        first = reader.feed(wire[:cut])
        assert first == (cut >= 22)
        assert first or reader.feed(wire[cut:])


def test_the_question_may_come_byte_by_byte() -> None:
    reader = PolicyReader()
    assert [reader.feed(bytes([byte])) for byte in REQUEST] == [False] * 21 + [True]


@pytest.mark.parametrize("place", range(22))
def test_the_first_byte_that_differs_ends_it(place: int) -> None:
    reader = PolicyReader()
    reader.feed(REQUEST[:place])
    with pytest.raises(NotHttp):
        reader.feed(b"!")


def test_a_byte_that_differs_is_found_in_a_longer_read() -> None:
    with pytest.raises(NotHttp):
        PolicyReader().feed(b"<policy-file-requesT/>\0")


def test_the_answer_opens_our_port_to_everybody_and_ends_in_nul() -> None:
    assert answer(6080) == (
        b'<cross-domain-policy><allow-access-from domain="*" to-ports="6080"/>'
        b"</cross-domain-policy>\0"
    )


def test_the_answer_has_a_grant_for_each_domain() -> None:
    assert answer(80, ["a.example", "b.example"]) == (
        b'<cross-domain-policy><allow-access-from domain="a.example" to-ports="80"/>'
        b'<allow-access-from domain="b.example" to-ports="80"/></cross-domain-policy>\0'
    )


def test_a_domain_cannot_leave_its_attribute() -> None:
    wire = answer(80, ['"/><x a="&'])
    assert b'domain="&quot;/&gt;&lt;x a=&quot;&amp;"' in wire
