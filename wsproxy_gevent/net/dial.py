"""Reach the target: find its addresses, and take the first that answers."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence

import gevent
from gevent import monkey

from ..errors import (
    TargetError,
    TargetReset,
    TargetTimeout,
    TargetUnreachable,
    TargetUntrusted,
)
from ..model import Dialled, TcpTarget, TlsTarget, UnixTarget
from .address import Address, from_addrinfo, interleaved, numeric_or_none
from .clock import Deadline
from .pool import NativePool, PoolTimeout
from .race import first_to_connect
from .stream import Stream, StreamBroken, tune
from .streams import PlainStream, Socket
from .tls_target import TlsTowards

# A name with more addresses than this will not be saved by the ninth.
MOST_ADDRESSES = 8

# Between the attempts of a dialer that waits for its target to start.
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0


# Which of a target's addresses may be dialled.
Screen = Callable[[Dialled, Sequence[Address]], list[Address]]


def everywhere(_: Dialled, addresses: Sequence[Address]) -> list[Address]:
    """No address is refused."""
    return list(addresses)


class Dialer:
    """Connects to targets.

    `timeout` bounds one dial, names included; `name_timeout` the names alone
    (seconds).  With `wait` a target that cannot be reached is tried again
    for that many seconds: machines boot while people click.  `screen` is
    shown the addresses of each target and returns those that are dialled;
    it may switch, and its errors end the dial.  `tls` knows whom to trust.
    """

    def __init__(
        self,
        pool: NativePool,
        *,
        timeout: float = 10.0,
        name_timeout: float = 5.0,
        wait: float = 0.0,
        screen: Screen = everywhere,
        tls: TlsTowards | None = None,
    ) -> None:
        self._pool = pool
        self._timeout = timeout
        self._name_timeout = name_timeout
        self._wait = wait
        self._screen = screen
        self._tls = tls or TlsTowards(pool)

    def dial(self, target: Dialled, ahead: bytes = b"") -> Stream:
        """Return a connection to the target.  May switch.

        `ahead` is sent before anything else, before TLS too.  Raises a
        `TargetError`, `Busy` if descriptors, memory or native threads have
        run out, and what `screen` raises.
        """
        if not self._wait:
            return self._dial_once(target, ahead)
        patience, pause = Deadline(self._wait), FIRST_PAUSE
        while True:
            try:
                return self._dial_once(target, ahead)
            except TargetUntrusted:
                raise  # no waiting makes it another
            except TargetError:
                if patience.passed:
                    raise
            gevent.sleep(min(pause, patience.left))
            pause = min(2 * pause, LONGEST_PAUSE)

    def _dial_once(self, target: Dialled, ahead: bytes) -> Stream:
        """May switch."""

        def too_late() -> TargetTimeout:
            return TargetTimeout(
                "the target did not answer in time", detail=f"{target}: {self._timeout:g} s"
            )

        with Deadline(self._timeout).enforce(too_late):
            sock = first_to_connect(self._screen(target, self._addresses(target)))
            plain = _tuned(sock, target)
            try:
                return self._begun(plain, target, ahead)
            except BaseException:
                plain.abort()
                raise

    def _begun(self, plain: PlainStream, target: Dialled, ahead: bytes) -> Stream:
        """May switch."""
        if ahead:
            try:
                plain.write_all(ahead)
            except StreamBroken as exc:
                raise _hung_up(target, exc) from exc
        return self._tls.connect(plain, target) if isinstance(target, TlsTarget) else plain

    def _addresses(self, target: Dialled) -> list[Address]:
        """Where the target is; a literal asks no resolver.  May switch."""
        if isinstance(target, UnixTarget):
            return [Address(socket.AF_UNIX, target.path)]
        numeric = numeric_or_none(target.host, target.port)
        return [numeric] if numeric else self._resolve(target)

    def _resolve(self, target: TcpTarget | TlsTarget) -> list[Address]:
        """Ask the system's resolver on a native thread.  May switch."""
        # The original, for the patched one would start a hub in the thread.
        getaddrinfo: Callable[..., list[tuple[object, ...]]]
        getaddrinfo = monkey.get_original("socket", "getaddrinfo")
        question = (target.host, target.port, 0, socket.SOCK_STREAM)
        try:
            found = self._pool.call(getaddrinfo, *question, timeout=self._name_timeout)
        except PoolTimeout as exc:
            raise TargetTimeout(
                "the target's name was not resolved in time", detail=f"{target}: {exc.detail}"
            ) from exc
        except (OSError, ValueError) as exc:
            raise TargetUnreachable(
                "the target's name is not known to the proxy", detail=f"{target}: {exc}"
            ) from exc
        return interleaved(from_addrinfo(found))[:MOST_ADDRESSES]


def _tuned(sock: Socket, target: Dialled) -> PlainStream:
    try:
        tune(sock)
    except StreamBroken as exc:
        sock.close()
        raise _hung_up(target, exc) from exc
    return PlainStream(sock)


def _hung_up(target: Dialled, exc: StreamBroken) -> TargetReset:
    return TargetReset("the target hung up at once", detail=f"{target}: {exc}")
