"""Tokens that Redis knows: the token's key holds `host:port`, or a JSON object."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from ..errors import SourceFailed, StartError, UsageError
from ..model import Target, Token
from ..net.idle import Idle
from ..net.turns import Turns
from .naming import from_elsewhere, target_of_answer
from .tokens import LOOKUP_SECONDS, unknown

if TYPE_CHECKING:
    from redis import Redis

PORT = 6379


@dataclass(frozen=True, slots=True)
class RedisPlace:
    """Where a Redis is, and below which name its tokens are.

    `ca` is a file of authorities in place of the system's.
    """

    host: str
    port: int = PORT
    database: int = 0
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    namespace: str = ""
    tls: bool = False
    ca: str | None = None

    @classmethod
    def of_url(
        cls, text: str, *, password: str | None = None, ca: str | None = None
    ) -> RedisPlace:
        """`redis://[user:password@]host[:port][/database][?namespace=NAME]`, `rediss://` over TLS.

        Raises `UsageError`.
        """
        url = urlsplit(text)
        database = url.path.strip("/") or "0"
        if not (database.isascii() and database.isdecimal()):
            raise UsageError(f"--tokens: {database!r} is no number of a Redis database")
        (namespace,) = parse_qs(url.query).get("namespace", [""])[:1]
        own = unquote(url.password) if url.password else None
        return cls(
            host=url.hostname or "localhost",
            port=url.port or PORT,
            database=int(database),
            user=unquote(url.username) if url.username else None,
            password=password if password is not None else own,
            namespace=f"{namespace}:" if namespace else "",
            tls=url.scheme == "rediss",
            ca=ca,
        )


class RedisSource:
    """Asks the Redis at `place`.

    `unix` says whether a value may name a socket of this machine.
    """

    def __init__(self, place: RedisPlace, *, turns: Turns, unix: bool = False) -> None:
        """Raises `StartError` without the package that asks."""
        _need_redis()
        self._place = place
        self._unix = unix
        self._turns = turns
        self._clients: Idle[Redis] = Idle(lambda: client_of(place))

    def find(self, token: Token) -> Target:
        """May switch."""
        answer = self._turns.call(self._ask, token, timeout=LOOKUP_SECONDS)
        return from_elsewhere(target_of_answer(answer), unix=self._unix)

    def _ask(self, token: Token) -> str:
        """On a native thread."""
        import redis  # the optional dependency

        try:
            with self._clients.one() as client:
                value: Any = client.get(self._place.namespace + token.secret)
        except (redis.RedisError, OSError) as exc:
            raise SourceFailed(
                "what knows the tokens gave no answer; try again later",
                detail=f"Redis at {self._place.host}: {type(exc).__name__}",
            ) from exc
        if value is None:
            raise unknown(token)
        return bytes(value).decode("utf-8", "replace")


def client_of(place: RedisPlace) -> Redis:
    """One connection, made when it is first used."""
    import redis  # the optional dependency
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    client: Redis = redis.Redis(
        host=place.host,
        port=place.port,
        db=place.database,
        username=place.user,
        password=place.password,
        socket_timeout=LOOKUP_SECONDS,
        socket_connect_timeout=LOOKUP_SECONDS,
        # A connection that its server has ended is made anew, once and at once: a
        # client waits, and the turn is others' as well.
        retry=Retry(NoBackoff(), 1, (redis.ConnectionError,)),
        max_connections=1,
        ssl=place.tls,
        ssl_ca_certs=place.ca,
    )
    return client


def _need_redis() -> None:
    try:
        import redis  # noqa: F401  # the optional dependency
    except ImportError:
        raise StartError(
            "tokens in Redis need the package redis: pip install 'wsproxy-gevent[tokens]'"
        ) from None
