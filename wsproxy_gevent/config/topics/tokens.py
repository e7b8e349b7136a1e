"""Tokens that name targets, and people's own plugins."""

from __future__ import annotations

from dataclasses import dataclass

from .. import kinds, token_kinds
from ..choices import REFUSE_BY
from ..declare import Topic, setting


@dataclass(frozen=True, kw_only=True)
class TokenSettings:
    """The settings of tokens, and of plugins."""

    tokens: str | None = setting(
        None,
        kind=token_kinds.TOKENS,
        topic=Topic.TOKENS,
        meaning="Let each request's token name its target, by what a file or the files of a "
        "directory say (file:), the file of that name (dir:), the unix socket of that name "
        "(unixdir:), an HTTP API, Redis, or the token's own signed claims (jwt: with the key's "
        "file).  There is no target argument then.",
        secret=True,
    )
    token_from: tuple[str, ...] = setting(
        token_kinds.DEFAULT_PLACES,
        kind=token_kinds.PLACES,
        topic=Topic.TOKENS,
        meaning="Where a request's token stands, in this order: query (?token=), bearer "
        "(Authorization), subprotocol (token.BASE64URL), cookie, host, or path (its last part).",
    )
    token_cookie: str = setting(
        "token",
        kind=kinds.NAME,
        topic=Topic.TOKENS,
        meaning="The cookie that is a token, with --token-from cookie.",
    )
    strict_tokens: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.TOKENS,
        meaning="Take no token file that has a bad line or a token twice; without it such lines "
        "are skipped and told of.",
    )
    token_password: str | None = setting(
        None,
        kind=kinds.SECRET,
        topic=Topic.TOKENS,
        meaning="The password of redis://, in a variable or a file.",
    )
    token_ca: str | None = setting(
        None,
        kind=kinds.FILE,
        topic=Topic.TOKENS,
        meaning="The authorities that https:// and rediss:// are verified against, in place of "
        "the usual ones.",
    )
    jwt_algorithm: str | None = setting(
        None,
        kind=kinds.choice(*token_kinds.ALGORITHMS),
        topic=Topic.TOKENS,
        meaning="The one algorithm of jwt:'s keys that do not name theirs.",
        shown="RS256, ES256 and its like, EdDSA or HS256, by the key",
    )
    jwt_audience: str | None = setting(
        None,
        kind=kinds.TEXT,
        topic=Topic.TOKENS,
        meaning="Take only a JWT that is meant for this audience (aud).",
    )
    jwt_issuer: str | None = setting(
        None,
        kind=kinds.TEXT,
        topic=Topic.TOKENS,
        meaning="Take only a JWT of this issuer (iss).",
    )
    refuse_by: str = setting(
        "http",
        kind=kinds.choice(*REFUSE_BY),
        topic=Topic.TOKENS,
        meaning="Refuse a token that is missing, unknown or expired by an HTTP status (403), or "
        "by a WebSocket Close (1008), whose reason a page can show.",
    )
    revoke: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.TOKENS,
        meaning="After a reload (SIGHUP) end the sessions whose token is no longer known, with "
        "Close 1008.",
    )
    token_plugin: str | None = setting(
        None,
        kind=token_kinds.PLUGIN,
        topic=Topic.TOKENS,
        meaning="Look tokens up by this class: one that websockify has, such as TokenFile, or "
        "package.module.Class of your own.",
    )
    token_source: str | None = setting(
        None,
        kind=token_kinds.ARGUMENT,
        topic=Topic.TOKENS,
        meaning="What that class is given: a path, a URL, as it wants.",
        secret=True,
    )
    target_config: str | None = setting(
        None,
        kind=kinds.FILE,
        topic=Topic.TOKENS,
        meaning="The older name that websockify has for --tokens file:FILE.",
    )
    host_token: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.TOKENS,
        meaning="The token is the Host without its port, as --token-from host has it.",
    )
    auth_plugin: str | None = setting(
        None,
        kind=token_kinds.PLUGIN,
        topic=Topic.TOKENS,
        meaning="Let in whom this class lets in: one that websockify has, such as BasicHTTPAuth, "
        "or package.module.Class of your own.",
    )
    auth_source: str | None = setting(
        None,
        kind=token_kinds.ARGUMENT,
        topic=Topic.TOKENS,
        meaning="What that class is given.",
        secret=True,
    )
    plugin_threads: int = setting(
        1,
        kind=kinds.COUNT,
        topic=Topic.TOKENS,
        meaning="How many calls of your own plugins run at a time; they may need to be written "
        "for more than one.",
    )
    plugin_timeout: float = setting(
        5.0,
        kind=kinds.seconds(zero=False),
        topic=Topic.TOKENS,
        meaning="Refuse a client whose plugin call, the wait for its turn included, takes longer.",
    )

    @property
    def finds_targets(self) -> bool:
        """Whether requests name their targets, instead of the command line."""
        return bool(self.tokens or self.token_plugin or self.target_config)

    @property
    def token_places(self) -> tuple[str, ...]:
        """Where a token is looked for."""
        return ("host",) if self.host_token else self.token_from
