"""Keys of tokens: what a file holds, and which key a token's header may choose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jwcrypto import jwk

from wsproxy_gevent.errors import StartError
from wsproxy_gevent.targets.jwt_keys import Keys, read_keys

SECRET = b"A secret of thirty-two bytes, no less"

# Each kind of key, the algorithm that is meant without a word, and another that goes with it.
KINDS: list[tuple[dict[str, Any], str, str | None]] = [
    ({"kty": "RSA", "size": 2048}, "RS256", "PS512"),
    ({"kty": "EC", "crv": "P-256"}, "ES256", None),
    ({"kty": "EC", "crv": "P-384"}, "ES384", None),
    ({"kty": "EC", "crv": "P-521"}, "ES512", None),
    ({"kty": "OKP", "crv": "Ed25519"}, "EdDSA", None),
    ({"kty": "OKP", "crv": "Ed448"}, "EdDSA", None),
]

EVERY: tuple[object, ...] = (
    "none",
    "HS256",
    "RS256",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "",
    None,
    7,
    [],
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def read(place: Path, content: bytes | str | object, *args: Any, **kwargs: Any) -> Keys:
    if not isinstance(content, bytes | str):
        content = json.dumps(content)
    place.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_keys(str(place), *args, **kwargs)


def described(key: jwk.JWK, *, private: bool = False, **fields: Any) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads(key.export(private_key=private))
    return {**entry, **fields}


def taken(keys: Keys) -> list[object]:
    """The algorithms that a header without a key's name may say."""
    return [algorithm for algorithm in EVERY if keys.verifying(None, algorithm)]


@pytest.mark.parametrize(("kind", "usual", "other"), KINDS, ids=[k[1] + str(k[0]) for k in KINDS])
def test_a_key_goes_with_one_algorithm_of_its_kind(
    place: Path, kind: dict[str, Any], usual: str, other: str | None
) -> None:
    key = jwk.JWK.generate(**kind)
    for content in (key.export_to_pem(), described(key), {"keys": [described(key)]}):
        assert taken(read(place, content)) == [usual]
        if other is not None:
            assert taken(read(place, content, other)) == [other]
        with pytest.raises(StartError, match=f"does not go with HS256; with it go .*{usual}"):
            read(place, content, "HS256")


def test_a_secret_signs_by_hmac_alone_and_is_as_long_as_its_hash(place: Path) -> None:
    assert taken(read(place, SECRET + b"\n")) == ["HS256"]
    with pytest.raises(StartError, match=r"shorter than 32 bytes.*openssl rand"):
        read(place, SECRET[:31])
    with pytest.raises(StartError, match="does not go with RS256"):
        read(place, SECRET, "RS256")


def test_what_websockify_takes_is_taken_under_its_name(place: Path) -> None:
    assert taken(read(place, "c2VjcmV0", lenient=True)) == ["HS256"]
    key = jwk.JWK.generate(kty="RSA", size=2048)
    assert taken(read(place, key.export_to_pem(), lenient=True)) == ["RS256", "PS512"]
    assert taken(read(place, described(key, alg="PS512"), lenient=True)) == ["PS512"]


def test_a_keys_own_algorithm_is_the_one(place: Path) -> None:
    key = jwk.JWK.generate(kty="RSA", size=2048)
    assert taken(read(place, described(key, alg="PS512"))) == ["PS512"]
    assert taken(read(place, described(key, alg="PS512"), "RS256")) == ["PS512"]
    # One that signs nothing is what the key encrypts with.
    assert taken(read(place, described(key, alg="RSA-OAEP-256"), "RS256")) == ["RS256"]


def test_of_several_the_header_names_one(place: Path) -> None:
    first, second = (jwk.JWK.generate(kty="EC", crv="P-256") for _ in range(2))
    other = jwk.JWK.generate(kty="OKP", crv="Ed25519")
    entries = [described(first, kid="a"), described(second, kid="b"), described(other, kid="a")]
    keys = read(place, {"keys": entries})
    assert len(keys) == 3
    found = {name: keys.verifying(name, "ES256") for name in ("a", "b")}
    assert {name: key and key.jwk.thumbprint() for name, key in found.items()} == {
        "a": first.thumbprint(),
        "b": second.thumbprint(),
    }
    assert keys.verifying("b", "EdDSA") is None
    assert keys.verifying("c", "ES256") is None
    # Without a name, and two that could be meant.
    assert keys.verifying(None, "ES256") is None
    assert keys.verifying(None, "EdDSA") is not None


def test_only_a_private_key_decrypts(place: Path) -> None:
    key = jwk.JWK.generate(kty="RSA", size=2048)
    assert read(place, key.export_to_pem()).decrypting(None) is None
    private = key.export_to_pem(private_key=True, password=None)
    assert read(place, private).decrypting(None) is not None
    assert read(place, described(key, private=True, kid="a")).decrypting("b") is None
    assert read(place, SECRET).decrypting(None) is not None


def test_keys_that_only_encrypt_verify_nothing(place: Path) -> None:
    key = jwk.JWK.generate(kty="RSA", size=2048)
    both = {"keys": [described(key, use="enc", kid="a"), described(key, use="sig", kid="b")]}
    assert len(read(place, both)) == 1
    with pytest.raises(StartError, match="holds no key that verifies"):
        read(place, {"keys": both["keys"][:1]})


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"{}",
        b"[]",
        b'{"keys": 7}',
        b'{"keys": [7]}',
        b'{"keys": []}',
        b'{"keys": [{"kty": "RSA"}]}',
        b'{"keys": ' * 5000,
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        b"-----BEGIN PUBLIC KEY-----",
        b"\xff\xfe" * 4,
        b"",
    ],
)
def test_a_file_that_holds_no_key_says_so(place: Path, content: bytes) -> None:
    with pytest.raises(StartError) as caught:
        read(place, content)
    assert str(place) in str(caught.value)


def test_a_curve_that_no_algorithm_is_for_is_named(place: Path) -> None:
    key = jwk.JWK.generate(kty="EC", crv="secp256k1")
    with pytest.raises(StartError, match="signs nothing here: EC secp256k1"):
        read(place, described(key))


def test_a_file_that_is_not_there_is_named(place: Path) -> None:
    with pytest.raises(StartError, match=f"cannot read the key of tokens: .*{place}"):
        read_keys(str(place))
