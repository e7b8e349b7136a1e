from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsproxy_gevent.telemetry.text import escape, field, peers_field, redact

ESCAPED = [
    ("plain text, with 'all' \"of\" ~it", "plain text, with 'all' \"of\" ~it"),
    ("GET / HTTP/1.1\r\nforged: line", r"GET / HTTP/1.1\r\nforged: line"),
    ("\x1b[31mred\x07\x00\x7f", r"\x1b[31mred\x07\x00\x7f"),
    ("\x9b31m", r"\x9b31m"),
    ("bücher", r"b\xfccher"),
    ("\u2028\u202e", r"\u2028\u202e"),
    ("\U0001f600", r"\U0001f600"),
    ("\udc80", r"\udc80"),
    (r"\x1b", r"\\x1b"),
    ("", ""),
]


@pytest.mark.parametrize(("text", "escaped"), ESCAPED)
def test_what_does_not_print_is_escaped(text: str, escaped: str) -> None:
    assert escape(text) == escaped


@given(st.text() | st.text('ab \\"=\x7f', min_size=510, max_size=514))
def test_a_peers_field_is_escaped_first(text: str) -> None:
    assert peers_field("name", text) == field("name", escape(text))


def test_a_peers_field_may_have_no_value() -> None:
    assert peers_field("name", None) == "name=-"


@given(st.text(), st.integers(0, 40))
def test_an_escaped_text_is_printable_ascii_within_its_limit(text: str, limit: int) -> None:
    escaped = escape(text, limit)
    assert len(escaped) <= limit
    assert escaped == "" or (escaped.isascii() and escaped.isprintable())


@pytest.mark.parametrize("text", ["x" * 513, "x" * 10_000_000, "\x00" * 129])
def test_a_long_text_is_cut_and_shows_it(text: str) -> None:
    assert len(escape(text)) == 512
    assert escape(text).endswith("...")


def test_a_text_at_the_limit_is_whole() -> None:
    assert escape("x" * 512) == "x" * 512
    assert escape("\x00" * 128) == "\\x00" * 128


REDACTED = [
    ("/", "/"),
    ("/websockify", "/websockify"),
    ("/?", "/?"),
    ("/?a=1&b=2", "/?a=1&b=2"),
    ("/?token=abc", "/?token=…"),
    ("/?token=", "/?token=…"),
    ("/?a=1&token=abc&b=2", "/?a=1&token=…&b=2"),
    ("/?token=a=b", "/?token=…"),
    ("/?token=a?b;c", "/?token=…"),
    ("/?password=p&access_token=t&jwt=j&key=k", "/?password=…&access_token=…&jwt=…&key=…"),
    ("/?TOKEN=abc&Key=k", "/?TOKEN=…&Key=…"),
    ("/?%74oken=abc", "/?%74oken=…"),
    ("/?token%3Dabc", "/?…"),
    ("/?token%3Dabc=1", "/?…"),
    ("/?token%253Dabc=1", "/?…"),
    ("/vnc.html?path=websockify?token=abc&resize=scale", "/vnc.html?path=…&resize=scale"),
    ("/vnc.html?path=websockify%3Ftoken%3Dabc", "/vnc.html?path=…"),
    ("/vnc.html?path=websockify%253Ftoken%253Dabc", "/vnc.html?path=…"),
    ("/?a=1;token=abc", "/?a=…"),
    ("/?a=1?token=abc", "/?a=…"),
    ("/?monkey=1&keyboard=de&tokens=2", "/?monkey=1&keyboard=de&tokens=2"),
    ("https://example.org/?token=abc", "https://example.org/?token=…"),
]


@pytest.mark.parametrize(("target", "redacted"), REDACTED)
def test_the_values_of_secrets_are_left_out(target: str, redacted: str) -> None:
    assert redact(target) == redacted


@given(
    st.sampled_from(["token", "password", "access_token", "jwt", "key", "ToKeN"]),
    st.text(st.characters(codec="ascii", exclude_characters="&"), max_size=8),
    st.sampled_from(["/?{}", "/?a=b&{}", "/?a=b&{}&c=d", "/x?y?{}", "/?path=p?{}"]),
)
def test_no_secret_is_left_whatever_stands_around_it(name: str, value: str, form: str) -> None:
    assert "5ECRET" not in redact(form.format(f"{name}=5ECRET{value}"))


FIELDS: list[tuple[object, str]] = [
    ("plain", "name=plain"),
    (17, "name=17"),
    (None, "name=-"),
    ("", 'name=""'),
    ("two words", 'name="two words"'),
    ("a=b", 'name="a=b"'),
    ('say "no"', 'name="say \\"no\\""'),
]


@pytest.mark.parametrize(("value", "text"), FIELDS)
def test_a_field_is_quoted_where_it_would_be_misread(value: object, text: str) -> None:
    assert field("name", value) == text
