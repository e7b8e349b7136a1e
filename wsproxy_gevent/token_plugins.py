"""websockify's token plugins by their names, for people's own subclasses.

Each takes its source as one text and has `lookup(token)`, which returns a
host and a port (texts, unchecked), `unix_socket` and a path, or None.  The
proxy itself does not use these: where `--token-plugin` gives one of their
names, the sources of `targets/` do the same without blocking.
"""

from __future__ import annotations

import json
import logging
import os
import re
import time
from typing import Any

from .errors import ProxyError, StartError
from .model import Token
from .targets.jwt_keys import read_keys
from .targets.token_directory import path_inside
from .targets.token_http import url_of
from .targets.token_jwt import Rules, check_claims, claims_of
from .targets.tokens import LOOKUP_SECONDS

logger = logging.getLogger(__name__)

_ARGUMENT = re.compile(r'"(?P<quoted>[^"]+)"(?=:|$)|(?P<bare>[^:]*)')

REDIS_PORT = 6379


def parse_source_args(src: str) -> list[str]:
    """Split at colons, save those inside of double quotes around a whole argument."""
    found = []
    at = 0
    while at <= len(src):
        match = _ARGUMENT.match(src, at)
        assert match is not None  # noqa: S101  the second way matches anything
        quoted = match["quoted"]
        found.append(match["bare"] if quoted is None else quoted)
        at = match.end() + 1
    return found


class BasePlugin:
    """What is given a source, and looks tokens up in it."""

    def __init__(self, src: Any = None) -> None:
        self.source = src

    def lookup(self, token: str) -> Any:
        return None


class ReadOnlyTokenFile(BasePlugin):
    """A file, or a directory of files, with lines `token: host:port`; read once."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._targets: dict[str, list[str]] | None = None

    def _load_targets(self) -> None:
        paths = [self.source]
        if os.path.isdir(self.source):
            paths = [os.path.join(self.source, name) for name in os.listdir(self.source)]
        targets: dict[str, list[str]] = {}
        for path in paths:
            with open(path) as lines:
                _read_lines(path, lines.read(), targets)
        self._targets = targets

    def lookup(self, token: str) -> Any:
        if self._targets is None:
            self._load_targets()
        return (self._targets or {}).get(token)


def _read_lines(path: str, text: str, targets: dict[str, list[str]]) -> None:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        token, colon, target = re.sub(r":\s", ":\x00", line.strip(), count=1).partition(":\x00")
        if colon:
            targets[token] = _host_and_port(target.strip())
        else:
            logger.error("%s, line %d: this is not TOKEN: TARGET", path, number)


def _host_and_port(text: str) -> list[str]:
    """Split at the last colon; the brackets of an IPv6 address are left out."""
    host, _, port = text.rpartition(":")
    return [host[1:-1] if host.startswith("[") and host.endswith("]") else host, port]


class TokenFile(ReadOnlyTokenFile):
    """The same, read at each lookup."""

    def lookup(self, token: str) -> Any:
        self._load_targets()
        return super().lookup(token)


class TokenFileName(BasePlugin):
    """A directory: a token is the name of a file, which holds `host:port`."""

    def __init__(self, src: Any) -> None:
        super().__init__(src)
        if not os.path.isdir(src):
            raise ValueError(f"{src} is no directory")

    def lookup(self, token: str) -> Any:
        try:
            with open(path_inside(self.source, Token(token))) as file:
                return _host_and_port(file.read().strip())
        except (ProxyError, OSError):
            return None


class BaseTokenAPI(BasePlugin):
    """A URL in which `%s` stands for the token; its answer is `host:port`.

    `process_result(response)` is there to be overridden: it is given the
    `requests.Response`.
    """

    def process_result(self, resp: Any) -> Any:
        return _host_and_port(resp.text.strip())

    def lookup(self, token: str) -> Any:
        import requests  # the optional dependency

        try:
            url = url_of(self.source, Token(token))
        except ProxyError:
            return None
        resp = requests.get(url, allow_redirects=False, timeout=LOOKUP_SECONDS)
        return self.process_result(resp) if resp.status_code == requests.codes.ok else None


class JSONTokenApi(BaseTokenAPI):
    """The same with an object of `host` and `port` for an answer."""

    def process_result(self, resp: Any) -> Any:
        found = resp.json()
        return found["host"], found["port"]


class JWTTokenApi(BasePlugin):
    """A key's file: a token is a JWT with the claims `host` and `port`."""

    def lookup(self, token: str) -> Any:
        shown = Token(token)
        try:
            claims = claims_of(shown, read_keys(self.source, lenient=True))
            check_claims(shown, claims, Rules(strict=False), time.time())
            return claims["host"], claims["port"]
        except StartError as error:
            logger.error("%s", error)
        except ProxyError as error:
            logger.debug("%s", error.detail)
        except KeyError as error:
            logger.error("token %s has no claim %s", shown, error)
        return None


class TokenRedis(BasePlugin):
    """`host[:port[:db[:password[:namespace]]]]`; a key holds `host:port`, or JSON."""

    def __init__(self, src: str) -> None:
        super().__init__(src)
        places = parse_source_args(src)
        host, port, database, password, namespace = (*places, "", "", "", "", "")[:5]
        if len(places) > 5:
            raise ValueError("a Redis is host[:port[:db[:password[:namespace]]]]")
        self._server = host
        self._port = int(port or REDIS_PORT)
        self._db = int(database or 0)
        self._password = password or None
        self._namespace = f"{namespace}:" if namespace else ""
        self._client: Any = None

    def lookup(self, token: str) -> Any:
        value = self._redis().get(self._namespace + token)
        if value is None:
            return None
        text = value.decode("utf-8").strip()
        try:
            place = json.loads(text)["host"] if text.startswith("{") else text
            host, port = _host_and_port(place)
        except (ValueError, KeyError, TypeError, AttributeError):
            logger.error("the value of token %s names no host", Token(token))
            return None
        return [host, port]

    def _redis(self) -> Any:
        """Its own pool of connections is the client's."""
        import redis  # the optional dependency

        if self._client is None:
            self._client = redis.Redis(
                host=self._server,
                port=self._port,
                db=self._db,
                password=self._password,
                socket_timeout=LOOKUP_SECONDS,
            )
        return self._client


class UnixDomainSocketDirectory(BasePlugin):
    """A directory: a token is the name of a unix socket."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._dir_path = os.path.abspath(self.source)

    def lookup(self, token: str) -> Any:
        try:
            path = path_inside(self._dir_path, Token(token))
        except ProxyError:
            return None
        return ["unix_socket", path] if os.path.exists(path) else None
