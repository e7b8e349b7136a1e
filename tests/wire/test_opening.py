from __future__ import annotations

import pytest

from wsproxy_gevent.wire.opening import Opening, opening_of

CASES = {
    b"\x16\x03\x01": Opening.TLS,
    b"\x80\x2e\x01": Opening.TLS,
    b"<policy-file-request/>": Opening.POLICY,
    b"GET / HTTP/1.1": Opening.HTTP,
    b"ANY": Opening.HTTP,
    b"ZZZ": Opening.HTTP,
    b"@": Opening.UNKNOWN,
    b"[": Opening.UNKNOWN,
    b"get / HTTP/1.1": Opening.UNKNOWN,
    b"\r\nGET / HTTP/1.1": Opening.UNKNOWN,
    b"\x15\x03\x01": Opening.UNKNOWN,
    b"SSH-2.0-x": Opening.HTTP,
    b"\x00": Opening.UNKNOWN,
    b"\xff": Opening.UNKNOWN,
}


@pytest.mark.parametrize("wire", CASES, ids=repr)
def test_the_first_byte_decides(wire: bytes) -> None:
    assert opening_of(wire[0]) is CASES[wire]


def test_of_all_bytes_29_open_anything() -> None:
    known = [byte for byte in range(256) if opening_of(byte) is not Opening.UNKNOWN]
    assert bytes(known) == b"\x16<ABCDEFGHIJKLMNOPQRSTUVWXYZ\x80"
