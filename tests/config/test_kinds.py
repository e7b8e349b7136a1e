"""Each kind of value: what it takes, and what it says of the rest."""

from __future__ import annotations

import pytest

from wsproxy_gevent.config import kinds
from wsproxy_gevent.config.kinds import Kind
from wsproxy_gevent.errors import UsageError

SECONDS = kinds.seconds(zero=True)
POSITIVE = kinds.seconds(zero=False)

GOOD: list[tuple[Kind, str, object]] = [
    *((kinds.SWITCH, text, True) for text in ("1", "true", "yes", "on", "TRUE", " Yes ")),
    *((kinds.SWITCH, text, False) for text in ("0", "false", "no", "off", "Off")),
    (kinds.TEXT, "x", "x"),
    (kinds.FILE, "a/../b", "/base/b"),
    (kinds.FILE, "/etc/x", "/etc/x"),
    (kinds.FILE, "records/", "/base/records/"),
    (kinds.FILE, "/", "/"),
    (kinds.CERT, "auto", "auto"),
    (kinds.CERT, "none", "none"),
    (kinds.CERT, "./auto", "/base/auto"),
    (kinds.SOURCE, "6080", "6080"),
    (kinds.SOURCE, "[::1]:6080", "[::1]:6080"),
    (kinds.ADMIN, "127.0.0.1:6081", "127.0.0.1:6081"),
    (kinds.ADMIN, "unix:run/admin.sock", "unix:/base/run/admin.sock"),
    (kinds.SECRET, "env:TOKEN", "env:TOKEN"),
    (kinds.SECRET, "file:token", "file:/base/token"),
    (kinds.TARGET, "localhost:5900", "localhost:5900"),
    (kinds.TARGET, "echo:", "echo:"),
    (kinds.SYSLOG, "/dev/log", "/dev/log"),
    (kinds.SYSLOG, "./log", "/base/log"),
    (kinds.SYSLOG, "loghost:514", "loghost:514"),
    (kinds.SYSLOG, "[::1]:514", "[::1]:514"),
    (SECONDS, "0", 0.0),
    (SECONDS, "2.5", 2.5),
    (POSITIVE, "30", 30.0),
    (kinds.COUNT, "1000", 1000),
    (kinds.choice("close", "http"), "http", "http"),
]

BAD: list[tuple[Kind, str, str]] = [
    (kinds.ADMIN, "6081", "names no address"),
    (kinds.ADMIN, "unix:", "is empty"),
    (kinds.SECRET, "sesame", "is neither env:NAME nor file:PATH"),
    (kinds.SECRET, "env:", "is neither env:NAME nor file:PATH"),
    (kinds.SECRET, "file:", "is neither env:NAME nor file:PATH"),
    (kinds.SWITCH, "maybe", "is neither yes nor no"),
    (kinds.SWITCH, "", "is neither yes nor no"),
    (kinds.TEXT, "", "is empty"),
    (kinds.FILE, "", "is empty"),
    (kinds.SYSLOG, "loghost", "give a path such as /dev/log, or host:port"),
    (kinds.SYSLOG, "a:b:514", "is no syslog"),
    (SECONDS, "ten", "is not a number of seconds, such as 30"),
    (SECONDS, "-1", "is not a number of seconds"),
    (SECONDS, "nan", "is not a number of seconds"),
    (SECONDS, "inf", "is not a number of seconds"),
    (POSITIVE, "0", "is not a number of seconds above 0"),
    (kinds.COUNT, "0", "is not a whole number above 0"),
    (kinds.COUNT, "1.5", "is not a whole number above 0"),
    (kinds.COUNT, "-3", "is not a whole number above 0"),
    (kinds.COUNT, "9999999999", "is not a whole number above 0"),
    (kinds.choice("close", "http"), "htp", "is not one of close, http"),
]


@pytest.mark.parametrize(("kind", "text", "value"), GOOD)
def test_a_good_text_is_read(kind: Kind, text: str, value: object) -> None:
    found = kind.read(text, "/base")
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(("kind", "text", "complaint"), BAD)
def test_a_bad_text_is_told_what_would_be_right(kind: Kind, text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        kind.read(text, "/base")


@pytest.mark.parametrize(("kind", "text"), [(kinds.SOURCE, "x"), (kinds.TARGET, "x")])
def test_sources_and_targets_are_read_by_those_who_use_them(kind: Kind, text: str) -> None:
    with pytest.raises(UsageError):
        kind.read(text, "/base")


LISTS: list[tuple[Kind, list[str], tuple[str, ...]]] = [
    (kinds.HEADERS, ["A: 1, 2", "B:"], ("A: 1, 2", "B:")),
    (kinds.HEADERS, ["A: 1\nB: 2\n"], ("A: 1", "B: 2")),
    (kinds.SUBPROTOCOLS, ["mqtt, binary", "xmpp"], ("mqtt", "binary", "xmpp")),
    (kinds.ORIGINS, ["https://a.org:8443,null"], ("https://a.org:8443", "null")),
    (kinds.ORIGINS, ["http://[::1]:6080"], ("http://[::1]:6080",)),
    (kinds.HOSTS, ["a.org,[::1]:80"], ("a.org", "[::1]:80")),
    (kinds.NETWORKS, ["10.1.2.3/8", "::1"], ("10.0.0.0/8", "::1/128")),
    (kinds.NETWORKS, [""], ()),
]


@pytest.mark.parametrize(("kind", "texts", "values"), LISTS)
def test_a_list_takes_one_or_several_in_each_text(
    kind: Kind, texts: list[str], values: tuple[str, ...]
) -> None:
    assert kind.read_all(texts, "/base") == values


BAD_PARTS: list[tuple[Kind, str, str]] = [
    (kinds.HEADERS, "no colon", "give 'Name: value'"),
    (kinds.HEADERS, "Bad name: x", "is no header line"),
    (kinds.HEADERS, "A: b\rc", "is no header line"),
    (kinds.HEADERS, ": x", "is no header line"),
    (kinds.SUBPROTOCOLS, "a b", "is no subprotocol name"),
    (kinds.ORIGINS, "a.org", r"give scheme://host\[:port\]"),
    (kinds.ORIGINS, "https://a.org/", "is no origin"),
    (kinds.ORIGINS, "*", "is no origin"),
    (kinds.HOSTS, "http://a.org", "is no host name"),
    (kinds.HOSTS, "::1", "is no host name"),
    (kinds.NETWORKS, "a.org", "is no address or network"),
    (kinds.NETWORKS, "10.0.0.0/33", "is no address or network"),
]


@pytest.mark.parametrize(("kind", "text", "complaint"), BAD_PARTS)
def test_a_bad_part_spoils_the_list(kind: Kind, text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        kind.read_all([text], "/base")


def test_a_tilde_is_the_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    assert kinds.FILE.read("~/x.pem", "/base") == "/home/ann/x.pem"


@pytest.mark.parametrize(("text", "mode"), [("0660", 0o660), ("600", 0o600), ("0o777", 0o777)])
def test_a_file_mode_is_octal(text: str, mode: int) -> None:
    assert kinds.FILE_MODE.read(text, "/base") == mode


@pytest.mark.parametrize("text", ["", "8", "0888", "rw-", "1777", "-600"])
def test_what_is_no_file_mode(text: str) -> None:
    with pytest.raises(ValueError, match="is no file mode in octal"):
        kinds.FILE_MODE.read(text, "/base")
