"""The kinds of value that a setting can have, and how each is read from text.

A kind reads text with the directory that relative paths start from, and
raises `ValueError` with the end of a sentence whose subject is the text:
"is not a number of seconds, such as 30".  Flags, variables and files share
these readers, so that a value means the same wherever it stands.
"""

from __future__ import annotations

import ipaddress
import math
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..auth.certificate import parse_listed
from ..errors import UsageError
from ..net.httpclient import parse_service
from ..net.listen import parse_source
from ..targets.policy import FORMS as ALLOWANCES
from ..targets.policy import parse_allowance
from ..targets.spelling import parse_pin, parse_target

Reader = Callable[[str, str], object]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of value.

    `native` are the TOML types that it may have, `wanted` names them in an
    error.  A kind with a `separator` holds several values: its flag may be
    repeated, and one text may hold several.
    """

    read: Reader
    metavar: str
    wanted: str
    native: tuple[type, ...] = (str,)
    separator: str | None = None

    @property
    def is_switch(self) -> bool:
        return self.native == (bool,)

    @property
    def is_list(self) -> bool:
        return self.separator is not None

    def read_all(self, texts: list[str], base: str) -> tuple[object, ...]:
        """The values of a list, from texts that each hold one or several."""
        parts = (part.strip() for text in texts for part in text.split(self.separator))
        return tuple(self.read(part, base) for part in parts if part)


# -- Switches -------------------------------------------------------------------

SWITCH_WORDS: Final = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


def _read_switch(text: str, base: str) -> bool:
    if (value := SWITCH_WORDS.get(text.strip().lower())) is None:
        raise ValueError("is neither yes nor no: give 1, true, yes, on, 0, false, no or off")
    return value


SWITCH: Final = Kind(_read_switch, "", "true or false", (bool,))


# -- Texts and paths ------------------------------------------------------------


def _read_text(text: str, base: str) -> str:
    if not text:
        raise ValueError("is empty")
    return text


def read_path(text: str, base: str) -> str:
    """Absolute, for a daemon changes its directory; a last slash is kept."""
    path = os.path.abspath(os.path.join(base, os.path.expanduser(_read_text(text, base))))
    return path + "/" if text.endswith("/") and path != "/" else path


# What `--cert` takes beside a file; a file of that name is `./auto`.
CERT_WORDS: Final = ("auto", "none")


def _read_cert(text: str, base: str) -> str:
    return text if text in CERT_WORDS else read_path(text, base)


def _read_source(text: str, base: str) -> str:
    parse_source(text)
    return text


def _read_admin(text: str, base: str) -> str:
    path = text.removeprefix("unix:")
    if path != text:
        return f"unix:{read_path(path, base)}"
    if not parse_source(text)[0]:
        raise ValueError("names no address: give unix:/path, or one such as 127.0.0.1:6081")
    return text


def _read_secret(text: str, base: str) -> str:
    kind, _, name = text.partition(":")
    if kind not in ("env", "file") or not name:
        raise ValueError("is neither env:NAME nor file:PATH")
    return text if kind == "env" else f"file:{read_path(name, base)}"


def _read_credentials(text: str, base: str) -> str:
    kind, _, rest = text.partition(":")
    if not (kind and rest):
        raise ValueError("is none of htpasswd:FILE, file:FILE, env:NAME and USER:PASSWORD")
    return f"{kind}:{read_path(rest, base)}" if kind in ("htpasswd", "file") else text


def _read_url(text: str, base: str) -> str:
    parse_service(text)
    return text


def names_a_place(credentials: str) -> bool:
    """Whether a value of `CREDENTIALS` says where they are, rather than what they are."""
    return credentials.partition(":")[0] in ("htpasswd", "file", "env")


def _read_target(text: str, base: str) -> str:
    parse_target(text)
    return text


def _read_syslog(text: str, base: str) -> str:
    if re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\s]+):\d{1,5}", text):
        return text
    if "/" in text and ":" not in text:
        return read_path(text, base)
    raise ValueError("is no syslog: give a path such as /dev/log, or host:port")


TEXT: Final = Kind(_read_text, "TEXT", "a string")
NAME: Final = Kind(_read_text, "NAME", "a string")
FILE: Final = Kind(read_path, "FILE", "a string: a path")
DIRECTORY: Final = Kind(read_path, "DIR", "a string: a path")
CERT: Final = Kind(_read_cert, "FILE", 'a string: a path, "auto" or "none"')
SOURCE: Final = Kind(_read_source, "[ADDR:]PORT", 'a port or "addr:port"', (str, int))
ADMIN: Final = Kind(_read_admin, "unix:PATH|ADDR:PORT", '"unix:/path" or "addr:port"')
SECRET: Final = Kind(_read_secret, "env:NAME|file:PATH", '"env:NAME" or "file:/path"')
CREDENTIALS: Final = Kind(
    _read_credentials,
    "htpasswd:FILE|env:NAME|file:FILE",
    '"htpasswd:/path", "env:NAME" or "file:/path"',
)
TARGET: Final = Kind(_read_target, "TARGET", 'a string such as "localhost:5900"')
URL: Final = Kind(_read_url, "URL", 'a string such as "http://127.0.0.1:8000/auth"')
SYSLOG: Final = Kind(_read_syslog, "SERVER", 'a string: "/dev/log" or "host:port"')


def choice(*names: str) -> Kind:
    """One word of a few."""

    def read(text: str, base: str) -> str:
        if text not in names:
            raise ValueError(f"is not one of {', '.join(names)}")
        return text

    return Kind(read, "|".join(names), f"one of {', '.join(names)}")


# -- Numbers --------------------------------------------------------------------


def seconds(*, zero: bool) -> Kind:
    """A time in seconds; `zero` says whether 0 is one."""
    wanted = f"a number of seconds{'' if zero else ' above 0'}, such as 30"

    def read(text: str, base: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise ValueError(f"is not {wanted}") from None
        if not math.isfinite(value) or value < 0 or (value == 0 and not zero):
            raise ValueError(f"is not {wanted}")
        return value

    return Kind(read, "SEC", wanted, (int, float))


def _read_count(text: str, base: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) == 0:
        raise ValueError("is not a whole number above 0, such as 1000")
    return int(text)


def _read_count_or_none(text: str, base: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError("is not a whole number, such as 1000")
    return int(text)


def _read_file_mode(text: str, base: str) -> int:
    if not re.fullmatch(r"(0o?)?[0-7]{3}", text):
        raise ValueError("is no file mode in octal, such as 0660")
    return int(text.removeprefix("0o"), 8)


FILE_MODE: Final = Kind(_read_file_mode, "MODE", 'a string such as "0660"')

COUNT: Final = Kind(_read_count, "N", "a whole number above 0, such as 1000", (int,))


COUNT_OR_NONE: Final = Kind(_read_count_or_none, "N", "a whole number, such as 1000", (int,))


# -- Lists ----------------------------------------------------------------------

# RFC 9110, section 5.6.2: what a field name and a subprotocol are made of.
_TCHARS: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"

# RFC 9110, section 5.5, without obs-text: visible characters, blanks and tabs.
_HEADER: Final = re.compile(rf"{_TCHARS}:[ \t]*[\x21-\x7e \t]*")

_ORIGIN: Final = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*://(\[[0-9A-Fa-f:.]+\]|[^/\s:?#@]+)(:\d{1,5})?"
)


def _read_header(text: str, base: str) -> str:
    if not _HEADER.fullmatch(text):
        raise ValueError("is no header line: give 'Name: value'")
    return text


def _read_header_name(text: str, base: str) -> str:
    if not re.fullmatch(_TCHARS, text):
        raise ValueError("is no header name: give one such as X-Forwarded-For")
    return text.lower()


def _read_subprotocol(text: str, base: str) -> str:
    if not re.fullmatch(_TCHARS, text):
        raise ValueError("is no subprotocol name: give one such as mqtt")
    return text


def _read_origin(text: str, base: str) -> str:
    if text != "null" and not _ORIGIN.fullmatch(text):
        raise ValueError("is no origin: give scheme://host[:port], such as https://example.org")
    return text


def _read_host(text: str, base: str) -> str:
    if not re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^/\s:\[\]]+)(:\d{1,5})?", text):
        raise ValueError("is no host name: give one such as console.example.org")
    return text


def _read_allowance(text: str, base: str) -> str:
    try:
        parse_allowance(text)
    except UsageError:
        raise ValueError(f"allows no target: give {ALLOWANCES}") from None
    return text


def _read_pin(text: str, base: str) -> str:
    try:
        return parse_pin(text)
    except UsageError:
        raise ValueError("is no SHA-256 digest: give 64 hex digits, or base64") from None


def _read_network(text: str, base: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise ValueError("is no address or network, such as 10.0.0.0/8 or ::1") from None


def _read_certificate(text: str, base: str) -> str:
    parse_listed(text)
    return text


# A header's value may hold a comma, but never the end of a line.
HEADERS: Final = Kind(
    _read_header, "'NAME: VALUE'", 'a list of strings "Name: value"', separator="\n"
)
HEADER_NAME: Final = Kind(_read_header_name, "NAME", "a string: a header, auto or none")
SUBPROTOCOLS: Final = Kind(_read_subprotocol, "NAME", "a list of strings", separator=",")
ORIGINS: Final = Kind(_read_origin, "ORIGIN", "a list of strings", separator=",")
HOSTS: Final = Kind(_read_host, "HOST", "a list of strings", separator=",")
TARGETS: Final = Kind(_read_allowance, "TARGET", "a list of strings", separator=",")
PINS: Final = Kind(_read_pin, "SHA256", "a list of strings", separator=",")
NETWORKS: Final = Kind(_read_network, "CIDR", "a list of strings", separator=",")
CERTIFICATES: Final = Kind(
    _read_certificate,
    "cn:NAME|san:NAME|sha256:HEX",
    'a list of strings such as "cn:alice"',
    separator=",",
)
