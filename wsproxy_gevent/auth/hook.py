"""The login by a service of the operator's own: `--auth-url`.

It is asked with a GET that tells who wants what, in the header fields by
which proxies tell it, and answers

    2xx, empty or a JSON object    come in; the object may name target, user,
                                   record and expires
    4xx                            the status and the text are the client's
    anything else                  nobody comes in, and the log says why

An answer that is neither of these is never taken for a yes: the sign-in page
that some gateways put in front of a service is a 200, too.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, Protocol

from ..errors import Busy, HookFailed, HookRefused, ProxyError, UsageError
from ..errors import Headers as Fields
from ..model import Target
from ..net.clock import SYSTEM, Clock, Deadline
from ..net.httpclient import Service
from ..net.stream import StreamBroken
from ..wire.http1client import BadAnswer
from ..wire.message import Headers, Request, Response
from ..wire.tokens import TokenPlaces
from .authority import quoted
from .login import Grant, Visitor

ASK_SECONDS: Final = 5.0

# Answers that are kept, where they say that they may be, and for how long at most.
MOST_KEPT, LONGEST_KEPT = 1000, 3600.0

LONGEST_TEXT, LONGEST_USER = 500, 256

_MAX_AGE: Final = re.compile(r'max-age="?([0-9]{1,9})"?', re.IGNORECASE)

# Of a refusal the client gets these fields; a challenge (RFC 9110, section
# 11.6.1) is what makes a browser ask for a password.
_PASSED_ON: Final = ("www-authenticate", "retry-after")

_SORRY: Final = "the login service of this proxy does not answer; try again later"


class Asks(Protocol):
    def ask(self, request: Request, deadline: Deadline) -> Response: ...


@dataclass(slots=True)
class HookLogin:
    """Lets in whom the service at `service` lets in.

    `scheme_of` says by which scheme the client came; `parse_target` reads what
    the service names; `records` is whether there is a place for records;
    `places` are those where a request's token may stand.
    """

    service: Service
    client: Asks
    parse_target: Callable[[str], Target]
    scheme_of: Callable[[Request, Visitor], str]
    records: bool = False
    places: TokenPlaces = field(default_factory=TokenPlaces)
    clock: Clock = SYSTEM
    _kept: OrderedDict[bytes, tuple[Response, float]] = field(default_factory=OrderedDict)

    def check(self, request: Request, visitor: Visitor) -> Grant:
        """May switch.  Raises `HookRefused`, `HookFailed` or `Busy`."""
        question = self._question(request, visitor)
        key = _key_of(question)
        response = self._kept_or_none(key) or self._ask(question)
        outcome = self._outcome(response)
        self._keep(key, response)
        if isinstance(outcome, HookRefused):
            raise outcome
        return outcome

    def _outcome(self, response: Response) -> Grant | HookRefused:
        """Raises `HookFailed` for what is neither a yes nor a no."""
        status = response.status
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return self._grant(response)
        if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return _refusal(response)
        more = "; redirects are not followed" if status < HTTPStatus.BAD_REQUEST else ""
        raise self._failure(f"it answers {status}{more}")

    # -- The question --------------------------------------------------------------------

    def _question(self, request: Request, visitor: Visitor) -> Request:
        fields = [
            ("Host", self.service.authority),
            ("Accept", "application/json"),
            ("User-Agent", "wsproxy-gevent"),
            *self._facts(request, visitor),
        ]
        return Request("GET", self.service.target, headers=Headers(fields))

    def _facts(self, request: Request, visitor: Visitor) -> Iterator[tuple[str, str]]:
        """Who wants what.  A client's own fields of these names are not among them."""
        for name in ("authorization", "cookie", "origin"):
            for value in request.headers.get_all(name):
                yield name, value
        token = self.places.find(request)
        facts = {
            "X-Forwarded-For": visitor.peer.host.partition("%")[0],
            "X-Forwarded-Host": request.headers.get("host"),
            "X-Forwarded-Proto": self.scheme_of(request, visitor),
            "X-Forwarded-Method": request.method,
            "X-Forwarded-Uri": request.target,
            "X-Wsproxy-Token": token.secret if token else None,
            "X-Wsproxy-User": visitor.user,
        }
        for name, fact in facts.items():
            if fact and _may_be_sent(fact):
                yield name, fact

    # -- Asking --------------------------------------------------------------------------

    def _kept_or_none(self, key: bytes) -> Response | None:
        response, until = self._kept.get(key, (None, 0.0))
        return response if until > self.clock.monotonic() else None

    def _keep(self, key: bytes, response: Response) -> None:
        """For as long as it says, from when it came."""
        seconds = kept_for(response)
        if not seconds or self._kept_or_none(key) is not None:
            return
        self._kept[key] = response, self.clock.monotonic() + seconds
        self._kept.move_to_end(key)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)

    def _ask(self, question: Request) -> Response:
        """May switch."""
        deadline = Deadline(ASK_SECONDS)
        try:
            with deadline.enforce(self._too_late):
                return self.client.ask(question, deadline)
        except (Busy, HookFailed):
            raise
        except (BadAnswer, StreamBroken) as exc:
            raise self._failure(str(exc)) from exc
        except ProxyError as error:
            raise self._failure(f"{error.reason} {error.detail}") from error

    def _too_late(self) -> HookFailed:
        return self._failure(f"it did not answer within {ASK_SECONDS:g} s")

    def _failure(self, fault: str) -> HookFailed:
        # Without the path of its URL, which may hold a key.
        return HookFailed(_SORRY, detail=f"--auth-url, {self.service.authority}: {quoted(fault)}")

    # -- The answer ----------------------------------------------------------------------

    def _grant(self, response: Response) -> Grant:
        facts = self._facts_of(response.body)
        record = self._read(facts, "record", bool)
        if record and not self.records:
            raise self._failure("it wants a record, and no --record says where to")
        user = self._read(facts, "user", str)
        if user is not None and not 0 < len(user) <= LONGEST_USER:
            raise self._failure(f"user must have 1 to {LONGEST_USER} characters")
        return Grant(user, self._target(facts), record, self._expires_at(facts))

    def _facts_of(self, body: bytes) -> dict[str, Any]:
        if not body.strip():
            return {}
        try:
            facts = json.loads(body)
        except (ValueError, RecursionError):
            facts = None
        if not isinstance(facts, dict):
            raise self._failure("its answer is neither empty nor a JSON object")
        return facts

    def _read(self, facts: dict[str, Any], name: str, kind: type) -> Any:
        value = facts.get(name)
        if value is not None and not isinstance(value, kind):
            raise self._failure(f"{name} must be a {kind.__name__}")
        return value

    def _target(self, facts: dict[str, Any]) -> Target | None:
        text = self._read(facts, "target", str)
        try:
            return None if text is None else self.parse_target(text)
        except (UsageError, ValueError) as exc:
            raise self._failure(f"target: {exc}") from exc

    def _expires_at(self, facts: dict[str, Any]) -> float | None:
        """Seconds since the epoch, or an ISO 8601 time with its zone."""
        value = facts.get("expires")
        if value is None:
            return None
        try:
            return _seconds(value)
        except (TypeError, ValueError, OverflowError) as exc:
            raise self._failure(
                "expires must be seconds since 1970, or a time with its zone"
            ) from exc


def _seconds(value: Any) -> float:
    """Raises one of several for what is no time."""
    if isinstance(value, str):
        at = datetime.fromisoformat(value)
        if at.tzinfo is None:
            raise ValueError("without its zone a time is none")
        return at.timestamp()
    if isinstance(value, bool) or not math.isfinite(value):
        raise ValueError("no number of seconds")
    return float(value)


def kept_for(response: Response) -> float:
    """For how many seconds the answer may be given again (RFC 9111, section 5.2.2)."""
    directives = [d.lower() for d in Headers(response.headers).get_list("cache-control")]
    if "no-store" in directives or "no-cache" in directives:
        return 0.0
    ages = [float(match[1]) for d in directives if (match := _MAX_AGE.fullmatch(d))]
    return min(*ages, LONGEST_KEPT) if ages else 0.0


def _refusal(response: Response) -> HookRefused:
    """The service's own words, on one line; markup is not for whom this is shown to."""
    text = " ".join(response.body.decode("utf-8", "replace").split())
    if not text or text.startswith("<"):
        text = "the login service of this proxy lets you not in"
    passed_on: Fields = tuple(
        (name, value) for name, value in response.headers if name.lower() in _PASSED_ON
    )
    return HookRefused(text[:LONGEST_TEXT], status=response.status, headers=passed_on)


def _may_be_sent(fact: str) -> bool:
    """A field of visible ASCII is what every service reads alike."""
    return fact.isascii() and fact.isprintable() and fact == fact.strip()


def _key_of(question: Request) -> bytes:
    """Of all that was told: no other client's answer is given."""
    text = json.dumps([question.target, *question.headers])
    return hashlib.sha256(text.encode()).digest()
