"""Which logins the settings mean."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from wsgiref.types import WSGIApplication

from .administration import read_token
from .auth.basic import FORM, BasicLogin, Passwords
from .auth.brake import Brake
from .auth.certificate import CertificateLogin
from .auth.cookie import KEY_OF_THIS_PROCESS, LoginCookies
from .auth.forwarded import TrustedProxies
from .auth.hook import ASK_SECONDS, HookLogin
from .auth.login import EveryLogin, Login, SchemeOf
from .auth.users import Users, parse_file, parse_one
from .config.settings import Settings
from .errors import StartError, UsageError
from .net.clock import SYSTEM, Clock
from .net.dial import Dialer
from .net.httpclient import HttpClient, parse_service
from .net.pool import NativePool
from .net.watched import Watched
from .sources import places_of
from .targets.spelling import parse_target
from .web.guard import Guard
from .web.health import ALIVE, READY
from .web.login import LoginPage


class Logins:
    """All of them, made of the settings.

    `login` is what lets clients in, None where everybody may come.
    """

    def __init__(
        self,
        settings: Settings,
        pool: NativePool,
        brake: Brake,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """Raises `StartError` for files that cannot be read, `UsageError` for half a login."""
        self._settings = settings
        self._pool = pool
        self._scheme = SchemeOf(TrustedProxies(settings.trusted_proxies))
        self._page: LoginPage | None = None
        logins = [*self._make(brake, environ)]
        self.login: Login | None = EveryLogin(logins) if logins else None
        if settings.login_page and self._page is None:
            raise UsageError("--login-page needs names and passwords: --basic-auth")

    def guarded(self, site: WSGIApplication, every: Login | None) -> WSGIApplication:
        """The pages; `--web-auth` puts them behind `every` login, a login page behind ours.

        Raises `UsageError`.
        """
        login = every if self._settings.web_auth else self.login
        if self._settings.web_auth and login is None:
            raise UsageError(
                "--web-auth needs a login: --basic-auth, --auth-url, --verify-client,"
                " --client-cert or --auth-plugin"
            )
        if login is None or not (self._settings.web_auth or self._page):
            return site
        open_paths = (ALIVE, READY) if self._settings.health else ()
        return Guard(site, login, open_paths=open_paths, page=self._page)

    def _make(self, brake: Brake, environ: Mapping[str, str]) -> Iterator[Login]:
        """In their order: what costs least comes first."""
        settings = self._settings
        if settings.verify_client or settings.client_cert:
            plain_passes = settings.lenient and not settings.client_cert
            yield CertificateLogin(settings.client_cert, plain_passes=plain_passes)
        if settings.basic_auth is not None:
            users = find_users(settings.basic_auth, self._pool, environ)
            yield self._by_password(users, brake, environ)
        if settings.auth_url is not None:
            yield self._by_hook(settings.auth_url)

    def _by_password(
        self, users: Callable[[], Users], brake: Brake, environ: Mapping[str, str]
    ) -> BasicLogin:
        if not self._settings.login_page:
            return BasicLogin(Passwords(users, brake, pool=self._pool))
        passwords = Passwords(users, brake, pool=self._pool, challenge=FORM)
        key = _key_of(self._settings.login_key, environ)
        cookies = LoginCookies(passwords.secret_of, seconds=self._settings.login_expires, key=key)
        self._page = LoginPage(passwords, cookies, self._scheme.is_secure)
        return BasicLogin(passwords, cookies)

    def _by_hook(self, url: str) -> HookLogin:
        service = parse_service(url)
        return HookLogin(
            service,
            HttpClient(service, Dialer(self._pool, timeout=ASK_SECONDS)),
            parse_target=parse_target,
            scheme_of=self._scheme.of,
            records=self._settings.record is not None,
            places=places_of(self._settings),
        )


def _key_of(place: str | None, environ: Mapping[str, str]) -> bytes:
    if place is None:
        return KEY_OF_THIS_PROCESS
    return read_token(place, environ, "--login-key").encode()


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
