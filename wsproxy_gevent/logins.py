"""Which logins the settings mean."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from wsgiref.types import WSGIApplication

from .auth.basic import BasicLogin, Passwords
from .auth.brake import Brake
from .auth.certificate import CertificateLogin
from .auth.forwarded import TrustedProxies
from .auth.hook import ASK_SECONDS, HookLogin
from .auth.login import EveryLogin, Login, Visitor
from .auth.users import Users, parse_file, parse_one
from .config.settings import Settings
from .errors import StartError, UsageError
from .net.clock import SYSTEM, Clock
from .net.dial import Dialer
from .net.httpclient import HttpClient, parse_service
from .net.pool import NativePool
from .net.watched import Watched
from .targets.spelling import parse_target
from .web.guard import Guard
from .web.health import ALIVE, READY
from .wire.message import Request


def find_login(settings: Settings, pool: NativePool, brake: Brake) -> Login | None:
    """What lets clients in, None where everybody may come.

    Raises `StartError` for files that cannot be read.
    """
    logins = [*_logins(settings, pool, brake)]
    return EveryLogin(logins) if logins else None


def _logins(settings: Settings, pool: NativePool, brake: Brake) -> Iterator[Login]:
    """In their order: what costs least comes first."""
    if settings.verify_client or settings.client_cert:
        plain_passes = settings.lenient and not settings.client_cert
        yield CertificateLogin(settings.client_cert, plain_passes=plain_passes)
    if settings.basic_auth is not None:
        users = find_users(settings.basic_auth, pool, os.environ)
        yield BasicLogin(Passwords(users, brake, pool=pool))
    if settings.auth_url is not None:
        yield _hook(settings, settings.auth_url, pool)


def _hook(settings: Settings, url: str, pool: NativePool) -> HookLogin:
    service, trusted = parse_service(url), TrustedProxies(settings.trusted_proxies)

    def proto_of(request: Request, visitor: Visitor) -> str:
        forwarded = trusted.first(request.headers, visitor.peer, "x-forwarded-proto")
        return forwarded or ("https" if visitor.secure else "http")

    return HookLogin(
        service,
        HttpClient(service, Dialer(pool, timeout=ASK_SECONDS)),
        parse_target=parse_target,
        proto_of=proto_of,
        records=settings.record is not None,
    )


def guarded(site: WSGIApplication, settings: Settings, login: Login | None) -> WSGIApplication:
    """The pages, behind the logins where `--web-auth` says so.  Raises `UsageError`."""
    if not settings.web_auth:
        return site
    if login is None:
        raise UsageError(
            "--web-auth needs a login: --basic-auth, --auth-url, --verify-client or --client-cert"
        )
    return Guard(site, login, open_paths=(ALIVE, READY) if settings.health else ())


def find_users(
    place: str, pool: NativePool, environ: Mapping[str, str], clock: Clock = SYSTEM
) -> Callable[[], Users]:
    """What gives the users of now, for a value of `--basic-auth`.  Raises `StartError`."""
    kind, _, rest = place.partition(":")
    if kind == "htpasswd":
        watched = Watched("password file", [rest], lambda: _users_of(rest), pool=pool, clock=clock)
        return watched.value
    if kind == "file":
        watched = Watched("password file", [rest], lambda: _user_of(rest), pool=pool, clock=clock)
        return watched.value
    if kind == "env":
        fixed = parse_one(environ.get(rest, ""), f"--basic-auth: the variable {rest}")
    else:
        fixed = parse_one(place, "--basic-auth")
    return lambda: fixed


def _users_of(path: str) -> Users:
    return parse_file(_read(path), path)


def _user_of(path: str) -> Users:
    return parse_one(_read(path).partition("\n")[0].rstrip("\r"), path)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as exc:
        raise StartError(f"--basic-auth: cannot read {path}: {exc}") from exc
