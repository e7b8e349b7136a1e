"""websockify's auth plugins by their names, for `--auth-plugin` and people's own subclasses.

Each takes its source as one text and has `authenticate(headers, target_host,
target_port)`, which returns to let a client in, and raises to keep it out.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from hmac import compare_digest
from typing import Any


class AuthenticationError(Exception):
    """Keeps a client out; what it is told stands in `code`, `headers` and `msg`."""

    def __init__(
        self,
        log_msg: str | None = None,
        response_code: int = 403,
        response_headers: Mapping[str, str] | None = None,
        response_msg: str | None = None,
    ) -> None:
        super().__init__(log_msg or response_msg)
        self.log_msg = log_msg
        self.code = response_code
        self.headers = dict(response_headers or {})
        self.msg = response_msg


class InvalidOriginError(AuthenticationError):
    """A page of another site."""

    def __init__(self, expected: Any, actual: Any) -> None:
        self.expected_origin = expected
        self.actual_origin = actual
        super().__init__(
            f"the Origin is {actual!r}, and not among {expected}", response_msg="Invalid Origin"
        )


class BasePlugin:
    """What is given a source, and lets clients in by it."""

    def __init__(self, src: Any = None) -> None:
        self.source = src

    def authenticate(self, headers: Any, target_host: Any, target_port: Any) -> None:
        """Let everybody in."""


class BasicHTTPAuth(BasePlugin):
    """HTTP Basic (RFC 7617) with the one `user:password`."""

    def __init__(self, src: Any = None) -> None:
        self.src = src
        super().__init__(src)

    def authenticate(self, headers: Any, target_host: Any, target_port: Any) -> None:
        header = headers.get("Authorization")
        if not header:
            self.demand_auth()
        scheme, _, credentials = str(header).partition(" ")
        if scheme.lower() != "basic":
            self.auth_error()
        try:
            name, colon, password = b64decode(credentials, validate=True).decode().partition(":")
        except ValueError:
            self.auth_error()
        if not (colon and self.validate_creds(name, password)):
            self.demand_auth()

    def validate_creds(self, username: str, password: str) -> bool:
        """In the same time whatever is wrong."""
        return compare_digest(f"{username}:{password}".encode(), str(self.src).encode())

    def auth_error(self) -> Any:
        raise AuthenticationError(response_code=403)

    def demand_auth(self) -> Any:
        raise AuthenticationError(
            response_code=401,
            response_headers={"WWW-Authenticate": 'Basic realm="Websockify"'},
        )


class ExpectOrigin(BasePlugin):
    """Pages of these origins alone, which stand between blanks."""

    def __init__(self, src: str | None = None) -> None:
        super().__init__((src or "").split())

    def authenticate(self, headers: Any, target_host: Any, target_port: Any) -> None:
        origin = headers.get("Origin")
        if origin is None or origin not in self.source:
            raise InvalidOriginError(expected=self.source, actual=origin)


class ClientCertCNAuth(BasePlugin):
    """Client certificates with these common names alone, which stand between blanks."""

    def __init__(self, src: str | None = None) -> None:
        super().__init__((src or "").split())

    def authenticate(self, headers: Any, target_host: Any, target_port: Any) -> None:
        if headers.get("SSL_CLIENT_S_DN_CN") not in self.source:
            raise AuthenticationError(response_code=403)
