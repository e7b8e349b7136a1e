"""The file and the environment, each alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsproxy_gevent.config.layers import of_environment, of_file, of_flags, unknown_names
from wsproxy_gevent.errors import UsageError


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "wsproxy.toml"
    path.write_text(text)
    return str(path)


GOOD: list[tuple[str, str, object]] = [
    ("source = 6080", "source", "6080"),
    ('source = "[::1]:6080"', "source", "[::1]:6080"),
    ("verbose = true", "verbose", True),
    ("heartbeat = 0", "heartbeat", 0.0),
    ("heartbeat = 2.5", "heartbeat", 2.5),
    ("max_connections = 5", "max_connections", 5),
    ('allow_host = ["a.org", "b.org"]', "allow_host", ("a.org", "b.org")),
    ("allow_host = []", "allow_host", ()),
    ('cert = "auto"', "cert", "auto"),
]


@pytest.mark.parametrize(("text", "name", "value"), GOOD)
def test_a_key_is_a_long_flag(tmp_path: Path, text: str, name: str, value: object) -> None:
    found = of_file(written(tmp_path, text))
    assert {key: one.value for key, one in found.items()} == {name: value}


def test_paths_start_from_the_file(tmp_path: Path) -> None:
    found = of_file(written(tmp_path, 'cert = "tls/x.pem"'))
    assert found["cert"].value == str(tmp_path / "tls/x.pem")


def test_an_origin_names_file_and_key(tmp_path: Path) -> None:
    path = written(tmp_path, "grace = 5")
    assert of_file(path)["grace"].origin == f"{path}: grace"


BAD = {
    "hartbeat = 3": "'hartbeat' is no setting; did you mean heartbeat?",
    "max-connections = 3": "'max-connections' is no setting; did you mean max_connections?",
    "qqq = 3": "'qqq' is no setting; docs/options.md lists the keys",
    "[[listen]]\nport = 1": r"\[\[listen\]\] is reserved for a later version",
    '[[route]]\nhost = "x"': r"\[\[route\]\] is reserved for a later version",
    'token_plugin = "Token File"': "token_plugin: 'Token File' is no class",
    'config = "x.toml"': "config cannot stand in a file; give --config or WSPROXY_CONFIG",
    "heartbeat = true": "heartbeat: must be a number of seconds, such as 30, not True",
    'heartbeat = "3"': "heartbeat: must be a number of seconds, such as 30, not '3'",
    "heartbeat = -3": "heartbeat: '-3' is not a number of seconds",
    "verbose = 1": "verbose: must be true or false, not 1",
    "cert = 3": "cert: must be a string: a path",
    'allow_host = "a.org"': "allow_host: must be a list of strings, not 'a.org'",
    "allow_host = [1]": "allow_host: must be a list of strings",
    'allow_host = ["a b"]': "allow_host: 'a b' is no host name",
    'web = "a\\u0000b"': r"web: 'a\\x00b' holds a NUL",
    'target = "x"': "target: .*the port is missing",
    "x = y": r"is no TOML: .*line 1, column 5",
    "[web]\nx = 1": "web: must be a string: a path",
}


@pytest.mark.parametrize(("text", "complaint"), BAD.items())
def test_a_bad_key_is_told_what_would_be_right(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=f"wsproxy.toml:? {complaint}"):
        of_file(written(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"{tmp_path}/no.toml: No such file"):
        of_file(str(tmp_path / "no.toml"))


def test_a_file_in_another_encoding_is_no_toml(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b'web = "\xff"')
    with pytest.raises(UsageError, match="is no TOML"):
        of_file(str(path))


def test_variables_are_read_like_flags() -> None:
    environ = {
        "WSPROXY_SSL_ONLY": "yes",
        "WSPROXY_CERT": "x.pem",
        "WSPROXY_TRUSTED_PROXIES": "10.0.0.0/8, ::1",
        "WSPROXY_HEADER": "A: 1, 2\nB: 3",
        "WSPROXY_WEB": "",
        "PATH": "/bin",
    }
    found = {name: one.value for name, one in of_environment(environ, "/base").items()}
    assert found == {
        "ssl_only": True,
        "cert": "/base/x.pem",
        "trusted_proxies": ("10.0.0.0/8", "::1/128"),
        "header": ("A: 1, 2", "B: 3"),
    }


def test_a_bad_variable_is_named() -> None:
    with pytest.raises(UsageError, match="WSPROXY_SSL_ONLY: 'x' is neither yes nor no"):
        of_environment({"WSPROXY_SSL_ONLY": "x"}, "/")


def test_what_kubernetes_adds_for_a_service_called_wsproxy_is_no_error() -> None:
    environ = {"WSPROXY_PORT": "tcp://10.0.0.1:6080", "WSPROXY_SERVICE_HOST": "10.0.0.1"}
    assert of_environment(environ, "/") == {}
    assert list(unknown_names(environ)) == []


def test_a_misspelt_variable_is_noticed() -> None:
    environ = {"WSPROXY_HEARBEAT": "3", "WSPROXY_CERT": "x", "HEARBEAT": "3"}
    assert list(unknown_names(environ)) == [("WSPROXY_HEARBEAT", "WSPROXY_HEARTBEAT")]


def test_a_variable_that_means_nothing_is_noticed() -> None:
    assert list(unknown_names({"WSPROXY_BOGUS": "1"})) == [("WSPROXY_BOGUS", None)]


@pytest.mark.parametrize("text", ["A: a\r\nB: b", "A: a\nB: b"])
def test_a_flag_holds_one_line(text: str) -> None:
    with pytest.raises(UsageError, match="line break"):
        of_flags({"header": [text]}, "/")
