"""What a verified certificate says, as Python's `ssl` tells it."""

from __future__ import annotations

import hashlib
from typing import Any

from wsproxy_gevent.net.peercert import PeerCertificate, certificate_of, read_certificate

DER = b"\x30\x82 some certificate"
FINGERPRINT = hashlib.sha256(DER).hexdigest()


def test_the_common_name_and_the_others_are_read() -> None:
    facts = {
        "subject": ((("countryName", "DE"),), (("commonName", "Alice"),)),
        "subjectAltName": (
            ("DNS", "Alice.Example"),
            ("email", "Alice@Example.org"),
            ("URI", "spiffe://example/Alice"),
            ("IP Address", "192.0.2.7"),
            ("DirName", ((("commonName", "x"),),)),
        ),
    }
    names = ("alice.example", "alice@example.org", "spiffe://example/Alice", "192.0.2.7")
    assert read_certificate(facts, DER) == PeerCertificate("Alice", names, FINGERPRINT)


def test_of_several_common_names_none_counts() -> None:
    facts = {"subject": ((("commonName", "alice"),), (("commonName", "bob"),))}
    assert read_certificate(facts, DER).common_name is None


def test_a_certificate_without_names_is_known_by_its_fingerprint() -> None:
    assert read_certificate({}, DER) == PeerCertificate(None, (), FINGERPRINT)


class FakeTls:
    def __init__(self, facts: dict[str, Any] | None) -> None:
        self._facts = facts

    def getpeercert(self, binary_form: bool = False) -> dict[str, Any] | bytes | None:
        return DER if binary_form else self._facts


class FakeTlsStream:
    def __init__(self, facts: dict[str, Any] | None) -> None:
        self.tls_object = FakeTls(facts)


def test_a_stream_tells_its_peers() -> None:
    stream = FakeTlsStream({"subject": ((("commonName", "alice"),),)})
    assert certificate_of(stream) == PeerCertificate("alice", (), FINGERPRINT)


def test_one_that_was_not_verified_is_none() -> None:
    # The empty dictionary is what `ssl` gives for a certificate under CERT_NONE.
    assert certificate_of(FakeTlsStream({})) is None
    assert certificate_of(FakeTlsStream(None)) is None


def test_a_plain_stream_has_none() -> None:
    assert certificate_of(object()) is None


def test_addresses_compare_however_they_are_written() -> None:
    facts = {"subjectAltName": (("IP Address", "2001:DB8:0:0:0:0:0:1"),)}
    assert read_certificate(facts, DER).names == ("2001:db8::1",)
