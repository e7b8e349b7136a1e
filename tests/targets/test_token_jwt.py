"""Tokens that name their target themselves: good ones lead there, no other does."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from jwcrypto import jwk

from tests.cases.jwts import AUDIENCE, BAD, ISSUER, NOW, Make, Pair, claims, sealed, signed
from wsproxy_gevent.errors import ProxyError, TargetForbidden
from wsproxy_gevent.model import TcpTarget, Token, UnixTarget
from wsproxy_gevent.net.turns import Turns
from wsproxy_gevent.targets.jwt_keys import Keys, read_keys
from wsproxy_gevent.targets.token_jwt import JwtSource, Rules

THERE = TcpTarget("vm7.internal", 5900)
STRICT = Rules(audience=AUDIENCE, issuer=ISSUER)


@dataclass(frozen=True, slots=True)
class At:
    """A clock that stands."""

    now: float = NOW

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        raise AssertionError


@pytest.fixture(scope="module")
def pair() -> Pair:
    return Pair(*(jwk.JWK.generate(kty="RSA", size=2048) for _ in range(2)))


Keep = Callable[..., Keys]


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    """Write keys to a file, and read them as the proxy does."""

    def write(
        content: bytes | str, algorithm: str | None = None, *, lenient: bool = False
    ) -> Keys:
        file = tmp_path / "key"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_keys(str(file), algorithm, lenient=lenient)

    return write


def source(
    keys: Keys, rules: Rules = STRICT, *, unix: bool = False, now: float = NOW
) -> JwtSource:
    return JwtSource(lambda: keys, rules, turns=Turns(), unix=unix, clock=At(now))


def private_pem(key: jwk.JWK) -> bytes:
    return bytes(key.export_to_pem(private_key=True, password=None))


def test_a_signed_token_leads_where_it_says(pair: Pair, keep: Keep) -> None:
    it = source(keep(pair.public_pem))
    assert it.find(Token(signed(pair.ours))) == THERE
    other = claims("host", "port", target="[2001:db8::1]:1")
    assert it.find(Token(signed(pair.ours, other))) == TcpTarget("2001:db8::1", 1)
    several = claims(aud=["mail", AUDIENCE])
    assert it.find(Token(signed(pair.ours, several))) == THERE


@pytest.mark.parametrize("seconds", [-29, 0, 3600])
def test_clocks_may_differ_a_little(pair: Pair, keep: Keep, seconds: int) -> None:
    it = source(keep(pair.public_pem))
    assert it.find(Token(signed(pair.ours, claims(exp=NOW + seconds)))) == THERE


def test_an_encrypted_token_leads_where_the_signed_one_inside_says(pair: Pair, keep: Keep) -> None:
    it = source(keep(private_pem(pair.ours)))
    assert it.find(Token(sealed(pair.ours, signed(pair.ours)))) == THERE


def test_there_are_enough_bad_ones() -> None:
    assert len({name for name, _, _ in BAD}) >= 30


@pytest.mark.fault(46)
@pytest.mark.parametrize(("make", "slug"), [(m, s) for _, m, s in BAD], ids=[n for n, _, _ in BAD])
@pytest.mark.parametrize("private", [False, True], ids=["public", "private"])
def test_a_bad_token_leads_nowhere(
    pair: Pair, keep: Keep, private: bool, make: Make, slug: str
) -> None:
    it = source(keep(private_pem(pair.ours) if private else pair.public_pem))
    text = make(pair)
    with pytest.raises(ProxyError) as caught:
        it.find(Token(text))
    error = caught.value
    assert (error.slug, error.http_status) == (slug, 503 if slug == "token-source-failed" else 403)
    for piece in text.split("."):
        assert len(piece) < 5 or piece not in error.reason + error.detail


@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [
        ({"kty": "EC", "crv": "P-256"}, "ES256"),
        ({"kty": "EC", "crv": "P-384"}, "ES384"),
        ({"kty": "OKP", "crv": "Ed25519"}, "EdDSA"),
        ({"kty": "oct", "size": 256}, "HS256"),
    ],
)
def test_each_kind_of_key_has_its_algorithm(
    keep: Keep, kind: dict[str, object], algorithm: str
) -> None:
    key = jwk.JWK.generate(**kind)
    text = key.export() if kind["kty"] == "oct" else key.export_public()
    assert source(keep(text)).find(Token(signed(key, algorithm=algorithm))) == THERE


def test_of_a_set_the_token_names_its_key(keep: Keep) -> None:
    keys = [jwk.JWK.generate(kty="EC", crv="P-256", kid=kid) for kid in ("a", "b")]
    public = {"keys": [json.loads(key.export_public()) for key in keys]}
    it = source(keep(json.dumps(public)))
    for key, kid in zip(keys, "ab", strict=True):
        assert it.find(Token(signed(key, algorithm="ES256", kid=kid))) == THERE
    for wrong in ({"kid": "a"}, {"kid": "c"}, {}):
        with pytest.raises(ProxyError, match="not known"):
            it.find(Token(signed(keys[1], algorithm="ES256", **wrong)))


def test_a_claim_names_a_socket_only_where_the_policy_lists_some(pair: Pair, keep: Keep) -> None:
    token = Token(signed(pair.ours, claims("host", "port", target="unix:/run/x.sock")))
    with pytest.raises(TargetForbidden):
        source(keep(pair.public_pem)).find(token)
    assert source(keep(pair.public_pem), unix=True).find(token) == UnixTarget("/run/x.sock")


LENIENT = Rules(strict=False)


def test_as_websockify_has_it_a_token_needs_no_end(pair: Pair, keep: Keep) -> None:
    it = source(keep(pair.public_pem, lenient=True), LENIENT)
    said = {"host": "vm7.internal", "port": "5900"}
    assert it.find(Token(signed(pair.ours, said))) == THERE
    assert it.find(Token(signed(pair.ours, said, algorithm="PS256"))) == THERE


STILL = {
    *("alg none", "alg None", "alg empty", "no signature", "two parts", "public key as a secret"),
    *("a stranger's key", "its own key in its header", "claims changed", "signature of zeros"),
    *("expired", "not yet", "encrypted and not signed", "of a password"),
}


@pytest.mark.parametrize("make", [m for n, m, _ in BAD if n in STILL], ids=sorted(STILL))
def test_as_websockify_has_it_a_forged_or_old_one_leads_nowhere_still(
    pair: Pair, keep: Keep, make: Make
) -> None:
    with pytest.raises(ProxyError):
        source(keep(pair.public_pem, lenient=True), LENIENT).find(Token(make(pair)))
