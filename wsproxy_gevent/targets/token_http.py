"""Tokens that an HTTP API knows: a GET with the token in the URL.

Its answer is `host:port`, or a JSON object.  The token is escaped, so that it
stays within its place in the URL; no redirect is followed, for where that
leads is not the operator's word; and no answer is read further than anything
that names a target could be long.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from ..errors import SourceFailed, StartError
from ..model import Target, Token
from ..net.clock import Deadline
from ..net.idle import Idle
from ..net.turns import Turns
from .naming import from_elsewhere, target_of_answer
from .tokens import LOOKUP_SECONDS, unknown

if TYPE_CHECKING:
    from requests import Response, Session

ANSWER_BYTES: Final = 8192

# An API says by these that there is no such token; by others that it cannot say.
_NO_TOKEN: Final = frozenset(
    {
        HTTPStatus.NO_CONTENT,
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.GONE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)


class HttpSource:
    """Asks `url`, in which `%s` stands for the token.

    `ca` is a file of authorities in place of the usual ones.  `unix` says
    whether an answer may name a socket of this machine.
    """

    def __init__(
        self, url: str, *, turns: Turns, ca: str | None = None, unix: bool = False
    ) -> None:
        """Raises `StartError` without the package that asks."""
        _need_requests()
        self._url = url
        self._ca = ca
        self._unix = unix
        self._turns = turns
        self._sessions: Idle[Session] = Idle(self._session)

    def find(self, token: Token) -> Target:
        """May switch."""
        answer = self._turns.call(self._ask, token, timeout=LOOKUP_SECONDS)
        return from_elsewhere(target_of_answer(answer), unix=self._unix)

    def _ask(self, token: Token) -> str:
        """The answer's text.  On a native thread."""
        import requests  # the optional dependency

        url = url_of(self._url, token)
        try:
            with self._sessions.one() as session:
                asking = session.get(
                    url, allow_redirects=False, stream=True, timeout=LOOKUP_SECONDS
                )
                with asking as answer:  # one that is too long must not stay open
                    body = _body(answer)
        except requests.RequestException as exc:
            # Its text holds the URL, and that the token.
            raise _failed(type(exc).__name__) from None
        if answer.status_code in _NO_TOKEN or (answer.status_code == HTTPStatus.OK and not body):
            raise unknown(token, f"the token API answered {answer.status_code}")
        if answer.status_code != HTTPStatus.OK:
            raise _failed(f"it answered {answer.status_code}")
        return body.decode("utf-8", "replace")

    def _session(self) -> Session:
        import requests  # the optional dependency

        session = requests.Session()
        session.trust_env = False  # no netrc, no proxy: tokens go where the operator said
        session.verify = self._ca or True
        return session


def url_of(template: str, token: Token) -> str:
    """The URL with the token in it, escaped.

    Raises `TokenRefused` for dots, which no escaping keeps from meaning a
    directory: whoever normalizes a URL (RFC 3986, section 6.2.2) takes such
    segments out of it.
    """
    if not token.secret.strip("."):
        raise unknown(token, "dots name no token")
    return template.replace("%s", quote(token.secret, safe=""))


def _body(answer: Response) -> bytes:
    """What came, up to the limit.  Raises `SourceFailed` for more, or for what drips."""
    deadline = Deadline(LOOKUP_SECONDS)
    body = b""
    for piece in answer.iter_content(1024):
        body += piece
        if len(body) > ANSWER_BYTES:
            raise _failed(f"its answer is longer than {ANSWER_BYTES} bytes")
        if deadline.passed:
            raise _failed(f"its answer was not whole within {LOOKUP_SECONDS:g} s")
    return body


def _failed(why: str) -> SourceFailed:
    return SourceFailed(
        "what knows the tokens gave no answer; try again later", detail=f"the token API: {why}"
    )


def _need_requests() -> None:
    try:
        import requests  # noqa: F401  # the optional dependency
    except ImportError:
        raise StartError(
            "an HTTP API for tokens needs the package requests: pip install"
            " 'wsproxy-gevent[tokens]'"
        ) from None
