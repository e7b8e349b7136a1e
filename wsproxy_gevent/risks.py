"""What is allowed and may still not be wanted: told by `check`, never refused."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from typing import Final

from . import privileges
from .config.settings import Settings

# Whether TLS is spoken is not in the settings: a default certificate may be missing.
Holds = Callable[[Settings, bool], object]


def risks(settings: Settings, *, secure: bool) -> Iterator[str]:
    """One line for each; `secure` says whether there is a certificate."""
    for holds, text in _RISKS:
        if holds(settings, secure):
            yield text.format(settings=settings)


def _is_open(settings: Settings) -> bool:
    """Whether other machines can reach the port."""
    host = (settings.source or "").rpartition(":")[0]
    is_local = host in ("localhost", "[::1]") or host.startswith("127.")
    return not (settings.unix_listen or is_local)


def _mode(path: str | None) -> int:
    """The permission bits of a file, 0 for none."""
    try:
        return stat.S_IMODE(os.stat(path).st_mode) if path else 0
    except OSError:
        return 0


def _record_directory(settings: Settings) -> str | None:
    path = settings.record
    return path if path is None or os.path.isdir(path) else os.path.dirname(path)


def _is_served(settings: Settings, path: str | None) -> bool:
    """Whether the path lies in what `--web` serves."""
    if not (settings.web and path):
        return False
    root = os.path.realpath(settings.web)
    return os.path.commonpath([root, os.path.realpath(path)]) == root


def _key(settings: Settings) -> str | None:
    named = settings.key or settings.cert
    return named if os.path.isfile(named) else None


def _admin_is_open(settings: Settings) -> bool:
    """Whether a token travels between machines."""
    host = (settings.admin or "unix:").rpartition(":")[0]
    return not (host in ("unix", "localhost", "[::1]") or host.startswith(("unix:", "127.")))


def _admin_token_file(settings: Settings) -> str | None:
    kind, _, path = (settings.admin_token or "").partition(":")
    return path if kind == "file" else None


def _password_file(settings: Settings) -> str | None:
    kind, _, path = (settings.basic_auth or "").partition(":")
    return path if kind in ("htpasswd", "file") else None


def _trusts_all(settings: Settings) -> bool:
    return any(network.endswith("/0") for network in settings.trusted_proxies)


def _stays_root(settings: Settings) -> bool:
    return os.geteuid() == 0 and settings.user is None


_RISKS: Final[tuple[tuple[Holds, str], ...]] = (
    (
        lambda s, secure: secure and not s.ssl_only and _is_open(s),
        "plain connections are served beside TLS; --ssl-only refuses them",
    ),
    (
        lambda s, secure: not secure and _is_open(s),
        "other machines connect without TLS; name a --cert, or put a TLS proxy in front",
    ),
    (
        lambda s, secure: s.lenient and s.verify_client and secure and not s.ssl_only,
        "plain connections need no client certificate; --ssl-only refuses them",
    ),
    (
        lambda s, _: s.ssl_version == "tlsv1_1",
        "clients may choose TLS 1.1, which is broken (--ssl-version)",
    ),
    (
        lambda s, _: s.origin_check == "any",
        "pages of any site may connect in their visitors' name (--origin-check any)",
    ),
    (
        lambda s, _: s.target_insecure,
        "targets over TLS are not verified (--target-insecure); --target-ca or --target-pin is",
    ),
    (
        lambda s, _: s.lenient,
        "with the profile websockify the Origin and Host rules only warn",
    ),
    (lambda s, _: _stays_root(s), privileges.AS_ROOT),
    (
        lambda s, _: s.web and s.listing,
        "directories of {settings.web} are listed; --file-only shows files alone",
    ),
    (
        lambda s, _: _is_served(s, _key(s)),
        "the private key lies under {settings.web} and can be fetched from there",
    ),
    (
        lambda s, _: _is_served(s, _record_directory(s)),
        "records lie under {settings.web} and can be fetched from there",
    ),
    (
        lambda s, _: _mode(_record_directory(s)) & 0o022,
        "others may write to the directory of {settings.record}",
    ),
    (
        lambda s, _: _mode(_key(s)) & 0o007,
        "everybody on this machine may read the private key; chmod o= it",
    ),
    (
        lambda s, _: s.unix_listen and s.unix_listen_mode & 0o007,
        "everybody on this machine may connect to {settings.unix_listen}",
    ),
    (
        lambda s, _: _admin_is_open(s),
        "the token goes to {settings.admin} in plain unless it is asked by https",
    ),
    (
        lambda s, _: _mode(_admin_token_file(s)) & 0o007,
        "everybody on this machine may read the token of {settings.admin_token}; chmod o= it",
    ),
    (
        lambda s, secure: s.basic_auth and not secure and _is_open(s),
        "passwords travel without TLS (--basic-auth); name a --cert, or put a TLS proxy in front",
    ),
    (
        lambda s, _: _mode(_password_file(s)) & 0o007,
        "everybody on this machine may read the file of --basic-auth; chmod o= it",
    ),
    (
        lambda s, _: _is_served(s, _password_file(s)),
        "the file of --basic-auth lies under {settings.web} and can be fetched from there",
    ),
    (
        lambda s, _: _trusts_all(s),
        "the X-Forwarded headers of everybody are believed (--trusted-proxies)",
    ),
)
