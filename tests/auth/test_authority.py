"""One spelling for each host."""

from __future__ import annotations

import pytest

from wsproxy_gevent.auth.authority import (
    LONGEST_QUOTED,
    Authority,
    authority_or_none,
    from_header,
    host_or_none,
    quoted,
)


@pytest.mark.parametrize(
    ("text", "authority"),
    [
        ("Example.COM", Authority("example.com")),
        ("example.com.:80", Authority("example.com", 80)),
        ("example.com:", Authority("example.com")),
        ("example.com:0080", Authority("example.com", 80)),
        ("[2001:DB8:0:0::1]:443", Authority("2001:db8::1", 443)),
        ("BÜCHER.example", Authority("xn--bcher-kva.example")),
        ("bu\u0308cher.example", Authority("xn--bcher-kva.example")),
        ("bücher\u3002example", Authority("xn--bcher-kva.example")),
    ],
)
def test_a_host_has_one_spelling(text: str, authority: Authority) -> None:
    assert authority_or_none(text) == authority


@pytest.mark.parametrize(
    "text",
    [
        *("", ".", ":80", "[]", "a b", "a\n", "a@b", "a/b", "-a", "a-", "a.-b", "\u2100.example"),
        *("faß.example", "\u03c2.example", "a\u200db.example", "\ud800.example", "ü" * 300),
    ],
)
def test_what_is_no_host_is_none(text: str) -> None:
    assert authority_or_none(text) is None


def test_a_name_may_have_253_octets() -> None:
    name = ".".join(["a" * 63] * 3 + ["b" * 61])
    assert host_or_none(name) == name
    assert host_or_none(name + ".") == name
    assert host_or_none(name + "b") is None


def test_a_headers_bytes_are_read_as_utf8_where_they_are_that() -> None:
    assert from_header("b\xc3\xbccher") == "bücher"
    assert from_header("b\xfccher") == "b\udcfccher"
    assert from_header("\u0661") == "\u0661"


def test_a_strangers_text_is_escaped_and_cut() -> None:
    assert quoted("a\r\n\x1b\u2028") == r"a\r\n\x1b\u2028"
    assert quoted("a" * LONGEST_QUOTED) == "a" * LONGEST_QUOTED
    assert quoted("a" * 5000) == "a" * LONGEST_QUOTED + "..."
