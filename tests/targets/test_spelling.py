from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsproxy_gevent.errors import UsageError
from wsproxy_gevent.model import EchoTarget, Target, TcpTarget, UnixTarget
from wsproxy_gevent.targets.spelling import parse_target

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
]

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


@given(st.text(st.sampled_from("a1.:[]/%-unixecho \x00"), max_size=12))
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
