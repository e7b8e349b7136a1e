"""The target policy: what a request's own target may be, address by address."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsproxy_gevent.errors import TargetForbidden, TargetRefused, UsageError
from wsproxy_gevent.model import EchoTarget, Target, TcpTarget, TlsTarget, Trust, UnixTarget
from wsproxy_gevent.net.address import Address
from wsproxy_gevent.net.dial import Dialer
from wsproxy_gevent.net.pool import NativePool
from wsproxy_gevent.targets.policy import TargetPolicy, embedded_or_same, parse_allowance
from wsproxy_gevent.targets.spelling import parse_target


@pytest.fixture
def pool() -> Iterator[NativePool]:
    made = NativePool(1)
    yield made
    made.close()


def v4(host: str, port: int = 5900) -> Address:
    return Address(socket.AF_INET, (host, port))


def v6(host: str, port: int = 5900) -> Address:
    return Address(socket.AF_INET6, (host, port, 0, 0))


def address_of(host: str, port: int = 5900) -> Address:
    return v6(host, port) if ":" in host else v4(host, port)


def passes(policy: TargetPolicy, text: str, *resolved: str) -> bool:
    """Whether a target may be dialled that resolves to these, or is an address itself."""
    target = parse_target(text)
    assert isinstance(target, TcpTarget)
    addresses = [address_of(host, target.port) for host in resolved or (target.host,)]
    try:
        policy.admit(target)
        return policy.screen(target, addresses) == addresses
    except TargetForbidden:
        return False


# -- What is always refused ------------------------------------------------------------

NEVER = [
    "169.254.169.254",
    "169.254.0.1",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1",
    "fd00:ec2::254",
    "224.0.0.1",
    "239.255.255.255",
    "ff02::1",
    "255.255.255.255",
    "0.0.0.0",
    "0.1.2.3",
    "::",
    "::ffff:169.254.169.254",
    "::ffff:0.0.0.0",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
]

ALLOWED = ["127.0.0.1", "10.0.0.7", "192.0.2.7", "::1", "fd00::7", "2001:db8::7", "fec0::1"]


@pytest.mark.parametrize("host", NEVER)
def test_no_request_is_led_there_whatever_the_list_says(host: str) -> None:
    target = TcpTarget(host, 5900)
    for policy in (TargetPolicy(), TargetPolicy(["0.0.0.0/0", "::/0", "*"])):
        with pytest.raises(TargetForbidden):
            policy.admit(target)
        with pytest.raises(TargetForbidden):
            policy.screen(TcpTarget("name.example", 5900), [address_of(host)])


@pytest.mark.parametrize("host", ALLOWED)
def test_loopback_and_private_addresses_are_the_operators_to_name(host: str) -> None:
    assert passes(TargetPolicy(), f"[{host}]:5900" if ":" in host else f"{host}:5900")


@pytest.mark.parametrize("host", NEVER)
def test_the_operators_own_target_goes_anywhere(host: str) -> None:
    target = TcpTarget(host, 5900)
    policy = TargetPolicy(["elsewhere.example"], fixed=[target])
    policy.admit(target)
    assert policy.screen(target, [address_of(host)]) == [address_of(host)]


def test_of_several_addresses_only_those_that_pass_are_dialled() -> None:
    addresses = [v6("fe80::1"), v4("10.0.0.7"), v4("169.254.169.254")]
    assert TargetPolicy().screen(TcpTarget("vm.local", 5900), addresses) == [v4("10.0.0.7")]


def test_the_client_is_told_no_address_and_the_log_is() -> None:
    with pytest.raises(TargetForbidden) as refused:
        TargetPolicy().screen(TcpTarget("rebound.example", 80), [v4("169.254.169.254", 80)])
    assert "169" not in refused.value.reason
    assert refused.value.detail == "rebound.example:80: 169.254.169.254 is link-local"
    assert (refused.value.http_status, refused.value.close_code) == (403, 1008)


def test_the_echo_leads_nowhere() -> None:
    TargetPolicy(["a.example"]).admit(EchoTarget())
    assert TargetPolicy(["a.example"]).screen(EchoTarget(), []) == []


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_the_same_inside_ipv6(ip: IPv4Address) -> None:
    inside = [f"::ffff:{ip}", f"64:ff9b::{ip}", str(IPv6Address((0x2002 << 112) | int(ip) << 80))]
    plain = passes(TargetPolicy(), f"{ip}:80")
    assert [passes(TargetPolicy(), f"[{host}]:80") for host in inside] == [plain] * 3


def test_tls_makes_no_target_another() -> None:
    for target in (TlsTarget("169.254.1.1", 80), TlsTarget("127.0.0.1", 6080)):
        with pytest.raises(TargetForbidden):
            TargetPolicy(own=[("0.0.0.0", 6080)]).admit(target)
    fixed = TlsTarget("169.254.1.1", 80, Trust(verify=False))
    policy = TargetPolicy(fixed=[fixed])
    assert policy.admit(fixed) is fixed
    for other in (TlsTarget("169.254.1.1", 80), TcpTarget("169.254.1.1", 80)):
        with pytest.raises(TargetForbidden):
            policy.admit(other)


# -- Ourselves -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bound", "target"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "::ffff:127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("0.0.0.0", "127.9.9.9"),
        ("::", "127.0.0.1"),
        ("::", "::1"),
        ("::1", "::1"),
        ("192.0.2.7", "192.0.2.7"),
    ],
)
def test_our_own_listener_is_no_target(bound: str, target: str) -> None:
    policy = TargetPolicy(own=[(bound, 6080)])
    with pytest.raises(TargetForbidden, match="no request is led to") as refused:
        policy.admit(TcpTarget(target, 6080))
    assert "this proxy itself" in refused.value.detail
    policy.admit(TcpTarget(target, 6081))


def test_another_address_at_our_port_is_a_target() -> None:
    policy = TargetPolicy(own=[("0.0.0.0", 6080), ("127.0.0.1", 6081)])
    policy.admit(TcpTarget("192.0.2.7", 6080))
    policy.admit(TcpTarget("2001:db8::7", 6080))
    policy.admit(TcpTarget("127.0.0.2", 6081))


def test_our_own_socket_is_no_target_by_any_path(tmp_path: Path, pool: NativePool) -> None:
    own, link = str(tmp_path / "own.sock"), str(tmp_path / "link.sock")
    os.symlink(own, link)
    policy = TargetPolicy(own=[own], pool=pool)
    for path in (own, link, f"{tmp_path}/../{tmp_path.name}/own.sock"):
        with pytest.raises(TargetForbidden):
            policy.screen(UnixTarget(path), [Address(socket.AF_UNIX, path)])


# -- `--allow-target` ------------------------------------------------------------------

LISTED = [
    ("vm1.example", "vm1.example:5900", ["10.0.0.7"]),
    ("VM1.example.", "vm1.EXAMPLE.:1", ["10.0.0.7"]),
    ("vm1.example:5900", "vm1.example:5900", ["10.0.0.7"]),
    ("vm1.example:5900-5910", "vm1.example:5910", ["10.0.0.7"]),
    ("*.vms.example", "a.b.vms.example:1", ["10.0.0.7"]),
    ("*:5900-5999", "anything.example:5950", ["10.0.0.7"]),
    ("*:5900-5999", "10.0.0.7:5950", []),
    ("10.0.0.0/8", "10.1.2.3:80", []),
    ("10.0.0.0/8:80", "10.1.2.3:80", []),
    ("10.0.0.0/8", "named.example:80", ["10.1.2.3"]),
    ("10.0.0.7", "named.example:80", ["10.0.0.7"]),
    ("2001:db8::/32", "[2001:db8::7]:80", []),
    ("[2001:db8::]/32:80", "[2001:db8::7]:80", []),
    ("[2001:db8::/32]:80", "[2001:db8::7]:80", []),
    ("[2001:db8::7]:80", "[2001:db8::7]:80", []),
    ("[2001:db8::7]", "[2001:db8::7]:80", []),
    ("10.0.0.0/8", "[::ffff:10.1.2.3]:80", []),
]

NOT_LISTED = [
    ("vm1.example", "vm2.example:5900", ["10.0.0.7"]),
    ("vm1.example", "vm1.example.evil.example:5900", ["10.0.0.7"]),
    ("vm1.example", "xvm1.example:5900", ["10.0.0.7"]),
    ("vm1.example:5900", "vm1.example:22", ["10.0.0.7"]),
    ("vm1.example:5900-5910", "vm1.example:5911", ["10.0.0.7"]),
    ("*.vms.example", "vms.example:1", ["10.0.0.7"]),
    ("*.vms.example", "evilvms.example:1", ["10.0.0.7"]),
    ("*:5900", "10.0.0.7:22", []),
    ("10.0.0.0/8", "11.0.0.1:80", []),
    ("10.0.0.0/8:80", "10.0.0.1:81", []),
    ("10.0.0.0/8", "named.example:80", ["192.0.2.1"]),
    ("10.0.0.0/8:80", "named.example:81", ["10.0.0.1"]),
    ("vm1.example", "10.0.0.7:5900", []),
    ("*.7", "10.0.0.7:5900", []),
    ("unix:/run/", "10.0.0.7:5900", []),
]


@pytest.mark.parametrize(("entry", "target", "resolved"), LISTED)
def test_what_the_list_names_is_allowed(entry: str, target: str, resolved: list[str]) -> None:
    assert passes(TargetPolicy(["other.example:1", entry]), target, *resolved)


@pytest.mark.parametrize(("entry", "target", "resolved"), NOT_LISTED)
def test_what_the_list_does_not_name_is_refused(
    entry: str, target: str, resolved: list[str]
) -> None:
    assert not passes(TargetPolicy([entry]), target, *resolved)


def test_a_name_that_can_be_nowhere_allowed_is_refused_before_it_is_resolved() -> None:
    policy = TargetPolicy(["10.0.0.0/8:80", "vm.example:81"])
    policy.admit(TcpTarget("any.example", 80))
    for host, port in (("any.example", 81), ("vm.example", 82)):
        with pytest.raises(TargetForbidden, match="--allow-target"):
            policy.admit(TcpTarget(host, port))


def test_a_list_of_paths_is_held_to_behind_symlinks(tmp_path: Path, pool: NativePool) -> None:
    vms, other = tmp_path / "vms", tmp_path / "other"
    vms.mkdir()
    other.mkdir()
    os.symlink(other / "docker.sock", vms / "vm2")
    os.symlink(vms / "vm1", other / "by-another-name")
    policy = TargetPolicy([f"unix:{vms}/", f"unix:{other}/one"], pool=pool)

    def dialled(path: Path) -> str:
        screened = policy.screen(UnixTarget(str(path)), [Address(socket.AF_UNIX, str(path))])
        return str(screened[0].sockaddr)

    assert dialled(vms / "vm1") == str(vms / "vm1")
    assert dialled(other / "by-another-name") == str(vms / "vm1")
    assert dialled(other / "one") == str(other / "one")
    for path in (vms / "vm2", vms / ".." / "other" / "x", tmp_path / "vmsx", other / "one" / "x"):
        with pytest.raises(TargetForbidden):
            dialled(path)


@pytest.mark.parametrize(
    "text",
    [
        "unix:/run/a\x00b",
        *("", ":5900", "host:", "host:vnc", "host:0", "host:70000", "host:9-8", "a b", "user@h"),
        *(
            "http://x",
            "*x",
            "a.*.b",
            "[::1",
            "[::1]59",
            "[::1]:",
            "unix:relative",
            "h/33",
            "x:1:2",
        ),
    ],
)
def test_an_entry_that_allows_nothing_is_an_error(text: str) -> None:
    with pytest.raises(UsageError, match="allows nothing"):
        parse_allowance(text)


@given(st.text(st.sampled_from("a1.:[]/%-*unix_ \x00é"), max_size=14) | st.text(max_size=14))
def test_any_text_is_an_entry_or_an_error(text: str) -> None:
    try:
        entry = parse_allowance(text)
    except UsageError:
        return
    assert isinstance(entry, str) or entry.ports


@pytest.mark.parametrize(
    ("ip", "embedded"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("64:ff9b::192.0.2.1", "192.0.2.1"),
        ("2002:c000:201::", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
    ],
)
def test_an_ipv4_address_inside_another_is_looked_at(ip: str, embedded: str) -> None:
    assert embedded_or_same(ip_address(ip)) == ip_address(embedded)


# -- In the dialer ---------------------------------------------------------------------


class Rebinding(NativePool):
    """A resolver whose next answer is another one."""

    def __init__(self, *answers: str) -> None:
        super().__init__(1)
        self._answers = list(answers)

    def call(self, *_: object, timeout: float) -> list[tuple[object, ...]]:  # type: ignore[override]
        host = self._answers.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 1))]


def test_the_checked_address_is_the_one_that_is_dialled() -> None:
    """A name that would lead elsewhere the next time it is asked for is asked for once."""
    resolver = Rebinding("127.0.0.1", "169.254.169.254")
    with pytest.raises(TargetRefused) as refused:
        Dialer(resolver, screen=TargetPolicy().screen).dial(TcpTarget("rebinding.example", 1))
    assert "127.0.0.1:1" in refused.value.detail


def test_each_attempt_of_a_patient_dialer_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wsproxy_gevent.net.dial.FIRST_PAUSE", 0.001)
    resolver = Rebinding("127.0.0.1", "169.254.169.254")
    dialer = Dialer(resolver, wait=5, screen=TargetPolicy().screen)
    with pytest.raises(TargetForbidden):
        dialer.dial(TcpTarget("rebinding.example", 1))


def test_a_target_is_told_from_the_operators_by_what_it_is() -> None:
    fixed: Target = TcpTarget("169.254.1.1", 80)
    policy = TargetPolicy(fixed=[fixed])
    policy.admit(TcpTarget("169.254.1.1", 80))
    with pytest.raises(TargetForbidden):
        policy.admit(TcpTarget("169.254.1.1", 81))
