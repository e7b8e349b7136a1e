"""The cookie of the login page: signed, and good for a while.

It says who logged in, until when, and by which secret: a user who is gone, or
whose password has changed, has no cookie any more.  Nothing is kept here, so
every process that has the key takes it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Iterator
from typing import Any, Final

from ..errors import StartError
from ..net.clock import SYSTEM, Clock
from ..wire.message import Request
from .users import Secret

NAME: Final = "wsproxy_login"

# What a process and those it forks sign with when nothing else is named: made
# before the fork, so that each worker takes the cookies of the others.
KEY_OF_THIS_PROCESS: Final = os.urandom(32)

SHORTEST_KEY: Final = 16

# Of which user's secret, in characters of hex; the signature is what protects it.
_MARK: Final = 32


class LoginCookies:
    """Makes and takes them; `secret_of` gives what proves a user now, and may switch."""

    def __init__(
        self,
        secret_of: Callable[[str], Secret | None],
        *,
        seconds: float,
        key: bytes = KEY_OF_THIS_PROCESS,
        clock: Clock = SYSTEM,
    ) -> None:
        """Raises `StartError` for a key that could be guessed, and without `itsdangerous`."""
        if len(key) < SHORTEST_KEY:
            raise StartError(
                f"--login-key has less than {SHORTEST_KEY} characters; "
                "make one with: openssl rand -hex 32"
            )
        self._secret_of = secret_of
        self._seconds = seconds
        self._key = key
        self._clock = clock
        self._signed = _serializer(key)

    def issue(self, user: str, secret: Secret, *, secure: bool) -> str:
        """A Set-Cookie for who has just been proved by that secret."""
        until = int(self._clock.wall() + self._seconds)
        value = self._signed.dumps([user, until, self._mark(secret)])
        return self._field(value, int(self._seconds), secure=secure)

    def end(self, *, secure: bool) -> str:
        """A Set-Cookie that takes it back."""
        return self._field("", 0, secure=secure)

    def user_of(self, request: Request) -> str | None:
        """Who comes with a cookie that holds; None for anybody else.  May switch."""
        for value in _values(request):
            if user := self._user(value):
                return user
        return None

    def _user(self, value: str) -> str | None:
        from itsdangerous import BadData  # of the extra `login`

        try:
            user, until, mark = self._signed.loads(value)
        except (BadData, ValueError, TypeError):
            return None
        if until <= self._clock.wall():
            return None
        secret = self._secret_of(user)
        known = secret is not None and hmac.compare_digest(self._mark(secret), mark)
        return str(user) if known else None

    def _mark(self, secret: Secret) -> str:
        digest = hmac.new(self._key, secret.identity.encode(), hashlib.sha256)
        return digest.hexdigest()[:_MARK]

    def _field(self, value: str, seconds: int, *, secure: bool) -> str:
        """Scripts cannot read it, and the pages of other sites cannot send it (RFC 6265bis)."""
        field = f"{NAME}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax"
        return f"{field}; Secure" if secure else field


def _serializer(key: bytes) -> Any:
    try:
        from itsdangerous import URLSafeSerializer  # of the extra `login`
    except ImportError as exc:
        raise StartError(
            "--login-page needs the package itsdangerous: pip install 'wsproxy-gevent[login]'"
        ) from exc
    how = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    return URLSafeSerializer(key, salt="wsproxy-gevent login", signer_kwargs=how)


def _values(request: Request) -> Iterator[str]:
    """Each of the name; a neighbouring domain may have set another beside ours."""
    for field in request.headers.get_all("cookie"):
        for pair in field.split(";"):
            name, _, value = pair.partition("=")
            if name.strip() == NAME:
                yield value.strip()
