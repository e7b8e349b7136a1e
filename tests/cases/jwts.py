"""JWTs that must lead nowhere, each with the reason that its refusal has.

They are made here, for they need a time and keys: `make(Keys)` gives the text.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jwcrypto import jwe, jwk, jws

NOW: Final = 1_800_000_000

AUDIENCE, ISSUER = "consoles", "https://login.example"

CLAIMS: Final[Mapping[str, Any]] = {
    "host": "vm7.internal",
    "port": 5900,
    "iat": NOW,
    "exp": NOW + 60,
    "aud": AUDIENCE,
    "iss": ISSUER,
}


@dataclass(frozen=True, slots=True)
class Pair:
    """The key that the proxy knows (`ours`), with its private half, and a stranger's."""

    ours: jwk.JWK
    stranger: jwk.JWK

    @property
    def public_pem(self) -> bytes:
        return bytes(self.ours.export_to_pem())


def claims(*without: str, **changes: Any) -> dict[str, Any]:
    kept = {name: value for name, value in CLAIMS.items() if name not in without}
    return {**kept, **changes}


def signed(key: jwk.JWK, said: object = CLAIMS, algorithm: str = "RS256", **header: Any) -> str:
    """The compact form (RFC 7515, section 7.1)."""
    token = jws.JWS(said if isinstance(said, str | bytes) else json.dumps(said))
    token.allowed_algs = [algorithm]
    token.add_signature(key, None, json.dumps({"alg": algorithm, **header}))
    return str(token.serialize(compact=True))


def sealed(key: jwk.JWK, content: str, **header: Any) -> str:
    """Encrypted to the key's public half (RFC 7516)."""
    fields = {"alg": "RSA-OAEP-256", "enc": "A256GCM", **header}
    token = jwe.JWE(content.encode(), json.dumps(fields))
    token.allowed_algs = [fields["alg"], fields["enc"]]
    token.add_recipient(key)
    return str(token.serialize(compact=True))


def encoded(content: object) -> str:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unsigned(algorithm: str) -> str:
    return f"{encoded({'alg': algorithm})}.{encoded(dict(CLAIMS))}."


def by_secret(pair: Pair) -> str:
    """HS256 with the public key's text as the secret: the confusion of algorithms."""
    secret = jwk.JWK(kty="oct", k=encoded(pair.public_pem.strip()))
    return signed(secret, algorithm="HS256")


def changed(pair: Pair) -> str:
    """Somebody else's host between our header and our signature."""
    head, _, signature = signed(pair.ours).split(".")
    return f"{head}.{encoded(claims(host='other.internal'))}.{signature}"


def self_keyed(pair: Pair) -> str:
    """With the key that verifies it in its own header (RFC 7515, section 4.1.3)."""
    public = json.loads(pair.stranger.export_public())
    return signed(pair.stranger, jwk=public)


def by_password(_: Pair) -> str:
    """A header that asks for a thousand million rounds of hashing (RFC 8725, section 2.7)."""
    header = {"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 10**9, "p2s": "x"}
    return f"{encoded(header)}.a.b.c.d"


REFUSED, EXPIRED, NOWHERE = "token-refused", "token-expired", "token-source-failed"

Make = Callable[[Pair], str]

BAD: Final[list[tuple[str, Make, str]]] = [
    ("alg none", lambda _: unsigned("none"), REFUSED),
    ("alg None", lambda _: unsigned("None"), REFUSED),
    ("alg empty", lambda _: unsigned(""), REFUSED),
    ("no signature", lambda p: signed(p.ours).rpartition(".")[0] + ".", REFUSED),
    ("two parts", lambda p: signed(p.ours).rpartition(".")[0], REFUSED),
    ("public key as a secret", by_secret, REFUSED),
    ("a stranger's key", lambda p: signed(p.stranger), REFUSED),
    ("its own key in its header", self_keyed, REFUSED),
    ("a key at a URL", lambda p: signed(p.stranger, jku="https://evil.example/k"), REFUSED),
    ("a kid that is a path", lambda p: signed(p.stranger, kid="../../dev/null"), REFUSED),
    ("a kid that is no text", lambda p: signed(p.ours, kid=7), REFUSED),
    ("another algorithm of the family", lambda p: signed(p.ours, algorithm="PS256"), REFUSED),
    ("claims changed", changed, REFUSED),
    ("signature of zeros", lambda p: signed(p.ours).rpartition(".")[0] + "." + "A" * 342, REFUSED),
    ("crit", lambda p: signed(p.ours, crit=["b64"], b64=True), REFUSED),
    ("b64 false", lambda p: f"{encoded({'alg': 'RS256', 'b64': False})}.x.y", REFUSED),
    ("expired", lambda p: signed(p.ours, claims(exp=NOW - 60)), EXPIRED),
    ("expired a moment past the leeway", lambda p: signed(p.ours, claims(exp=NOW - 30)), EXPIRED),
    ("not yet", lambda p: signed(p.ours, claims(nbf=NOW + 60)), EXPIRED),
    ("without an end", lambda p: signed(p.ours, claims("exp")), REFUSED),
    ("an end that is text", lambda p: signed(p.ours, claims(exp=str(NOW + 60))), REFUSED),
    ("an end that is true", lambda p: signed(p.ours, claims(exp=True)), REFUSED),
    ("an end that is null", lambda p: signed(p.ours, claims(exp=None)), REFUSED),
    ("an end in a thousand years", lambda p: signed(p.ours, claims(exp=NOW + 3e10)), REFUSED),
    ("an end beyond numbers", lambda p: signed(p.ours, claims(exp=1e300)), REFUSED),
    ("made tomorrow", lambda p: signed(p.ours, claims(iat=NOW + 86400)), REFUSED),
    ("another audience", lambda p: signed(p.ours, claims(aud="mail")), REFUSED),
    ("no audience", lambda p: signed(p.ours, claims("aud")), REFUSED),
    (
        "an audience within an audience",
        lambda p: signed(p.ours, claims(aud=[[AUDIENCE]])),
        REFUSED,
    ),
    ("another issuer", lambda p: signed(p.ours, claims(iss="https://evil.example")), REFUSED),
    ("an issuer that begins as ours", lambda p: signed(p.ours, claims(iss=ISSUER + "/")), REFUSED),
    ("no host", lambda p: signed(p.ours, claims("host")), NOWHERE),
    ("a port that is text", lambda p: signed(p.ours, claims(port="5900")), REFUSED),
    ("a port that is true", lambda p: signed(p.ours, claims(port=True)), REFUSED),
    ("a port out of range", lambda p: signed(p.ours, claims(port=70000)), NOWHERE),
    ("claims that are a list", lambda p: signed(p.ours, [CLAIMS]), REFUSED),
    ("claims that are no JSON", lambda p: signed(p.ours, "host=vm7"), REFUSED),
    ("claims of deep nesting", lambda p: signed(p.ours, '{"a":' * 500), REFUSED),
    ("encrypted and not signed", lambda p: sealed(p.ours, json.dumps(CLAIMS)), REFUSED),
    ("encrypted around a stranger's", lambda p: sealed(p.ours, signed(p.stranger)), REFUSED),
    ("encrypted twice", lambda p: sealed(p.ours, sealed(p.ours, signed(p.ours))), REFUSED),
    ("encrypted to a stranger", lambda p: sealed(p.stranger, signed(p.ours)), REFUSED),
    ("compressed", lambda p: sealed(p.ours, signed(p.ours), zip="DEF"), REFUSED),
    ("RSA1_5", lambda p: sealed(p.ours, signed(p.ours), alg="RSA1_5"), REFUSED),
    ("of a password", by_password, REFUSED),
    ("no base64", lambda _: "!.!.!", REFUSED),
    ("a header that is a list", lambda _: f"{encoded(['RS256'])}.e30.x", REFUSED),
    ("a header of deep nesting", lambda _: f"{encoded(b'[' * 5000)}.e30.x", REFUSED),
    ("dots", lambda _: "..", REFUSED),
    ("a word", lambda _: "sesame", REFUSED),
]
