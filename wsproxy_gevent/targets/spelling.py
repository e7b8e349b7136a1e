"""How a target is written, on the command line and in every file.

    host:port          a name or an IPv4 address
    [2001:db8::1]:port  an IPv6 address stands in brackets
    unix:/path          a socket of this machine
    tls://host:port     the same over TLS; behind a ? stands whom to trust there
    echo:               the embedded target

What else is found is refused with what was wrong and what would be right:
a target that is guessed leads somewhere.
"""

from __future__ import annotations

import ipaddress
import re
from base64 import b64decode
from urllib.parse import unquote

from ..errors import UsageError
from ..model import EchoTarget, Target, TcpTarget, TlsTarget, Trust, UnixTarget

FORMS = "host:port, [IPv6]:port, tls://host:port, unix:/path or echo:"

TLS_KEYS = "ca=FILE, pin=SHA256, sni=NAME, cert=FILE, key=FILE or verify=no"

# sockaddr_un's sun_path has 108 bytes on Linux, the final NUL among them.
UNIX_PATH_BYTES = 107

# RFC 1035, section 2.3.4, less the bytes that only the wire has.
HOST_CHARACTERS = 253

_NO_HOST_CHARACTER = re.compile(r"[\s/?#@\[\]\\,;'\"<>\x00-\x1f\x7f]")

_TLS_NAMES = ("ca", "sni", "cert", "key", "verify")

_VERIFY = {"yes": True, "no": False}

_LOOKS_LIKE_IPV4 = re.compile(r"[0-9.]+")


def parse_target(text: str) -> Target:
    """The target that `text` spells; `str` of it spells it again.

    Raises `UsageError`.
    """
    if text == "echo:":
        return EchoTarget()
    if text.startswith("echo:"):
        raise _wrong(text, "echo: takes nothing behind the colon", "echo:")
    if not text:
        raise _wrong(text, "it is empty", FORMS)
    if text.startswith("unix:"):
        return UnixTarget(_unix_path(text))
    if text.startswith("tls://"):
        return _tls(text)
    if "://" in text:
        raise _wrong(text, "it is a URL", "the host and port alone, such as localhost:5900")
    return _tcp(text)


def _unix_path(text: str) -> str:
    path = text.removeprefix("unix:")
    if not path.startswith("/"):
        raise _wrong(text, "the path is not absolute", "unix:/run/service.sock")
    if "\x00" in path:
        raise _wrong(text, "the path holds a NUL", "unix:/run/service.sock")
    if len(path.encode("utf-8", "replace")) > UNIX_PATH_BYTES:
        limit = f"the path is longer than the {UNIX_PATH_BYTES} bytes of a socket's address"
        raise _wrong(text, limit, "a shorter one")
    return path


def over_tls(target: Target) -> Target:
    """The same service behind TLS, if it is one of TCP."""
    return TlsTarget(target.host, target.port) if isinstance(target, TcpTarget) else target


def parse_pin(text: str) -> str:
    """A SHA-256 digest in lower-case hex.

    It is taken as people have it: in hex, with or without colons (`openssl
    x509 -fingerprint -sha256`), or in base64 (curl's `sha256//`).  Raises
    `UsageError`.
    """
    bare = re.sub(r"^sha256(?:://|//|[:=/])", "", text, flags=re.IGNORECASE)
    plain = bare.replace(":", "")
    try:
        digest = bytes.fromhex(plain) if len(plain) == 64 else b64decode(bare, validate=True)
    except ValueError:
        digest = b""
    if len(digest) != 32:
        raise UsageError(
            f"pin {text[:80]!r} is no SHA-256 digest: give 64 hex digits, or base64 as curl has it"
        )
    return digest.hex()


def _tls(text: str) -> TlsTarget:
    place, _, query = text.removeprefix("tls://").partition("?")
    found = _tcp(place)
    said: dict[str, list[str]] = {}
    for item in filter(None, query.split("&")):
        name, equals, value = item.partition("=")
        if not (equals and value):
            raise _wrong(text, f"{item!r} says nothing", TLS_KEYS)
        said.setdefault(name, []).append(unquote(value))
    pins = tuple(map(parse_pin, said.pop("pin", [])))
    if repeated := next((name for name, values in said.items() if len(values) > 1), None):
        raise _wrong(text, f"{repeated} is said twice", TLS_KEYS)
    return TlsTarget(
        found.host, found.port, _trust(text, {k: v[0] for k, v in said.items()}, pins)
    )


def _trust(text: str, said: dict[str, str], pins: tuple[str, ...]) -> Trust:
    if unknown := next((name for name in said if name not in _TLS_NAMES), None):
        raise _wrong(text, f"{unknown!r} is nothing that a target over TLS has", TLS_KEYS)
    if said.get("verify", "yes") not in _VERIFY:
        raise _wrong(text, f"verify={said['verify']} is neither yes nor no", "verify=no")
    for name in ("ca", "cert", "key"):
        if not said.get(name, "/").startswith("/"):
            raise _wrong(text, f"the path of {name} is not absolute", f"{name}=/etc/ssl/x.pem")
    if "key" in said and "cert" not in said:
        raise _wrong(text, "there is a key and no certificate", "cert=/etc/ssl/x.pem with it")
    if "sni" in said:
        _check_host(text, said["sni"])
    verify = _VERIFY[said.pop("verify")] if "verify" in said else None
    return Trust(pins=pins, verify=verify, **said)


def _tcp(text: str) -> TcpTarget:
    if text.startswith("["):
        return _bracketed(text)
    host, colon, port = text.rpartition(":")
    if _is_ipv6(text) or ":" in host:
        raise _wrong(text, "an IPv6 address needs brackets", "[2001:db8::1]:5900")
    if not colon:
        host, port = ("", text) if text.isascii() and text.isdecimal() else (text, "")
    _check_host(text, host)
    number = _port(text, port, f"{host or 'localhost'}:5900")
    if not host:
        raise _wrong(text, "the host is missing", f"localhost:{number}")
    return TcpTarget(host, number)


def _bracketed(text: str) -> TcpTarget:
    host, bracket, rest = text[1:].partition("]")
    if not bracket:
        raise _wrong(text, "the closing bracket is missing", "[2001:db8::1]:5900")
    if not _is_ipv6(host) or _NO_HOST_CHARACTER.search(host):
        raise _wrong(text, "no IPv6 address stands in the brackets", "[2001:db8::1]:5900")
    port = rest[1:] if rest.startswith(":") else ""
    return TcpTarget(host, _port(text, port, f"[{host}]:5900"))


def _check_host(text: str, host: str) -> None:
    if unfit := _NO_HOST_CHARACTER.search(host):
        raise _wrong(text, f"no host has {unfit[0]!r} in it", FORMS)
    if len(host) > HOST_CHARACTERS:
        raise _wrong(text, f"a host has at most {HOST_CHARACTERS} characters", FORMS)
    if _LOOKS_LIKE_IPV4.fullmatch(host) and not _is_ipv4(host):
        raise _wrong(text, f"{host} is no IPv4 address", "192.0.2.1:5900")


def _port(text: str, port: str, with_port: str) -> int:
    """The number; `with_port` shows what the target would look like with one."""
    if not port:
        raise _wrong(text, "the port is missing", with_port)
    # `int` alone would take signs, blanks, underscores and other scripts' digits.
    if not (port.isascii() and port.isdecimal() and len(port) <= 5 and 0 < int(port) < 65536):
        raise _wrong(text, f"{port!r} is no port", "a number from 1 to 65535")
    return int(port)


def _is_ipv6(host: str) -> bool:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True


def _is_ipv4(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


def _wrong(text: str, what: str, right: str) -> UsageError:
    shown = text if len(text) <= 80 else f"{text[:77]}..."
    return UsageError(f"target {shown!r}: {what}; write {right}")
