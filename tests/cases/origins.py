"""Origins against Hosts: what each rule says of them.

The columns: the Origin as sent, the Host as sent, what is listed with
`--allow-origin`, and whether `same-host` and `same-origin` let it through.
The request comes to us without TLS unless the row says so.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    origin: str | None
    host: str
    same_host: bool
    same_origin: bool
    allowed: tuple[str, ...] = ()
    secure: bool = False


def utf8(text: str) -> str:
    """The text as a header carries it: a character per byte."""
    return text.encode().decode("latin-1")


# 63 octets are the most that a label may have (RFC 1035, section 2.3.4).
LABEL = "a" * 63

ORIGINS = [
    # The page and its own host.
    Row("http://gw.example", "gw.example", True, True),
    Row("http://gw.example:6080", "gw.example:6080", True, True),
    Row("https://gw.example", "gw.example", True, True, secure=True),
    Row("https://gw.example:6080", "gw.example:6080", True, True, secure=True),
    Row("http://gw", "gw", True, True),
    Row("http://my_gateway:6080", "my_gateway:6080", True, True),
    Row("ws://gw.example", "gw.example", True, True),
    Row("wss://gw.example", "gw.example", True, True, secure=True),
    Row(None, "gw.example", True, True),
    # Ports and schemes.
    Row("http://gw.example:80", "gw.example", True, True),
    Row("http://gw.example", "gw.example:80", True, True),
    Row("https://gw.example:443", "gw.example", True, True, secure=True),
    Row("http://gw.example:", "gw.example", True, True),
    Row("http://gw.example:8080", "gw.example:6080", True, False),
    Row("http://gw.example", "gw.example:6080", True, False),
    Row("https://gw.example", "gw.example", True, False),
    Row("http://gw.example", "gw.example", True, False, secure=True),
    Row("http://gw.example:443", "gw.example", True, False, secure=True),
    Row("http://gw.example:65536", "gw.example", False, False),
    Row("http://gw.example:-1", "gw.example", False, False),
    Row("http://gw.example:6080x", "gw.example:6080", False, False),
    Row("http://gw.example:\u0661", "gw.example", False, False),
    # Case, last dot, IDNA.
    Row("HTTP://GW.Example", "gw.eXAMPLE", True, True),
    Row("http://gw.example.", "gw.example", True, True),
    Row("http://gw.example", "gw.example.", True, True),
    Row("http://gw.example..", "gw.example", False, False),
    Row("http://xn--bcher-kva.example", utf8("bücher.example"), True, True),
    Row(utf8("http://BÜCHER.example"), "xn--bcher-kva.example", True, True),
    Row(utf8("http://strasse.example"), utf8("straße.example"), False, False),
    Row("http://g\xfc.example", "g\xfc.example", False, False),
    # Neighbours: a suffix, a prefix, a part of the name.
    Row("http://evil.example", "gw.example", False, False),
    Row("http://evilgw.example", "gw.example", False, False),
    Row("http://gw.example.evil.example", "gw.example", False, False),
    Row("http://sub.gw.example", "gw.example", False, False),
    Row("http://example", "gw.example", False, False),
    Row("http://gw.examples", "gw.example", False, False),
    # What is no origin at all.
    Row("null", "gw.example", False, False),
    Row("null", "null", False, False),
    Row("", "gw.example", False, False),
    Row("gw.example", "gw.example", False, False),
    Row("//gw.example", "gw.example", False, False),
    Row("file://", "gw.example", False, False),
    Row("http://", "gw.example", False, False),
    Row("http:gw.example", "gw.example", False, False),
    Row("http://gw.example/", "gw.example", False, False),
    Row("http://gw.example/page", "gw.example", False, False),
    Row("http://gw.example?x", "gw.example", False, False),
    Row("http://gw.example#x", "gw.example", False, False),
    Row("http://gw.example\\", "gw.example", False, False),
    Row("http://user@gw.example", "gw.example", False, False),
    Row("http://gw.example@evil.example", "gw.example", False, False),
    Row("http://evil.example#@gw.example", "gw.example", False, False),
    Row("http://evil.example/gw.example", "gw.example", False, False),
    Row("http://gw.example%00.evil.example", "gw.example", False, False),
    Row("http://gw%2eexample", "gw.example", False, False),
    Row("http://gw.example http://gw.example", "gw.example", False, False),
    Row("http://gw.example, http://evil.example", "gw.example", False, False),
    Row("http://evil.example, http://gw.example", "gw.example", False, False),
    Row(" http://gw.example", "gw.example", False, False),
    Row("http://gw.example\x1b[2J", "gw.example", False, False),
    Row("http://-gw.example", "-gw.example", False, False),
    Row(f"http://{LABEL}.example", f"{LABEL}.example", True, True),
    Row(f"http://{LABEL}a.example", f"{LABEL}a.example", False, False),
    Row("http://" + "a." * 5000, "gw.example", False, False),
    # Addresses.
    Row("http://127.0.0.1:8000", "127.0.0.1:6080", True, False),
    Row("http://127.0.0.1", "localhost", False, False),
    Row("http://[::1]:6080", "[::1]:6080", True, True),
    Row("http://[0:0:0:0:0:0:0:1]:6080", "[::1]:6080", True, True),
    Row("http://[2001:DB8::00A]", "[2001:db8::a]", True, True),
    Row("http://[2001:db8::a]", "[2001:db8::b]", False, False),
    Row("http://[fe80::1%25eth0]", "[fe80::1]", False, False),
    Row("http://2001:db8::a", "[2001:db8::a]", False, False),
    Row("http://[gw.example]", "gw.example", False, False),
    Row("http://[::1", "[::1]", False, False),
    # Rebinding: the names agree, and only the Host rule can tell.
    Row("http://rebound.example:6080", "rebound.example:6080", True, True),
    # A Host that is none gives no page a home.
    Row("http://gw.example", "", False, False),
    Row("http://gw.example", "gw.example, evil.example", False, False),
    Row("http://gw.example", "user@gw.example", False, False),
    # What `--allow-origin` lists.
    Row("https://app.example", "gw.example", True, True, ("https://app.example",)),
    Row("https://APP.example:443", "gw.example", True, True, ("https://app.example",)),
    Row("https://app.example", "gw.example", True, True, ("wss://app.example:443",)),
    Row("https://app.example:8443", "gw.example", False, False, ("https://app.example",)),
    Row("http://app.example", "gw.example", False, False, ("https://app.example",)),
    Row("https://sub.app.example", "gw.example", False, False, ("https://app.example",)),
    Row("https://app.example:8443", "gw.example", True, True, ("app.example",)),
    Row("http://app.example", "gw.example", True, True, ("app.example",)),
    Row("http://app.example:81", "gw.example", True, True, ("app.example:81",)),
    Row("https://app.example", "gw.example", True, True, ("app.example:443",)),
    Row("http://app.example:82", "gw.example", False, False, ("app.example:81",)),
    Row("http://[2001:db8::a]:81", "gw.example", True, True, ("[2001:db8:0::a]:81",)),
    Row("http://xn--bcher-kva.example", "gw.example", True, True, ("bücher.example",)),
    Row("http://strasse.example", "gw.example", False, False, ("other.example",)),
    Row("null", "gw.example", True, True, ("null",)),
    Row("NULL", "gw.example", True, True, ("null",)),
    Row("file://", "gw.example", True, True, ("file://",)),
    Row("file:///", "gw.example", False, False, ("file://",)),
    Row("null", "gw.example", False, False, ("app.example",)),
    Row("capacitor://localhost", "gw.example", True, True, ("capacitor://localhost",)),
    Row("ionic://localhost", "gw.example", False, False, ("capacitor://localhost",)),
    Row("https://a.example", "gw.example", True, True, ("b.example", "https://a.example")),
]
