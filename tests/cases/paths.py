"""Request paths that try to leave their directory, as they stand in a request line."""

from __future__ import annotations

from itertools import product

# A file of this name lies above the served directory, and beside it.
SECRET = "secret.txt"

_UP = [
    *("..", "%2e%2e", ".%2e", "%2E.", "...", "%252e%252e", "%c0%ae%c0%ae", "%e0%80%ae%e0%80%ae"),
    *("..%00", "%00..", "..%20", "..;", "%ef%bc%8e%ef%bc%8e", "~", "%09..", "..%0d%0a"),
]
_SLASHES = ["/", "%2f", "\\", "%5c", "//", "%252f", "%c0%af", "%ef%bc%8f", "/./"]
_STARTS = ["/", "/sub/"]

_SINGLE = [
    *("//etc/passwd", "///etc/passwd", "/%2fetc/passwd", "/%2f%2fetc/passwd", "/\\etc/passwd"),
    *(
        "/file:///etc/passwd",
        "/C:/secret.txt",
        "/C:%5csecret.txt",
        "//secret.txt",
        "/~root/.bashrc",
    ),
    *("/out/secret.txt", "/out/", "/out", "/link.txt", "/loop", "/loop/", "/sub/../../secret.txt"),
    *("/index.html/../../secret.txt", "/index.html%00/../secret.txt", "/.", "/..", "/./", "/../"),
    *("/sub/.", "/sub/..", "/.hidden", "/.hidden/", "/sub/.git/config", "/%2ehidden", "/.%00"),
    *("/fifo", "/fifo/", "/socket", "/" + "a" * 300, "/" + "a/" * 2000, "/" + "../" * 500),
    *(
        "/index.html/",
        "/index.html/x",
        "/secret.txt",
        "/sub/secret.txt",
        "/%00",
        "/%ff%fe",
        "/\x7f",
    ),
    *("/sibling/secret.txt", "/../rooted/secret.txt", "/..%2frooted/secret.txt"),
]

OUTWARD = [
    *_SINGLE,
    *(f"{start}{up}{slash}{SECRET}" for start, up, slash in product(_STARTS, _UP, _SLASHES)),
    *(f"/{(up + slash) * 3}etc/passwd" for up, slash in product(_UP, _SLASHES)),
]
