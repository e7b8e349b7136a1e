"""Hosts as they compare: one spelling for each, whoever wrote it.

`Host` and `Origin` come from strangers, `--allow-host` and `--allow-origin`
from the operator; all of them are brought to the same form here, so that
equality is the whole comparison.  There is no suffix match anywhere.

A name is lower case, in its ASCII form (RFC 5891), without a last dot; an
IPv6 address is in its shortest spelling without brackets.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

LONGEST_NAME = 253  # RFC 1035, section 2.3.4, as text without the last dot
LONGEST_AUTHORITY = LONGEST_NAME + len(".:65535")
LONGEST_QUOTED = 100

# An underscore is in no host name of RFC 1123, but in many a private network's.
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^\[\]:]*)(?::([0-9]{0,5}))?")

# IDNA 2003, which the standard library speaks, makes another name of these
# than browsers do: a neighbour's domain would pass for the listed one.
_AMBIGUOUS = frozenset("\u00df\u1e9e\u03c2\u200c\u200d")


@dataclass(frozen=True, slots=True)
class Authority:
    """A host in the form in which hosts compare; a port, or None where none was written."""

    host: str
    port: int | None = None


def authority_or_none(text: str) -> Authority | None:
    """`host[:port]` (RFC 3986, section 3.2, without userinfo), or None if it is malformed."""
    return _parsed(text) if len(text) <= LONGEST_AUTHORITY else None


@lru_cache(maxsize=128)  # the same few come with nearly every request
def _parsed(text: str) -> Authority | None:
    match = _AUTHORITY.fullmatch(text)
    if match is None:
        return None
    host = host_or_none(match[1])
    port = int(match[2]) if match[2] else None
    return Authority(host, port) if host is not None and (port or 0) <= 65535 else None


def host_or_none(text: str) -> str | None:
    """The comparable form of a name, an IPv4 or a bracketed IPv6 address; None if it is none."""
    if text.startswith("["):
        return _ipv6_or_none(text[1:-1])
    # The codec's cost grows faster than its input; no name that long is one.
    if len(text) > LONGEST_NAME + 1:
        return None
    ascii_text = text if text.isascii() else _punycode_or_none(text)
    name = (ascii_text or "").lower().removesuffix(".")
    return name if len(name) <= LONGEST_NAME and _NAME.fullmatch(name) else None


def from_header(value: str) -> str:
    """A header's text, which holds a character per byte, read as UTF-8.

    Bytes that are no UTF-8 become lone surrogates, which are in no host name.
    """
    if value.isascii():
        return value
    try:
        raw = value.encode("latin-1")
    except UnicodeError:
        return value
    return raw.decode("utf-8", "surrogateescape")


def quoted(text: str) -> str:
    """A stranger's text for a reason or a log: visible ASCII, at most `LONGEST_QUOTED` of it."""
    visible = text.encode("unicode_escape").decode("ascii")
    return visible if len(visible) <= LONGEST_QUOTED else visible[:LONGEST_QUOTED] + "..."


@lru_cache(maxsize=128)
def is_loopback(host: str) -> bool:
    """Whether a comparable host is this machine for every browser (RFC 6761, section 6.3)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _ipv6_or_none(text: str) -> str | None:
    if "%" in text:  # a zone names an interface of one machine; no browser sends it
        return None
    try:
        return ipaddress.IPv6Address(text).compressed
    except ValueError:
        return None


def _punycode_or_none(text: str) -> str | None:
    if _AMBIGUOUS & set(unicodedata.normalize("NFKC", text)):
        return None
    try:
        return text.encode("idna").decode("ascii")
    except UnicodeError:
        return None
