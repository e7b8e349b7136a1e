"""Options anywhere, in every spelling that people use."""

from __future__ import annotations

import pytest

from wsproxy_gevent.config.arguments import CommandLine, full_name, help_text, in_words, parse
from wsproxy_gevent.config.settings import DECLARATIONS
from wsproxy_gevent.errors import UsageError

PLACES = ["6080", "localhost:5900"]

LINES: list[tuple[str, list[str], dict[str, object]]] = [
    ("6080 localhost:5900", PLACES, {}),
    ("-v 6080 localhost:5900", PLACES, {"verbose": True}),
    ("6080 -v localhost:5900", PLACES, {"verbose": True}),
    ("6080 localhost:5900 -v", PLACES, {"verbose": True}),
    ("--cert c.pem 6080 --key k.pem localhost:5900 -D", PLACES,
     {"cert": ["c.pem"], "key": ["k.pem"], "daemon": True}),
    ("--cert=c.pem --cert d.pem", [], {"cert": ["c.pem", "d.pem"]}),
    ("--key-password=", [], {"key_password": [""]}),
    ("--key-password -secret", [], {"key_password": ["-secret"]}),
    ("--key-password --secret", [], {"key_password": ["--secret"]}),
    ("--record a=b", [], {"record": ["a=b"]}),
    ("-vD", [], {"verbose": True, "daemon": True}),
    ("-6", [], {"prefer_ipv6": True}),
    ("--no-ssl-only", [], {"ssl_only": False}),
    ("--ssl-only --no-ssl-only", [], {"ssl_only": False}),
    ("vnc :1", ["vnc", ":1"], {}),
]  # fmt: skip


def test_what_stands_behind_two_dashes_is_the_command_as_it_stands() -> None:
    line = parse(["-v", "6080", "--", "vncserver", "--verbose", "--", ":1", "-fg"])
    assert (line.arguments, line.texts) == (["6080"], {"verbose": True})
    assert line.command == ("vncserver", "--verbose", "--", ":1", "-fg")


@pytest.mark.parametrize(("line", "arguments", "texts"), LINES, ids=[row[0] for row in LINES])
def test_options_may_stand_anywhere(
    line: str, arguments: list[str], texts: dict[str, object]
) -> None:
    assert parse(line.split()) == CommandLine(arguments, texts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("-h", "help"),
        ("--help", "help"),
        ("6080 --version", "version"),
        ("--vers", "version"),
        ("-t", "check"),
        ("6080 --check", "check"),
    ],
)
def test_a_question_is_noted(line: str, asked: str) -> None:
    assert parse(line.split()).asked == asked


ABBREVIATIONS = {
    "--verb": "--verbose",
    "--tr": "--traffic",
    "--rec": "--record",
    "--d": "--daemon",
    "--pre": "--prefer-ipv6",
    "--hea": "--heartbeat",
    "--sy": "--syslog",
    "--fi": "--file-only",
    "--cert": "--cert",
    "--key": "--key",
    "--key-p": "--key-password",
    "--lo": "--log-file",
    "--web": "--web",
    "--legacy": "--legacy-syslog",
    "--run": "--run-once",
    "--max-c": "--max-connections",
    "--dial-w": "--dial-wait",
    "--head": "--header",
}


@pytest.mark.parametrize(("short", "full"), ABBREVIATIONS.items())
def test_an_abbreviation_means_what_websockify_means_by_it(short: str, full: str) -> None:
    assert full_name(short) == full


WRONG = {
    "--ssl-": "--ssl- is ambiguous: --ssl-ciphers, --ssl-only",
    "--dial": "--dial is ambiguous: --dial-error, --dial-timeout, --dial-wait",
    "--no": "--no is ambiguous: --no-legacy, --novnc",
    "--hartbeat 3": "unknown option --hartbeat; did you mean --heartbeat",
    "--zzz": "unknown option --zzz; --help lists the options",
    "-x 6080": "unknown option -x; --help lists the options",
    "--verbose=3": "--verbose takes no value",
    "--cert": "--cert needs a value",
    "--cert --ssl-only": "--cert needs a value, not --ssl-only",
    "--cert -v": "--cert needs a value, not -v",
    "6080 --": "no command stands behind '--'",
}


@pytest.mark.parametrize(("line", "complaint"), WRONG.items())
def test_a_wrong_option_is_told_what_would_be_right(line: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        parse(line.split())


def test_the_help_names_every_flag_with_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    text = " ".join(help_text().split())
    for one in DECLARATIONS.values():
        assert all(flag in text for flag in one.flags)
        assert one.shown in text


def test_the_help_is_grouped_and_leaves_negations_out() -> None:
    text = help_text()
    assert text.startswith("usage: wsproxy-gevent [options] [source_addr:]source_port target\n")
    assert "\nTLS:\n" in text
    assert "\nWho may connect:\n" in text
    assert "--no-ssl-only" not in text


@pytest.mark.parametrize(
    ("default", "words"),
    [(True, "on"), (False, "off"), (None, ""), ((), ""), (10.0, "10"), (2.5, "2.5"), ("x", "x")],
)
def test_a_default_is_written_as_a_user_would(default: object, words: str) -> None:
    assert in_words(default) == words
