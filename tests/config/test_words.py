"""The first word, and what the arguments after it mean."""

from __future__ import annotations

import pytest

from wsproxy_gevent.config.settings import Mode
from wsproxy_gevent.config.words import (
    RESERVED,
    Task,
    fill_places,
    read_mode,
    read_task,
    vnc_target,
)
from wsproxy_gevent.errors import UsageError

MODES: list[tuple[list[str], Mode, list[str]]] = [
    ([], Mode.PROXY, []),
    (["6080", "x:1"], Mode.PROXY, ["6080", "x:1"]),
    (["127.0.0.1:6080"], Mode.PROXY, ["127.0.0.1:6080"]),
    (["demo:6080"], Mode.PROXY, ["demo:6080"]),
    (["echo:"], Mode.PROXY, ["echo:"]),
    (["demo"], Mode.DEMO, []),
    (["vnc", ":1"], Mode.VNC, [":1"]),
]


@pytest.mark.parametrize(("arguments", "mode", "rest"), MODES)
def test_a_port_is_the_proxy_and_anything_else_a_word(
    arguments: list[str], mode: Mode, rest: list[str]
) -> None:
    assert read_mode(arguments) == (mode, rest)


def test_a_name_is_a_target_where_no_source_is_wanted() -> None:
    assert read_mode(["localhost"], has_source=False) == (Mode.PROXY, ["localhost"])
    assert read_mode(["vnc", ":1"], has_source=False) == (Mode.VNC, [":1"])


TASKS: list[tuple[list[str], Task, list[str]]] = [
    ([], Task.SERVE, []),
    (["6080", "x:1"], Task.SERVE, ["6080", "x:1"]),
    (["demo"], Task.SERVE, ["demo"]),
    (["check", "6080", "x:1"], Task.CHECK, ["6080", "x:1"]),
    (["check", "demo"], Task.CHECK, ["demo"]),
    (["status"], Task.STATUS, []),
    (["reload"], Task.RELOAD, []),
    (["stop"], Task.STOP, []),
]


@pytest.mark.parametrize(("arguments", "task", "rest"), TASKS)
def test_some_words_are_about_a_proxy(arguments: list[str], task: Task, rest: list[str]) -> None:
    assert read_task(arguments) == (task, rest)


@pytest.mark.parametrize("word", RESERVED)
def test_a_word_of_later_is_not_supported_yet(word: str) -> None:
    with pytest.raises(UsageError, match=f"'{word}' is not supported yet"):
        read_mode([word])


def test_a_misspelt_word_is_told_the_right_one() -> None:
    with pytest.raises(UsageError, match="'dmo' is neither a port nor a word; did you mean demo"):
        read_mode(["dmo"])


def test_an_unknown_word_is_told_all_words_and_an_example() -> None:
    with pytest.raises(
        UsageError, match=r"the words are demo, vnc, check.*; usage: .* 6080 localhost:5900"
    ):
        read_mode(["localhost"])


PLACES: list[tuple[Mode, list[str], list[str], dict[str, str]]] = [
    (Mode.PROXY, ["1", "x:2"], [], {"source": "1", "target": "x:2"}),
    (Mode.PROXY, ["1"], [], {"source": "1"}),
    (Mode.PROXY, ["1"], ["target"], {"source": "1"}),
    (Mode.PROXY, ["x:2"], ["source"], {"target": "x:2"}),
    (Mode.PROXY, [], ["source", "target"], {}),
    (Mode.VNC, ["x:2"], ["source"], {"target": "x:2"}),
    (Mode.DEMO, [], [], {}),
]


@pytest.mark.parametrize(("mode", "arguments", "flags", "filled"), PLACES)
def test_arguments_fill_the_places_that_flags_left(
    mode: Mode, arguments: list[str], flags: list[str], filled: dict[str, str]
) -> None:
    assert fill_places(mode, arguments, flags) == filled


@pytest.mark.parametrize(
    ("mode", "arguments", "flags"),
    [
        (Mode.PROXY, ["1", "x:2", "y"], []),
        (Mode.PROXY, ["1", "y"], ["target"]),
        (Mode.VNC, ["x", "y"], []),
        (Mode.DEMO, ["y"], []),
    ],
)
def test_an_argument_without_a_place_is_one_too_many(
    mode: Mode, arguments: list[str], flags: list[str]
) -> None:
    with pytest.raises(UsageError, match="'y' is one argument too many; usage: "):
        fill_places(mode, arguments, flags)


TARGETS = {
    "host": "host:5900",
    "192.0.2.1": "192.0.2.1:5900",
    "[::1]": "[::1]:5900",
    "host:0": "host:5900",
    "host:1": "host:5901",
    "host:99": "host:5999",
    "host:100": "host:100",
    "host:5901": "host:5901",
    "host::7": "host:7",
    "[::1]:2": "[::1]:5902",
    ":1": "localhost:5901",
    "::5905": "localhost:5905",
    "1": "localhost:5901",
    "5901": "localhost:5901",
    "unix:/run/vnc.sock": "unix:/run/vnc.sock",
    "http://host": "http://host",
    "host:": "host:",
}


@pytest.mark.parametrize(("text", "target"), TARGETS.items())
def test_a_vnc_server_is_named_as_viewers_name_it(text: str, target: str) -> None:
    assert vnc_target(text) == target
