"""Where a session may go whose target came with its request.

What the operator wrote on the command line goes anywhere.  A target that a
token, a plugin or a hook has named is data, and data may be made by somebody
else: it never leads to a link-local address (where clouds keep the secrets
of a machine), to a multicast one, or back to ourselves; and `--allow-target`
narrows the rest.

A name says nothing about where it leads.  So what counts is each address that
it resolves to, and those that pass are the very ones that are dialled: nobody
resolves a second time, and a name that changes in between changes nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Network, ip_address, ip_network
from typing import Final

from ..errors import TargetForbidden, UsageError
from ..model import EchoTarget, Target, TcpTarget, TlsTarget, UnixTarget
from ..net.address import Address, IpAddress, IpNetwork, is_here
from ..net.pool import NativePool
from .spelling import over_tls

# A host and a port, or the path of a unix socket.
Bound = tuple[str, int] | str

# Of a symlink on a disk that hangs; seconds.
PATH_SECONDS = 5.0

NEVER: Final[tuple[tuple[IpNetwork, str], ...]] = tuple(
    (ip_network(network), why)
    for network, why in (
        ("169.254.0.0/16", "link-local"),
        ("fe80::/10", "link-local"),
        ("fd00:ec2::254/128", "a cloud's metadata service"),
        ("224.0.0.0/4", "multicast"),
        ("ff00::/8", "multicast"),
        ("255.255.255.255/32", "broadcast"),
        # To connect there is to connect to this machine.
        ("0.0.0.0/8", "no address of a service"),
        ("::/128", "no address of a service"),
    )
)

# Addresses of IPv6 that a gateway turns into IPv4 (RFC 6052, section 2.1).
_NAT64 = IPv6Network("64:ff9b::/96")

_PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_NAME = re.compile(r"\*|(\*\.)?[^\s/?#@\[\]:*]+")
_BRACKETED = re.compile(r"\[([^\[\]]+)\](/[0-9]+)?(?::(.*))?")
_ANY_PORT = range(1, 65536)

FORMS = "host, *.domain, network or unix:/path, with :port or :first-last behind the first three"


@dataclass(frozen=True, slots=True)
class Allowance:
    """One entry of `--allow-target` for TCP: whose addresses, or which name, at which ports."""

    where: IpNetwork | str
    ports: range

    def holds_name(self, host: str, port: int) -> bool:
        """Whether it allows the name, wherever that leads."""
        where = self.where
        if port not in self.ports or not isinstance(where, str):
            return False
        return where in ("*", host) or (where.startswith("*.") and host.endswith(where[1:]))

    def holds_address(self, ip: IpAddress, port: int) -> bool:
        where = self.where
        if isinstance(where, str):
            return where == "*" and port in self.ports
        return port in self.ports and ip in where


class TargetPolicy:
    """Refuses targets that a request may not have; those of `fixed` are the operator's own.

    `allowed` are the entries of `--allow-target`: without any, everything is
    allowed that is not always refused.  `own` is where we listen ourselves.
    With `tls_only` a TCP target is one behind TLS.
    Raises `UsageError` for an entry that says nothing.
    """

    def __init__(
        self,
        allowed: Sequence[str] = (),
        *,
        fixed: Collection[Target] = (),
        own: Iterable[Bound] = (),
        tls_only: bool = False,
        pool: NativePool | None = None,
    ) -> None:
        self._fixed = tuple(fixed)
        self._tls_only = tls_only
        entries = [parse_allowance(text) for text in allowed]
        self._allowances = [entry for entry in entries if isinstance(entry, Allowance)]
        self._paths = [entry for entry in entries if isinstance(entry, str)]
        self.restricts = bool(entries)
        bound = list(own)
        self._own = [entry for entry in bound if not isinstance(entry, str)]
        self._own_paths = {os.path.realpath(path) for path in bound if isinstance(path, str)}
        self._pool = pool or NativePool(1)

    def admit(self, target: Target) -> Target:
        """The target as it is to be dialled, if that may be.  Never switches.

        Raises `TargetForbidden` for what is refused before a name is resolved.
        """
        target = over_tls(target) if self._tls_only else target
        if target not in self._fixed and not isinstance(target, EchoTarget | UnixTarget):
            self._check_host(target)
        return target

    def _check_host(self, target: TcpTarget | TlsTarget) -> None:
        ip = ip_or_none(target.host)
        if ip is not None:
            self._check_address(target, ip, target.port, named=False)
        elif self.restricts and not self._may_resolve(target.host, target.port):
            raise _not_listed(target)

    def screen(self, target: Target, addresses: Sequence[Address]) -> list[Address]:
        """Those of its addresses that may be dialled, at least one.  May switch for a path.

        Raises `TargetForbidden`, or `Busy`.
        """
        if target in self._fixed or isinstance(target, EchoTarget):
            return list(addresses)
        if isinstance(target, UnixTarget):
            return [self._screened_path(target, address) for address in addresses]
        named = ip_or_none(target.host) is None and self._names(target.host, target.port)
        passed: list[Address] = []
        refusals: list[TargetForbidden] = []
        for address in addresses:
            ip = ip_address(str(address.sockaddr[0]).partition("%")[0])
            try:
                self._check_address(target, ip, target.port, named=named)
            except TargetForbidden as error:
                refusals.append(error)
            else:
                passed.append(address)
        if refusals and not passed:
            raise refusals[0]
        return passed

    # -- Addresses ---------------------------------------------------------------------

    def _names(self, host: str, port: int) -> bool:
        """Whether the list has the name itself, wherever it leads."""
        return any(entry.holds_name(_plain(host), port) for entry in self._allowances)

    def _may_resolve(self, host: str, port: int) -> bool:
        """Whether the list has the name, or networks in which it may turn out to be."""
        networks = [entry for entry in self._allowances if not isinstance(entry.where, str)]
        return self._names(host, port) or any(port in entry.ports for entry in networks)

    def _check_address(self, target: Target, ip: IpAddress, port: int, *, named: bool) -> None:
        """`named` says that the list has the name that led here."""
        ip = embedded_or_same(ip)
        for network, why in NEVER:
            if ip in network:
                raise _never(target, f"{ip} is {why}")
        if self._is_ours(ip, port):
            raise _never(target, "that is this proxy itself")
        listed = named or any(entry.holds_address(ip, port) for entry in self._allowances)
        if self.restricts and not listed:
            raise _not_listed(target, str(ip))

    def _is_ours(self, ip: IpAddress, port: int) -> bool:
        return any(_reaches(ip, host) for host, bound in self._own if bound == port)

    # -- Paths -------------------------------------------------------------------------

    def _screened_path(self, target: UnixTarget, address: Address) -> Address:
        """The socket behind all symlinks, which is the one that is dialled.  May switch."""
        path = self._pool.call(os.path.realpath, target.path, timeout=PATH_SECONDS)
        if path in self._own_paths:
            raise _never(target, "that is this proxy itself")
        if self.restricts and not any(_is_below(path, entry) for entry in self._paths):
            raise _not_listed(target, path)
        return Address(address.family, path)


def parse_allowance(text: str) -> Allowance | str:
    """One entry of `--allow-target`; a unix path, whose final slash stands for all below it.

    Raises `UsageError`.
    """
    if text.startswith("unix:/") and "\x00" not in text:
        path = text.removeprefix("unix:")
        return os.path.realpath(path) + ("/" if path.endswith("/") else "")
    if network := _network_or_none(text):
        return Allowance(network, _ANY_PORT)
    where, ports = _split(text)
    if network := _network_or_none(where):
        return Allowance(network, _ports(text, ports))
    if not _NAME.fullmatch(where):
        raise _no_entry(text)
    return Allowance(_plain(where), _ports(text, ports))


def embedded_or_same(ip: IpAddress) -> IpAddress:
    """The IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


def ip_or_none(host: str) -> IpAddress | None:
    """The address that a literal writes, its zone left aside; None for a name."""
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _reaches(ip: IpAddress, host: str) -> bool:
    """Whether a connection to `ip` comes to a socket that is bound to `host`."""
    bound = ip_or_none(host)
    if bound is None:
        return False
    return is_here(ip) if bound.is_unspecified else ip == embedded_or_same(bound)


def _is_below(path: str, entry: str) -> bool:
    return path.startswith(entry) if entry.endswith("/") else path == entry


def _plain(name: str) -> str:
    return name.lower().rstrip(".")


def _split(text: str) -> tuple[str, str | None]:
    """Where, and the ports if any are said; `[2001:db8::]/32` and `[2001:db8::/32]` are alike."""
    if match := _BRACKETED.fullmatch(text):
        return match[1] + (match[2] or ""), match[3]
    where, colon, ports = text.rpartition(":")
    return (where, ports) if colon else (text, None)


def _network_or_none(text: str) -> IpNetwork | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _ports(text: str, ports: str | None) -> range:
    if ports is None:
        return _ANY_PORT
    match = _PORTS.fullmatch(ports)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 0 < first <= last < 65536:
        raise _no_entry(text)
    return range(first, last + 1)


def _no_entry(text: str) -> UsageError:
    return UsageError(f"--allow-target {text!r} allows nothing: write {FORMS}")


def _never(target: Target, why: str) -> TargetForbidden:
    return TargetForbidden(
        "this target's address is one that no request is led to", detail=f"{target}: {why}"
    )


def _not_listed(target: Target, where: str = "") -> TargetForbidden:
    found = f" ({where})" if where else ""
    return TargetForbidden(
        "this target is not among those that --allow-target names",
        detail=f"{target}{found} is not among those of --allow-target",
    )
