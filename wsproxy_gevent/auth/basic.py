"""The login by name and password: HTTP Basic (RFC 7617).

Passwords are checked on native threads, and one that was right is known
again for a while: a page with its scripts is dozens of requests, each of
which carries it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from gevent.lock import Semaphore

from ..errors import Busy, Headers, LoginRefused, LoginRequired
from ..model import Peer
from ..net.clock import SYSTEM, Clock, Deadline
from ..net.pool import NativePool
from ..wire.message import Request
from .brake import Brake
from .cookie import LoginCookies
from .login import Grant, Visitor
from .users import Secret, Users

BASIC: Headers = (("WWW-Authenticate", 'Basic realm="wsproxy-gevent", charset="UTF-8"'),)

# Where a page of ours asks, and no box of the browser's own shall open: a
# scheme that browsers do not know, for there must be one (RFC 9110, section 11.6.1).
FORM: Headers = (("WWW-Authenticate", 'Form realm="wsproxy-gevent"'),)

# One check, with the waits for its turn.  Each takes the memory of a hash, 64
# MiB and more, and all of a processor.
CHECK_SECONDS = 5.0
CHECKS_AT_ONCE = 4

REMEMBERED, REMEMBER_SECONDS = 1000, 300.0


class Passwords:
    """Whether a password is right, with the brake on those that are not.

    `users` gives those of now, and may switch.  `challenge` says how to come
    with another one.
    """

    def __init__(
        self,
        users: Callable[[], Users],
        brake: Brake,
        *,
        pool: NativePool,
        challenge: Headers = BASIC,
        clock: Clock = SYSTEM,
    ) -> None:
        self.challenge = challenge
        self._users = users
        self._brake = brake
        self._pool = pool
        self._clock = clock
        self._turn = Semaphore(CHECKS_AT_ONCE)
        self._key = os.urandom(32)
        self._right: OrderedDict[bytes, tuple[Secret, float]] = OrderedDict()

    def check(self, name: str, password: str, peer: Peer) -> Secret:
        """The user's secret, which changes with the password.  May switch.

        Raises `LoginRefused`, `LoginBraked`, or `Busy` where there is no
        thread left to find out.
        """
        users, mark = self._users(), self._mark(name, password)
        if secret := self._known(users, name, mark):
            return secret
        deadline = Deadline(CHECK_SECONDS)
        with self._brake.turn(peer, deadline), self._one_of_few(deadline):
            # Of a browser's first six requests five have waited for the first.
            proved = self._known(users, name, mark) or self._pool.call(
                users.proved_by, name, password, timeout=deadline.left
            )
        if proved is None:
            wrong = LoginRefused("the name or the password is wrong", headers=self.challenge)
            raise self._brake.failed(peer, wrong)
        self._remember(mark, proved)
        return proved

    def secret_of(self, name: str) -> Secret | None:
        """What proves that user now, None where there is none.  May switch."""
        return self._users().secrets.get(name)

    @contextmanager
    def _one_of_few(self, deadline: Deadline) -> Iterator[None]:
        if not self._turn.acquire(timeout=deadline.left):
            raise Busy("too many logins are under way; try again later")
        try:
            yield
        finally:
            self._turn.release()

    def _known(self, users: Users, name: str, mark: bytes) -> Secret | None:
        """The secret that these have proved a while ago, if it is still the user's."""
        secret, until = self._right.get(mark, (None, 0.0))
        if secret is None or until < self._clock.monotonic():
            return None
        return secret if users.secrets.get(name) == secret else None

    def _remember(self, mark: bytes, secret: Secret) -> None:
        self._right[mark] = secret, self._clock.monotonic() + REMEMBER_SECONDS
        self._right.move_to_end(mark)
        if len(self._right) > REMEMBERED:
            self._right.popitem(last=False)

    def _mark(self, name: str, password: str) -> bytes:
        """Of no use to whoever sees our memory, without the key that is there, too."""
        text = f"{len(name)}:{name}:{password}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, text, hashlib.sha256)


class Checks(Protocol):
    """What `Passwords` does for a login."""

    challenge: Headers

    def check(self, name: str, password: str, peer: Peer) -> Secret: ...


class BasicLogin:
    """Lets in whoever sends a right name and password, or the cookie that one was worth."""

    def __init__(self, passwords: Checks, cookies: LoginCookies | None = None) -> None:
        self._passwords = passwords
        self._cookies = cookies

    def check(self, request: Request, visitor: Visitor) -> Grant:
        """May switch."""
        if self._cookies is not None and (user := self._cookies.user_of(request)):
            return Grant(user=user)
        name, password = required_of(request, self._passwords.challenge)
        self._passwords.check(name, password, visitor.peer)
        return Grant(user=name)


def required_of(request: Request, challenge: Headers) -> tuple[str, str]:
    """Name and password of a request.  Raises `LoginRequired` where there are none."""
    credentials = credentials_of(request)
    if credentials is None:
        raise LoginRequired("log in with a name and a password", headers=challenge)
    return credentials


def credentials_of(request: Request) -> tuple[str, str] | None:
    """Name and password of the Authorization header; None for none, and for what is malformed.

    UTF-8, as the challenge asks, else ISO 8859-1, which some send all the same.
    """
    values = request.headers.get_all("authorization")
    scheme, _, encoded = values[0].partition(" ") if len(values) == 1 else ("", "", "")
    if scheme.lower() != "basic":
        return None
    try:
        raw = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    name, colon, password = _text(raw).partition(":")
    return (name, password) if colon and name else None


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
