"""Where this process listens: bound before a fork, served behind it."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from . import activation
from .config.settings import Settings
from .errors import StartError
from .inetd import take_stdin
from .model import join_host_port
from .net.listen import BACKLOG, bind, parse_source
from .net.unix import UnixFile, bind_unix, make_way

# A host and a port, or the path of a unix socket (empty: it has no name).
Bound = tuple[str, int] | str


@dataclass(frozen=True, slots=True)
class Listening:
    """The bound sockets, and where they are bound.

    `connection` is there instead where inetd has accepted for us: the only
    client that there will be.  `file` is that of a unix socket of our own.
    `admin` is where operators are answered, if they are.
    """

    sockets: list[socket.socket]
    bound: Sequence[Bound]
    connection: socket.socket | None = None
    file: UnixFile | None = None
    admin: Listening | None = None

    @classmethod
    def open(cls, settings: Settings) -> Listening:
        """Bind what the settings say, or take what we were started with.

        A port that nobody named gives way to a free one.  Raises `StartError`.
        """
        # The admin's first: who finds the port open finds the other, too.
        admin = cls._admin(settings.admin) if settings.admin else None
        try:
            return replace(cls._public(settings), admin=admin)
        except StartError:
            if admin is not None:
                admin.close()
            raise

    @classmethod
    def _admin(cls, address: str) -> Listening:
        path = address.removeprefix("unix:")
        if path != address:
            sock, file = bind_unix(path, 0o600)
            return cls([sock], [path], file=file)
        return cls.of(bind(*parse_source(address)))

    @classmethod
    def _public(cls, settings: Settings) -> Listening:
        if settings.sockets_given:
            return cls.of(activation.take(settings.sockets_given))
        if settings.inetd:
            return cls._of_inetd(take_stdin())
        if settings.unix_listen:
            sock, file = bind_unix(settings.unix_listen, settings.unix_listen_mode)
            return cls([sock], [settings.unix_listen], file=file)
        return cls.of(_bind_source(settings))

    @classmethod
    def of(cls, sockets: list[socket.socket]) -> Listening:
        """Those that are bound and listen already."""
        return cls(sockets, [_bound(sock) for sock in sockets])

    @classmethod
    def _of_inetd(cls, sock: socket.socket) -> Listening:
        if activation.is_listening(sock):
            return cls.of([sock])
        try:
            sock.getpeername()
        except OSError as error:
            raise StartError("--inetd: standard input neither listens nor is connected") from error
        return cls([], [_bound(sock)], connection=sock)

    def adopt(self, sockets: list[socket.socket]) -> Listening:
        """The same, by descriptors of another process: the admin's behind ours.

        The files remain whose they were.
        """
        count = len(self.bound)
        admin = self.admin and replace(self.admin, sockets=sockets[count:], file=None)
        return replace(self, sockets=sockets[:count], file=None, admin=admin)

    def apart(self, admin: str | None) -> Listening:
        """With the sockets that are bound to that address as the admin's, if any are."""
        found = [i for i, address in enumerate(self.addresses) if _absolute(address) == admin]
        if not found:
            return self
        rest = [i for i in range(len(self.sockets)) if i not in found]
        return replace(self._only(rest), admin=self._only(found))

    def _only(self, which: list[int]) -> Listening:
        return Listening([self.sockets[i] for i in which], [self.bound[i] for i in which])

    @property
    def all_sockets(self) -> list[socket.socket]:
        """In the order in which `adopt` takes them."""
        return [*self.sockets, *self.admin_sockets]

    @property
    def admin_sockets(self) -> list[socket.socket]:
        return self.admin.sockets if self.admin else []

    def close(self) -> None:
        """Leave the port and the admin's address; may be called again."""
        self.close_public()
        if self.admin is not None:
            self.admin.close()

    def close_public(self) -> None:
        """Leave the port; operators may still ask.  May be called again."""
        for sock in self.sockets:
            sock.close()
        if self.file is not None:
            self.file.remove()

    @property
    def addresses(self) -> list[str]:
        return [_spelt(bound) for bound in self.bound]

    @property
    def on_loopback(self) -> bool:
        """Whether browsers can connect, and only those of this machine."""
        hosts = [bound[0] for bound in self.bound if not isinstance(bound, str)]
        return bool(hosts) and all(ipaddress.ip_address(host).is_loopback for host in hosts)

    @property
    def page(self) -> str | None:
        """The authority under which a browser on this machine finds us, if one can."""
        bound = next((bound for bound in self.bound if not isinstance(bound, str)), None)
        if bound is None:
            return None
        host, port = bound
        address = ipaddress.ip_address(host)
        if address.is_unspecified:
            host = "127.0.0.1" if address.version == 4 else "::1"
        return join_host_port(host, port)


def why_not(settings: Settings) -> StartError | None:
    """What a start would find wrong with the port, found without listening there."""
    return _why_not_public(settings) or _why_not_admin(settings.admin)


def _why_not_admin(address: str | None) -> StartError | None:
    if address is None:
        return None
    path = address.removeprefix("unix:")
    try:
        if path != address:
            make_way(path, remove=False)
        else:
            for sock in bind(*parse_source(address), backlog=0):
                sock.close()
    except StartError as error:
        return error
    return None


def _why_not_public(settings: Settings) -> StartError | None:
    if settings.sockets_given or settings.inetd:
        return None
    try:
        if settings.unix_listen:
            make_way(settings.unix_listen, remove=False)
        else:
            for sock in _bind_source(settings, backlog=0):
                sock.close()
    except StartError as error:
        return error
    return None


def _bind_source(settings: Settings, backlog: int = BACKLOG) -> list[socket.socket]:
    host, port = parse_source(settings.source or "")
    listen = partial(
        bind,
        host,
        prefer_ipv6=settings.prefer_ipv6,
        reuse_port=settings.reuse_port,
        backlog=backlog,
    )
    try:
        return listen(port)
    except StartError:
        if settings.source_named:
            raise
        return listen(0)


def _bound(sock: socket.socket) -> Bound:
    name = sock.getsockname()
    if isinstance(name, bytes):  # an abstract name, which begins with a NUL
        return "@" + name[1:].decode("utf-8", "replace")
    if isinstance(name, str):
        return name
    host, port = name[:2]
    return (host.removeprefix("::ffff:") if "." in host else host).partition("%")[0], port


def _absolute(address: str) -> str:
    """A unix socket may have been bound by a relative path."""
    path = address.removeprefix("unix:")
    return address if path == address else f"unix:{os.path.abspath(path)}"


def _spelt(bound: Bound) -> str:
    return f"unix:{bound}" if isinstance(bound, str) else join_host_port(*bound)
