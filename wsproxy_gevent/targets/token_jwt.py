"""Tokens that name their target themselves, signed: JWTs (RFC 7519).

A key has one algorithm, which the operator's key says and never the token:
a token that names another is not looked at further.  What is only encrypted
is signed by nobody (everybody has the public key), so there must be a signed
token inside.

`strict` rules are ours: the token ends (`exp`), within a day, has begun
(`nbf`, `iat`), and is for us where the operator says who we are.  Without
them it is taken as websockify takes it.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..errors import SourceFailed, TokenExpired, UsageError
from ..model import Target, Token
from ..net.clock import SYSTEM, Clock
from ..net.turns import Turns
from .jwt_keys import Key, Keys
from .naming import from_elsewhere, target_of_object
from .tokens import LOOKUP_SECONDS, unknown

# What clocks of two machines may differ by, and how long a token may hold; seconds.
LEEWAY_SECONDS: Final = 30.0
LONGEST_SECONDS: Final = 24 * 3600.0

# A proxy that anybody can reach takes no password as a key (PBES2), whose cost
# the token itself would choose, and nothing that unpacks to more than it is.
_KEY_WRAPPING: Final = ("RSA-OAEP", "RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A256KW", "dir", "A256KW")
_ENCRYPTION: Final = ("A256GCM", "A128GCM", "A256CBC-HS512", "A128CBC-HS256")

# Extensions and compression (RFC 7515, section 4.1.11; 7797; 7516, section 4.1.3).
_NOT_DONE: Final = frozenset({"crit", "b64", "zip"})

_SIGNED_DOTS: Final = 2
_ENCRYPTED_DOTS: Final = 4


@dataclass(frozen=True, slots=True)
class Rules:
    """What a token must say beside its target."""

    strict: bool = True
    audience: str | None = None
    issuer: str | None = None


class JwtSource:
    """Takes tokens that one of `keys` has signed, by these rules.

    `unix` says whether a claim may name a socket of this machine.
    """

    def __init__(
        self,
        keys: Callable[[], Keys],
        rules: Rules,
        *,
        turns: Turns,
        unix: bool = False,
        clock: Clock = SYSTEM,
    ) -> None:
        self._keys = keys
        self._rules = rules
        self._turns = turns
        self._unix = unix
        self._clock = clock

    def find(self, token: Token) -> Target:
        """May switch."""
        keys = self._keys()
        target = self._turns.call(self._read, token, keys, timeout=LOOKUP_SECONDS)
        return from_elsewhere(target, unix=self._unix)

    def _read(self, token: Token, keys: Keys) -> Target:
        """On a native thread: cryptography may take its time."""
        claims = claims_of(token, keys)
        check_claims(token, claims, self._rules, self._clock.wall())
        try:
            return target_of_object(claims)
        except UsageError as exc:
            raise SourceFailed(
                "this token names no target",
                detail=f"the claims of token {token} name no target: {exc}",
            ) from exc


def claims_of(token: Token, keys: Keys) -> Mapping[str, Any]:
    """What a token of ours says.  Blocks; raises `TokenRefused` for any other."""
    text = token.secret
    if text.count(".") == _ENCRYPTED_DOTS:
        text = _decrypted(token, keys)
    header = _header(token, text)
    key = keys.verifying(header.get("kid"), header.get("alg"))
    if key is None:
        raise unknown(token, "no key here has its algorithm, or its kid")
    try:
        claims = json.loads(_verified(token, text, key))
    except (ValueError, RecursionError) as exc:
        raise unknown(token, "its claims are no JSON") from exc
    if not isinstance(claims, dict):
        raise unknown(token, "its claims are no object")
    return claims


def check_claims(token: Token, claims: Mapping[str, Any], rules: Rules, now: float) -> None:
    """Raises `TokenExpired` where the time is wrong, `TokenRefused` for what else is."""
    times = {name: _time(token, claims, name) for name in ("exp", "nbf", "iat")}
    leeway = LEEWAY_SECONDS if rules.strict else 0.0
    ends, begins = times["exp"], times["nbf"]
    if ends is not None and ends <= now - leeway:
        raise TokenExpired("this token has expired", detail=f"token {token} has expired")
    if begins is not None and begins > now + leeway:
        raise TokenExpired(
            "this token does not hold yet", detail=f"token {token} does not hold yet"
        )
    if rules.strict:
        _check_strictly(token, claims, times, now)
    if rules.audience is not None and rules.audience not in _audiences(claims):
        raise unknown(token, "it is meant for another audience (--jwt-audience)")
    if rules.issuer is not None and claims.get("iss") != rules.issuer:
        raise unknown(token, "it is of another issuer (--jwt-issuer)")


def _check_strictly(
    token: Token, claims: Mapping[str, Any], times: Mapping[str, float | None], now: float
) -> None:
    ends, made = times["exp"], times["iat"]
    if ends is None:
        raise unknown(token, "it never ends (exp)")
    if ends > now + LONGEST_SECONDS + LEEWAY_SECONDS:
        raise unknown(token, f"it holds for longer than {LONGEST_SECONDS / 3600:g} hours (exp)")
    if made is not None and made > now + LEEWAY_SECONDS:
        raise unknown(token, "it was made in the future (iat)")
    if "port" in claims and type(claims["port"]) is not int:
        raise unknown(token, "its port is no number")


def _time(token: Token, claims: Mapping[str, Any], name: str) -> float | None:
    """RFC 7519, section 2: a NumericDate is a JSON number."""
    value = claims.get(name)
    if value is None and name not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 2**53:
        raise unknown(token, f"its {name} is no time")
    return float(value)


def _audiences(claims: Mapping[str, Any]) -> list[Any]:
    found = claims.get("aud")
    return found if isinstance(found, list) else [found]


# -- Opening ---------------------------------------------------------------------------


def _decrypted(token: Token, keys: Keys) -> str:
    """The signed token inside of an encrypted one."""
    header = _header(token, token.secret)
    if header.get("alg") not in _KEY_WRAPPING or header.get("enc") not in _ENCRYPTION:
        raise unknown(token, "it is encrypted in a way that is not taken here")
    key = keys.decrypting(header.get("kid"))
    if key is None:
        raise unknown(token, "it is encrypted, and no key here is private")
    inside = _decrypt(token, key)
    if inside.count(".") != _SIGNED_DOTS:
        raise unknown(token, "it is encrypted, and not signed")
    return inside


def _decrypt(token: Token, key: Key) -> str:
    from jwcrypto import jwe  # the optional dependency

    sealed = jwe.JWE(algs=[*_KEY_WRAPPING, *_ENCRYPTION])
    try:
        sealed.deserialize(token.secret, key.jwk)
        return bytes(sealed.payload).decode()
    # Whatever a library and its own make of what anybody may send.
    except Exception as exc:
        raise unknown(token, f"it does not open: {type(exc).__name__}") from exc


def _verified(token: Token, text: str, key: Key) -> bytes:
    from jwcrypto import jws  # the optional dependency

    signed = jws.JWS()
    signed.allowed_algs = list(key.algorithms)
    try:
        signed.deserialize(text, key.jwk)
        return bytes(signed.payload)
    except Exception as exc:  # as above
        raise unknown(token, f"it does not open: {type(exc).__name__}") from exc


def _header(token: Token, text: str) -> Mapping[str, Any]:
    """The header of a compact serialization (RFC 7515, section 3.1)."""
    first, _, rest = text.partition(".")
    try:
        padded = first + "=" * (-len(first) % 4)
        header = json.loads(b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError) as exc:
        raise unknown(token, "it is no JWT") from exc
    if not (rest and isinstance(header, dict) and isinstance(header.get("alg"), str)):
        raise unknown(token, "it is no JWT")
    if not _NOT_DONE.isdisjoint(header):
        raise unknown(token, "its header asks for what is not done here")
    if not isinstance(header.get("kid"), str | None):
        raise unknown(token, "its kid is no text")
    return header
