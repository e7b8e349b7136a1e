"""The kinds of value that say where tokens are known, and where they stand."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from ..wire.tokens import DEFAULT_PLACES as DEFAULT_PLACES
from ..wire.tokens import PLACES as _PLACES
from .kinds import Kind, read_path

# `none` is not among them, and never will be.
ALGORITHMS: Final = (
    *("HS256", "HS384", "HS512", "RS256", "RS384", "RS512"),
    *("PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"),
)

FORMS: Final = (
    "file:PATH, dir:PATH, unixdir:PATH, jwt:KEYFILE, https://HOST/PATH with %s for the token,"
    " redis://HOST or rediss://HOST"
)

_OF_PATHS: Final = ("file", "dir", "unixdir", "jwt")


def _read_tokens(text: str, base: str) -> str:
    kind, colon, rest = text.partition(":")
    if colon and rest and kind in _OF_PATHS:
        return f"{kind}:{read_path(rest, base)}"
    try:
        url = urlsplit(text)
        named = bool(url.hostname) and url.port != 0
    except ValueError:
        named = False
    if not named or url.scheme not in ("http", "https", "redis", "rediss"):
        raise ValueError(f"is no source of tokens: give {FORMS}")
    if url.scheme in ("http", "https") and text.count("%s") != 1:
        raise ValueError("has no single %s, which is where the token goes")
    return text


def _read_place(text: str, base: str) -> str:
    if text not in _PLACES:
        raise ValueError(f"is not one of {', '.join(_PLACES)}")
    return text


def _read_plugin(text: str, base: str) -> str:
    if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*", text):
        raise ValueError("is no class: give one such as TokenFile or package.module.Class")
    return text


def _read_argument(text: str, base: str) -> str:
    """As it stands: what it means is for the class to say."""
    return text


TOKENS: Final = Kind(_read_tokens, "SOURCE", 'a string such as "file:/path"')
PLACES: Final = Kind(_read_place, "PLACE", "a list of strings", separator=",")
PLUGIN: Final = Kind(_read_plugin, "CLASS", "a string: a class")
ARGUMENT: Final = Kind(_read_argument, "ARG", "a string")
