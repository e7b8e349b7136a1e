"""Values that travel through every floor; all of them frozen."""

from __future__ import annotations

import enum
import os
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NewType
from urllib.parse import quote

Buffer = bytes | bytearray | memoryview

SessionId = NewType("SessionId", str)


class Direction(enum.Enum):
    """Upstream is client to target, downstream the other, everywhere."""

    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"


class Dialect(enum.Enum):
    """The five WebSocket generations, by their names in logs and records."""

    HIXIE_75 = "hixie-75"
    HIXIE_76 = "hixie-76"
    HYBI_07 = "hybi-07"
    HYBI_08 = "hybi-08"
    RFC_6455 = "rfc-6455"

    @property
    def is_hixie(self) -> bool:
        return self in (Dialect.HIXIE_75, Dialect.HIXIE_76)


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of an accepted socket, as the kernel or a proxy says.

    `host` is an IP address (an IPv4 one mapped into IPv6 is unmapped), or
    the empty string for a unix socket.  `port` is 0 where there is none, or
    nobody says it.
    """

    host: str
    port: int = 0

    def __str__(self) -> str:
        if not self.port:
            return self.host or "unix"
        return join_host_port(self.host, self.port)


@dataclass(frozen=True, slots=True)
class TcpTarget:
    host: str
    port: int

    def __str__(self) -> str:
        return join_host_port(self.host, self.port)


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom we take for the target over TLS, and for whom it shall take us.

    `ca` is a PEM file, or a directory of them, in place of the system's
    authorities; `pins` are SHA-256 digests in lower-case hex, of which one must
    be that of the certificate or of its public key.  `sni` is the name that is
    sent and looked for, if not the host's.  `cert` and `key` are what we show.
    Without a word, `verify` is None: what else is said decides.
    """

    ca: str | None = None
    pins: tuple[str, ...] = ()
    sni: str | None = None
    cert: str | None = None
    key: str | None = None
    verify: bool | None = None

    def over(self, general: Trust) -> Trust:
        """This, and what is said in general where this says nothing.

        A target that says itself by what it is known is known by that alone.
        """
        known = self if self.ca or self.pins or self.verify is not None else general
        shown = self if self.cert else general
        return Trust(
            ca=known.ca,
            pins=known.pins,
            sni=self.sni or general.sni,
            cert=shown.cert,
            key=shown.key,
            verify=known.verify,
        )

    @property
    def items(self) -> list[tuple[str, str]]:
        """What is said, as `tls://` targets spell it."""
        said = [("ca", self.ca), *(("pin", pin) for pin in self.pins), ("sni", self.sni)]
        said += [("cert", self.cert), ("key", self.key)]
        verify = None if self.verify is None else ("no", "yes")[self.verify]
        return [(name, text) for name, text in (*said, ("verify", verify)) if text is not None]


@dataclass(frozen=True, slots=True)
class TlsTarget:
    """A TCP service behind TLS."""

    host: str
    port: int
    trust: Trust = Trust()  # frozen

    def __str__(self) -> str:
        query = "&".join(f"{name}={quote(text, safe='/:')}" for name, text in self.trust.items)
        return f"tls://{join_host_port(self.host, self.port)}{'?' if query else ''}{query}"


@dataclass(frozen=True, slots=True)
class UnixTarget:
    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


@dataclass(frozen=True, slots=True)
class EchoTarget:
    """The embedded default: answers each message with the same message."""

    def __str__(self) -> str:
        return "echo:"


# What a connection is made to; the echo needs none.
Dialled = TcpTarget | TlsTarget | UnixTarget

Target = Dialled | EchoTarget


@dataclass(frozen=True, slots=True)
class Token:
    """What a client showed to be led somewhere: a secret.

    Text of it is a short hash, by which a log can tell two of them apart.
    """

    secret: str = field(repr=False)

    def __str__(self) -> str:
        return sha256(self.secret.encode("utf-8", "surrogatepass")).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class Deadlines:
    """What a live session may let pass, in seconds; 0 is for ever.

    `heartbeat` is the silence after which a client is pinged, `dead_after` how
    long one that has answered a Ping may then be silent.  `idle` is how long
    no payload may go either way, `longest` how long a session may live.
    `stall` is how long a side may take nothing of what is to be written to it.
    """

    heartbeat: float = 0.0
    dead_after: float = 0.0
    idle: float = 0.0
    longest: float = 0.0
    stall: float = 0.0

    @property
    def period(self) -> float:
        """How often to look, so that none is late by more than a quarter; 0 is never."""
        each = (self.heartbeat, self.idle, self.longest, self.stall)
        return min(SELDOM, min(filter(None, each), default=0.0) / 4)


# However long the deadlines are, they are looked at this often, in seconds.
SELDOM = 15.0


def join_host_port(host: str, port: int) -> str:
    """`host:port`, an IPv6 host in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


# Crockford's base32 in lower case: sorts like the number it writes, and no
# letter in it is mistaken for another when a person reads it out.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"

# Ten bits at a time.
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]


def new_session_id(unix_seconds: float) -> SessionId:
    """Sixteen base32 characters: 48 bits of milliseconds, then 32 of chance.

    Ids made in different milliseconds sort by time.
    """
    chance = int.from_bytes(os.urandom(4))
    number = (int(unix_seconds * 1000) & (1 << 48) - 1) << 32 | chance
    return SessionId("".join([_PAIRS[number >> shift & 1023] for shift in range(70, -1, -10)]))
