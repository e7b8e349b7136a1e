"""How a setting is declared: once, with all that anyone asks about it.

A declaration gives the flags, the kind of value, the help text, the topic
and what the `websockify` profile has instead.  The field that carries it
gives the name, from which the environment variable and the TOML key follow,
and the default.  Command line, environment, file, `--help` and
docs/options.md all read the same declaration.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

from .kinds import Kind

T = TypeVar("T")

_KEY: Final = "declaration"

ENVIRONMENT_PREFIX: Final = "WSPROXY_"


class Topic(enum.Enum):
    """The headings of `--help` and docs/options.md, in their order."""

    WHERE = "From where to where"
    REACHING = "The target"
    TOKENS = "Tokens and plugins"
    PROCESS = "Process"
    ADMIN = "Administration"
    LOG = "Log and record"
    WEB = "Web pages"
    TLS = "TLS"
    ACCESS = "Who may connect"
    LOGIN = "Logins"
    SPEAKING = "WebSocket"
    TIMES = "Times and limits"


class Unchanged(enum.Enum):
    """The profile has the same default: None could not say so, it is one."""

    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Declaration:
    """What is declared of one setting.

    `flags` are its spellings, the long one last.  `shown` is the default in
    words, where its value says too little.  `in_file` is False for what a
    file cannot hold.  A `secret` is shown to nobody.  One that is `fixed` is
    what the process was started with: a reload cannot change it.
    """

    name: str
    flags: tuple[str, ...]
    kind: Kind
    topic: Topic
    meaning: str
    default: object
    profile_default: object
    shown: str
    in_file: bool
    secret: bool = False
    fixed: bool = False

    @property
    def flag(self) -> str:
        return self.flags[-1]

    @property
    def variable(self) -> str:
        return ENVIRONMENT_PREFIX + self.name.upper()

    @property
    def negation(self) -> str | None:
        """`--no-x` for the switch `--x`; a switch that already says no has none."""
        negatable = self.kind.is_switch and not self.flag.startswith("--no-")
        return f"--no-{self.flag[2:]}" if negatable else None

    def default_in(self, *, lenient: bool) -> object:
        """The default of our own profile, or of `websockify`'s."""
        differs = lenient and self.profile_default is not Unchanged.UNCHANGED
        return self.profile_default if differs else self.default


def setting(
    default: T,
    *flags: str,
    kind: Kind,
    topic: Topic,
    meaning: str,
    websockify: T | Unchanged = Unchanged.UNCHANGED,
    shown: str = "",
    in_file: bool = True,
    secret: bool = False,
    fixed: bool = False,
) -> T:
    """Declare a field of a settings dataclass; a `secret` stays out of its repr."""
    facts = (flags, kind, topic, meaning, websockify, shown, in_file, secret, fixed)
    return dataclasses.field(default=default, repr=not secret, metadata={_KEY: facts})


def declarations(settings: type) -> Iterator[Declaration]:
    """Each declared field of a settings dataclass, in its order."""
    for field in dataclasses.fields(settings):
        if facts := field.metadata.get(_KEY):
            flags, kind, topic, meaning, websockify, shown, in_file, secret, fixed = facts
            yield Declaration(
                name=field.name,
                flags=flags or (f"--{field.name.replace('_', '-')}",),
                kind=kind,
                topic=topic,
                meaning=meaning,
                default=field.default,
                profile_default=websockify,
                shown=shown,
                in_file=in_file,
                secret=secret,
                fixed=fixed,
            )
