"""Tokens that try to be more than the name of something in a directory.

Each is one that a request can hold: the text behind the decoding of its place.
"""

from __future__ import annotations

from itertools import product
from typing import Final

# A file of this name lies above the directory, beside it, and hidden in it.
SECRET: Final = "secret"

_UP = [
    *("..", "../..", "./..", "a/..", ".", "./", "../.", "...", "....//..", "..;", ". .", ".. "),
    *(
        "%2e%2e",
        "%2E%2E",
        "%252e%252e",
        "\u2024\u2024",
        "\uff0e\uff0e",
        "..\u200b",
        "\ufe52\ufe52",
    ),
]
_SLASHES = ["/", "//", "\\", "%2f", "%5c", "/./", "\u2215", "\u2044", "\uff0f", "/\\", "\t/", " /"]
_TARGETS = [SECRET, "rooted/secret"]

_ABSOLUTE = [
    *("/etc/passwd", "//etc/passwd", "/proc/self/environ", "/dev/stdin", "/dev/zero", "/dev/fd/0"),
    *("file:///etc/passwd", "C:\\secret", "\\\\host\\share", "~/secret", "~root/.ssh/id_rsa"),
]
_HIDDEN = [".hidden", ".git", ".", "..", "...", ".\u200b", ".secret", ".hidden/secret"]
_KINDS = ["fifo", "socket", "sub", "sub/secret", "sub/", "loop", "out", "out/", "outdir/secret"]
_SIZES = ["a" * 256, "a" * 4096, "a/" * 2000, "../" * 1000, "\u00fc" * 200, "\U0001f511" * 70]
_SYNTAX = [
    *("*", "?", "[a-z]*", "{a,b}", "$(id)", "`id`", "$HOME", "a;b", "a|b", "a&b", "a b", "a'b"),
    *('a"b', "a<b", "a>b", "!a", "#a", "%s", "%n%n%n", "%p", "{0}", "{token}", "${IFS}", "a=b"),
    *("' OR 1=1 --", '"; DROP TABLE tokens', "*)(uid=*))(|(uid=*", "<script>", "{{7*7}}"),
    *("-rf", "--help", "-", "--", "NUL", "CON", "AUX", "aux.txt", "a:b", "a::$DATA", "a.", "a "),
    *("\u202e", "\ufeffgood", "good\u00a0", "Good", "GOOD", "good ", " good", "good/", "good/."),
    *("\ud7ff", "\ue000", "\U0010ffff", "e\u0301", "\u00e9", "\ufb01", "\u2126", "\u212a"),
]

HOSTILE: Final[list[str]] = [
    *(f"{up}{slash}{target}" for up, slash, target in product(_UP, _SLASHES, _TARGETS)),
    *_ABSOLUTE,
    *_HIDDEN,
    *_KINDS,
    *_SIZES,
    *_SYNTAX,
]
