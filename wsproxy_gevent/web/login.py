"""The login page: a form, and the cookie that a right password is worth.

For browsers that send no Basic credentials with a WebSocket (Safari), and
for people who would rather see a page than a box.  It stands in the place of
whatever page was asked for, with status 401, and reloads it once it is
through: nobody is sent anywhere, so nobody can be sent astray.

A script of ours sends name and password as Basic credentials, in a request
with a field of its own.  Another site's page cannot send that field without
asking us first (the preflight of CORS), and is never told yes.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from http import HTTPStatus
from importlib import resources
from typing import Any, Final

from werkzeug.wrappers import Response

from ..auth.basic import Checks, required_of
from ..auth.cookie import LoginCookies
from ..auth.login import Visitor
from ..errors import NotFound
from ..wire.message import Request
from .memory import MemoryFiles
from .response import SECURITY_HEADERS, add_headers

PLACE: Final = "/login/"
_BARE: Final = "/login"

# What only a script of the same origin can send.
_SIGN: Final = "wsproxy-login"

_FILES: Final = ("login.js", "login.css", "page.css", "icon.svg")

_FORM, _INSIDE = "login.html", "logged-in.html"


class LoginPage:
    """Answers below `PLACE`, and with the form where somebody must log in.

    `is_secure` says whether the client came by TLS, to us or to our proxy.
    """

    def __init__(
        self,
        passwords: Checks,
        cookies: LoginCookies,
        is_secure: Callable[[Request, Visitor], bool],
    ) -> None:
        directory = resources.files(__package__).joinpath("pages")
        self._passwords = passwords
        self._cookies = cookies
        self._is_secure = is_secure
        self._texts = {name: directory.joinpath(name).read_text() for name in (_FORM, _INSIDE)}
        self._files = MemoryFiles(
            {f"{PLACE}{name}": directory.joinpath(name).read_bytes() for name in _FILES}
        )

    def respond(
        self, path: str, request: Request, visitor: Visitor, environ: dict[str, Any]
    ) -> Response | None:
        """The answer below `PLACE`, None elsewhere.  May switch.

        Raises `LoginRequired`, `LoginBraked`, `Busy` or `NotFound`.
        """
        if not (path.startswith(PLACE) or path == _BARE):
            return None
        if path == f"{PLACE}enter":
            return self._enter(request, visitor)
        if path == f"{PLACE}leave":
            _check_sign(request)
            return _with_cookie(self._cookies.end(secure=self._is_secure(request, visitor)))
        if path in (PLACE, _BARE):
            return self._home(request)
        return add_headers(self._files.respond(path, environ), SECURITY_HEADERS)

    def form(self, request: Request, status: int = HTTPStatus.OK) -> Response:
        """The form, in the place of the page that was asked for."""
        return self._page(_FORM, request, status)

    def _home(self, request: Request) -> Response:
        user = self._cookies.user_of(request)
        return self.form(request) if user is None else self._page(_INSIDE, request, user=user)

    def _enter(self, request: Request, visitor: Visitor) -> Response:
        _check_sign(request)
        name, password = required_of(request, self._passwords.challenge)
        secret = self._passwords.check(name, password, visitor.peer)
        secure = self._is_secure(request, visitor)
        return _with_cookie(self._cookies.issue(name, secret, secure=secure))

    def _page(self, name: str, request: Request, status: int = 200, user: str = "") -> Response:
        # Relative, for a proxy may have put us below a prefix that we do not see.
        up = "../" * (request.path.count("/") - 1)
        text = self._texts[name].replace("{up}", up).replace("{user}", html.escape(user))
        page = Response(text, status, content_type="text/html; charset=utf-8")
        page.headers["Cache-Control"] = "no-store"
        return add_headers(page, SECURITY_HEADERS)


def wants_form(request: Request) -> bool:
    """Whether a person looks at the answer, and not a script or a program."""
    return "text/html" in (request.headers.get("accept") or "")


def _check_sign(request: Request) -> None:
    if _SIGN not in request.headers:
        raise NotFound(detail="a login that no page of ours has sent")


def _with_cookie(cookie: str) -> Response:
    headers = [("Set-Cookie", cookie), ("Cache-Control", "no-store")]
    return Response(b"", HTTPStatus.NO_CONTENT, headers)
