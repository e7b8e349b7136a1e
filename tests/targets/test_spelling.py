from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsproxy_gevent.errors import UsageError
from wsproxy_gevent.model import EchoTarget, Target, TcpTarget, TlsTarget, Trust, UnixTarget
from wsproxy_gevent.targets.spelling import over_tls, parse_pin, parse_target

PIN = "01ab" * 16

RIGHT: list[tuple[str, Target]] = [
    ("localhost:5900", TcpTarget("localhost", 5900)),
    ("192.0.2.7:1", TcpTarget("192.0.2.7", 1)),
    ("vm-17.example.org:65535", TcpTarget("vm-17.example.org", 65535)),
    ("vm_17:80", TcpTarget("vm_17", 80)),
    ("1st.example:80", TcpTarget("1st.example", 80)),
    ("bücher.example:80", TcpTarget("bücher.example", 80)),
    ("localhost:05900", TcpTarget("localhost", 5900)),
    ("[::1]:5900", TcpTarget("::1", 5900)),
    ("[2001:db8::7]:5900", TcpTarget("2001:db8::7", 5900)),
    ("[fe80::1%eth0]:5900", TcpTarget("fe80::1%eth0", 5900)),
    ("[::ffff:192.0.2.7]:80", TcpTarget("::ffff:192.0.2.7", 80)),
    ("unix:/run/vnc.sock", UnixTarget("/run/vnc.sock")),
    ("unix:/run/with space:5900", UnixTarget("/run/with space:5900")),
    ("unix:/" + "x" * 106, UnixTarget("/" + "x" * 106)),
    ("echo:", EchoTarget()),
    ("tls://vm.example:5901", TlsTarget("vm.example", 5901)),
    ("tls://[::1]:5901", TlsTarget("::1", 5901)),
    ("tls://vm:1?verify=no", TlsTarget("vm", 1, Trust(verify=False))),
    ("tls://vm:1?verify=yes&sni=a.b", TlsTarget("vm", 1, Trust(sni="a.b", verify=True))),
    ("tls://vm:1?ca=/a%20b%26c.pem", TlsTarget("vm", 1, Trust(ca="/a b&c.pem"))),
    ("tls://vm:1?ca=/a=b+c.pem", TlsTarget("vm", 1, Trust(ca="/a=b+c.pem"))),
    ("tls://vm:1?cert=/c.pem&key=/k.pem", TlsTarget("vm", 1, Trust(cert="/c.pem", key="/k.pem"))),
    (f"tls://vm:1?pin={PIN}", TlsTarget("vm", 1, Trust(pins=(PIN,)))),
    (f"tls://vm:1?pin={PIN}&pin={'0' * 64}", TlsTarget("vm", 1, Trust(pins=(PIN, "0" * 64)))),
]

# One digest, as people have it.
PINS = [
    PIN,
    PIN.upper(),
    ":".join(PIN[at : at + 2] for at in range(0, 64, 2)).upper(),
    f"sha256:{PIN}",
    f"SHA256:{PIN}",
    f"sha256//{base64.b64encode(bytes.fromhex(PIN)).decode()}",
    f"sha256/{base64.b64encode(bytes.fromhex(PIN)).decode()}",
    base64.b64encode(bytes.fromhex(PIN)).decode(),
]


@pytest.mark.parametrize("text", PINS)
def test_a_pin_is_taken_as_people_have_it(text: str) -> None:
    assert parse_pin(text) == PIN
    assert parse_target(f"tls://vm:1?pin={text}") == TlsTarget("vm", 1, Trust(pins=(PIN,)))


@pytest.mark.parametrize("text", ["", "sha256:", PIN[:-1], PIN + "00", "md5:" + PIN, "é" * 64])
def test_what_is_no_pin(text: str) -> None:
    with pytest.raises(UsageError, match="no SHA-256 digest"):
        parse_pin(text)


def test_a_tcp_target_can_be_put_behind_tls() -> None:
    assert over_tls(TcpTarget("vm", 1)) == TlsTarget("vm", 1)
    for other in (EchoTarget(), UnixTarget("/x"), TlsTarget("vm", 1, Trust(verify=False))):
        assert over_tls(other) is other


# Text, a part of what was wrong, a part of what would be right.
WRONG = [
    ("", "it is empty", "host:port"),
    ("localhost", "port is missing", "localhost:5900"),
    ("5900", "host is missing", "localhost:5900"),
    (":5900", "host is missing", "localhost:5900"),
    ("localhost:", "port is missing", "localhost:5900"),
    ("localhost:0", "'0' is no port", "1 to 65535"),
    ("localhost:65536", "'65536' is no port", "1 to 65535"),
    ("localhost:vnc", "'vnc' is no port", "1 to 65535"),
    ("localhost:-1", "'-1' is no port", "1 to 65535"),
    ("localhost:+5900", "'+5900' is no port", "1 to 65535"),
    ("localhost:5_900", "'5_900' is no port", "1 to 65535"),
    ("localhost:٥٩٠٠", "is no port", "1 to 65535"),
    ("localhost: 5900", "' 5900' is no port", "1 to 65535"),
    ("localhost:" + "9" * 5000, "is no port", "1 to 65535"),
    ("::1", "needs brackets", "[2001:db8::1]:5900"),
    ("::1:5900", "needs brackets", "[2001:db8::1]:5900"),
    ("2001:db8::1", "needs brackets", "[2001:db8::1]:5900"),
    ("a:b:80", "needs brackets", "[2001:db8::1]:5900"),
    ("[::1]", "port is missing", "[::1]:5900"),
    ("[::1]5900", "port is missing", "[::1]:5900"),
    ("[::1]:", "port is missing", "[::1]:5900"),
    ("[::1]:x", "'x' is no port", "1 to 65535"),
    ("[::1:5900", "closing bracket", "[2001:db8::1]:5900"),
    ("[localhost]:5900", "no IPv6 address", "[2001:db8::1]:5900"),
    ("[fe80::1%a b]:5900", "no IPv6 address", "[2001:db8::1]:5900"),
    ("[]:5900", "no IPv6 address", "[2001:db8::1]:5900"),
    ("http://localhost:80", "it is a URL", "localhost:5900"),
    ("user@host:80", "'@'", "host:port"),
    ("local host:80", "' '", "host:port"),
    ("host/path:80", "'/'", "host:port"),
    ("host\n:80", "'\\n'", "host:port"),
    ("h" * 254 + ":80", "at most 253", "host:port"),
    ("256.0.0.1:80", "no IPv4 address", "192.0.2.1:5900"),
    ("127.1:80", "no IPv4 address", "192.0.2.1:5900"),
    ("unix:", "not absolute", "unix:/run"),
    ("unix:run/vnc.sock", "not absolute", "unix:/run"),
    ("unix:/a\x00b", "NUL", "unix:/run"),
    ("unix:/" + "x" * 107, "107 bytes", "a shorter one"),
    ("unix:/" + "ü" * 54, "107 bytes", "a shorter one"),
    ("tls://vm", "port is missing", "vm:5900"),
    ("tls://vm:1/", "'1/' is no port", "1 to 65535"),
    ("tls://vm:1?ca", "'ca' says nothing", "ca=FILE"),
    ("tls://vm:1?ca=", "'ca=' says nothing", "ca=FILE"),
    ("tls://vm:1?ca=relative.pem", "not absolute", "ca=/"),
    ("tls://vm:1?key=/k.pem", "no certificate", "cert=/"),
    ("tls://vm:1?verify=maybe", "neither yes nor no", "verify=no"),
    ("tls://vm:1?verify=no&verify=no", "verify is said twice", "ca=FILE"),
    ("tls://vm:1?sni=a%20b", "' '", "host:port"),
    ("tls://vm:1?trust=all", "'trust' is nothing", "ca=FILE"),
    ("echo:5900", "nothing behind the colon", "echo:"),
]


@pytest.mark.parametrize(("text", "target"), RIGHT)
def test_a_target_is_read_as_it_is_written(text: str, target: Target) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize("target", [target for _, target in RIGHT], ids=str)
def test_a_target_that_is_printed_is_read_again(target: Target) -> None:
    assert parse_target(str(target)) == target


@pytest.mark.parametrize(("text", "wrong", "right"), WRONG)
def test_a_wrong_target_says_what_is_wrong_and_what_would_be_right(
    text: str, wrong: str, right: str
) -> None:
    with pytest.raises(UsageError) as raised:
        parse_target(text)
    what, _, cure = str(raised.value).rpartition("; write ")
    assert wrong in what
    assert right in cure


@given(st.text(st.sampled_from("a1.:[]/%-unixechotls?&= \x00"), max_size=12))
def test_any_text_is_a_target_that_prints_the_same_or_a_usage_error(text: str) -> None:
    try:
        target = parse_target(text)
    except UsageError as error:
        said = str(error)
    else:
        said = str(target)
        assert parse_target(said) == target
    assert "\n" not in said
    assert "\x00" not in said


def test_an_error_does_not_repeat_an_endless_text() -> None:
    with pytest.raises(UsageError) as raised:
        parse_target("unix:/" + "x" * 100_000)
    assert len(str(raised.value)) < 300
