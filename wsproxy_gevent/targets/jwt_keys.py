"""The keys that tokens are signed with, or encrypted to, each with its algorithm.

A file holds a PEM key, a JWK or a set of them (RFC 7517), or a secret.  The
algorithm is the key's own `alg`, the configured one, or that which goes with
its kind; a token has no say in it.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ..errors import StartError

if TYPE_CHECKING:
    from jwcrypto.jwk import JWK

# RFC 7518, section 3.2: a key is no shorter than the hash.
SECRET_BYTES: Final = 32

# By kind and curve: the one that is meant without a word, and those there are.
_FAMILIES: Final[dict[tuple[str, str | None], tuple[str, ...]]] = {
    ("RSA", None): ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA",),
    ("OKP", "Ed448"): ("EdDSA",),
    ("oct", None): ("HS256", "HS384", "HS512"),
}


@dataclass(frozen=True, slots=True)
class Key:
    """`algorithms` has one entry, unless websockify's rules hold."""

    jwk: JWK
    algorithms: tuple[str, ...]
    kid: str | None = None
    private: bool = False


class Keys:
    """What a file of keys holds."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self._keys = tuple(keys)

    def __len__(self) -> int:
        return len(self._keys)

    def verifying(self, kid: str | None, algorithm: Any) -> Key | None:
        """The key that a token with this header is signed by, if there is one."""
        fitting = [key for key in self._named(kid) if algorithm in key.algorithms]
        # Without a name one of several would be a guess.
        return fitting[0] if len(fitting) == 1 else None

    def decrypting(self, kid: str | None) -> Key | None:
        fitting = [key for key in self._named(kid) if key.private]
        return fitting[0] if len(fitting) == 1 else None

    def _named(self, kid: str | None) -> list[Key]:
        """Those of that name; a key without one goes by any."""
        return [key for key in self._keys if kid is None or key.kid in (None, kid)]


def read_keys(path: str, algorithm: str | None = None, *, lenient: bool = False) -> Keys:
    """The keys of a file.  Blocks; raises `StartError`.

    With `lenient` they are as websockify has them: a secret is base64url of
    any length, and each algorithm of a key's kind is taken.
    """
    need_jwcrypto()
    try:
        with open(path, "rb") as file:
            content = file.read().strip()
    except OSError as exc:
        raise StartError(f"cannot read the key of tokens: {exc}") from exc
    keys = [_key(path, jwk, algorithm, lenient) for jwk in _jwks(path, content, lenient)]
    if not keys:
        raise StartError(f"{path} holds no key that verifies tokens")
    return Keys(keys)


def _jwks(path: str, content: bytes, lenient: bool) -> list[JWK]:
    from jwcrypto.jwk import JWK  # the optional dependency

    try:
        if content.startswith(b"{"):
            found = json.loads(content)
            entries = found.get("keys", [found])
            return [JWK(**entry) for entry in entries if entry.get("use") != "enc"]
        if b"-----BEGIN" in content:
            return [JWK.from_pem(content)]
        return [JWK(kty="oct", k=_secret(path, content, lenient))]
    except StartError:
        raise
    except Exception as exc:  # whatever a library makes of a file
        raise StartError(f"{path} holds no key: {type(exc).__name__}") from exc


def _secret(path: str, content: bytes, lenient: bool) -> str:
    if lenient:
        return content.decode()
    if len(content) < SECRET_BYTES:
        raise StartError(
            f"the secret in {path} is shorter than {SECRET_BYTES} bytes, and could be guessed; "
            "make one with: openssl rand -base64 48"
        )
    return urlsafe_b64encode(content).decode().rstrip("=")


def _key(path: str, jwk: JWK, algorithm: str | None, lenient: bool) -> Key:
    kind, curve = jwk.get("kty"), jwk.get("crv")
    family = _FAMILIES.get((kind, curve))
    if family is None:
        raise StartError(f"{path} holds a key of a kind that signs nothing here: {kind} {curve}")
    own = jwk.get("alg")
    chosen = own if own in family else algorithm or family[0]
    if chosen not in family:
        raise StartError(
            f"{path} holds a key of the kind {kind}, which does not go with {chosen}; "
            f"with it go {', '.join(family)} (--jwt-algorithm)"
        )
    algorithms = family if lenient and own is None else (chosen,)
    private = bool(jwk.has_private or jwk.is_symmetric)
    return Key(jwk, algorithms, jwk.get("kid"), private)


def need_jwcrypto() -> None:
    """Raises `StartError` without the package that knows JWTs."""
    try:
        import jwcrypto  # noqa: F401  # the optional dependency
    except ImportError:
        raise StartError(
            "JWTs need the package jwcrypto: pip install 'wsproxy-gevent[tokens]'"
        ) from None
