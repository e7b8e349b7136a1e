"""Users and what proves them: hashes of argon2 or bcrypt, or one password in the clear.

A file of users is what `htpasswd -B` writes: `name:hash`, a user a line, `#`
before a remark.  argon2's hashes stand there as well.  Older ones, which a
graphics card tries by the billion, are an error that says what to do.

Checking a hash takes a good part of a second on purpose, and blocks.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from ..errors import StartError

_ARGON2: Final = re.compile(r"\$argon2(id|i|d)\$[!-~]+")
_BCRYPT: Final = re.compile(r"\$2[abxy]\$[0-9]{2}\$[./A-Za-z0-9]{53}")

# More than this bcrypt has never looked at; its library refuses to be given it.
_BCRYPT_BYTES: Final = 72

_CURE: Final = "make one with: htpasswd -B FILE NAME"

_NEEDS: Final = "needs the package {}: pip install 'wsproxy-gevent[login]'"


class Secret(Protocol):
    @property
    def identity(self) -> str:
        """What changes when the password does; as secret as it is."""

    def is_proved_by(self, password: str) -> bool:
        """Whether it is the password.  May block for long."""


@dataclass(frozen=True, slots=True)
class PlainSecret:
    """A password, of which only its digest is kept at hand."""

    digest: bytes = field(repr=False)

    @property
    def identity(self) -> str:
        return self.digest.hex()

    @classmethod
    def of(cls, password: str) -> PlainSecret:
        return cls(_digest(password))

    def is_proved_by(self, password: str) -> bool:
        """In a time that does not tell how much of it was right."""
        return hmac.compare_digest(self.digest, _digest(password))


@dataclass(frozen=True)
class _Hashed:
    hashed: str = field(repr=False)

    @property
    def identity(self) -> str:
        return self.hashed


class Argon2Secret(_Hashed):
    def is_proved_by(self, password: str) -> bool:
        from argon2 import PasswordHasher  # of the extra `login`
        from argon2.exceptions import InvalidHashError, VerificationError

        try:
            return PasswordHasher().verify(self.hashed, password)
        except (VerificationError, InvalidHashError, ValueError):
            return False


class BcryptSecret(_Hashed):
    def is_proved_by(self, password: str) -> bool:
        import bcrypt  # of the extra `login`

        try:
            return bcrypt.checkpw(password.encode()[:_BCRYPT_BYTES], self.hashed.encode())
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class Users:
    """Who there is, by name.  There is at least one."""

    secrets: Mapping[str, Secret]

    def proved_by(self, name: str, password: str) -> Secret | None:
        """The secret of that user if this is the password.  May block for long.

        An unknown user takes as long as one who is known: as one of them, and
        always as the same one.
        """
        secret = self.secrets.get(name)
        if secret is None:
            secrets = [*self.secrets.values()]
            secrets[hash(name) % len(secrets)].is_proved_by(password)
            return None
        return secret if secret.is_proved_by(password) else None


def parse_file(text: str, path: str) -> Users:
    """A file of hashes.  Raises `StartError`, which names file and line."""
    secrets: dict[str, Secret] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, hashed = line.strip().partition(":")
        secret = _hashed_or_none(hashed)
        if not name or secret is None:
            fault = "is no name:hash" if not hashed else "has no hash of argon2 or bcrypt"
            raise StartError(f"{path}, line {number}: the line {fault}; {_CURE}")
        if name in secrets:
            raise StartError(f"{path}, line {number}: there is a second {name!r}")
        secrets[name] = secret
    if not secrets:
        raise StartError(f"{path} names no user; {_CURE}")
    return Users(secrets)


def parse_one(text: str, origin: str) -> Users:
    """`name:password`, where a hash may stand for the password.  Raises `StartError`."""
    name, colon, password = text.partition(":")
    if not (name and colon and password):
        raise StartError(f"{origin} holds no name:password")
    return Users({name: _hashed_or_none(password) or PlainSecret.of(password)})


def _hashed_or_none(text: str) -> Secret | None:
    """A hash, with the library that knows it loaded.  Raises `StartError` without that."""
    if _ARGON2.fullmatch(text):
        _require("argon2", "argon2-cffi")
        return Argon2Secret(text)
    if _BCRYPT.fullmatch(text):
        _require("bcrypt", "bcrypt")
        return BcryptSecret(text)
    return None


def _require(module: str, package: str) -> None:
    try:
        __import__(module)
    except ImportError as exc:
        raise StartError(f"a password hash {_NEEDS.format(package)}") from exc


def _digest(text: str) -> bytes:
    """Of one length, whatever was sent."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
