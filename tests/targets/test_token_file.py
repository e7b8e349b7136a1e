"""Tokens of files: what counts, what is skipped, and what stays when a file breaks."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from wsproxy_gevent.errors import StartError, TokenRefused
from wsproxy_gevent.model import Target, TcpTarget, Token, UnixTarget
from wsproxy_gevent.net.turns import Turns
from wsproxy_gevent.targets.token_file import FAULTS_TOLD, FileSource, read_tokens

LINES = """\
# a comment
\t # another
plain: vm1:5900

six:  [2001:db8::1]:5901
a: vm2:5900
socket: unix:/run/three.sock
ugly:\tvm4:5900
"""

TARGETS: dict[str, Target] = {
    "plain": TcpTarget("vm1", 5900),
    "six": TcpTarget("2001:db8::1", 5901),
    "a": TcpTarget("vm2", 5900),
    "socket": UnixTarget("/run/three.sock"),
    "ugly": TcpTarget("vm4", 5900),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tokens"


def source(path: Path, *, strict: bool = False, watched: bool = True) -> FileSource:
    return FileSource(str(path), turns=Turns(), strict=strict, watched=watched)


def port_of(source: FileSource, token: str) -> int:
    target = source.find(Token(token))
    assert isinstance(target, TcpTarget)
    return target.port


def test_lines_name_tokens_and_targets(file: Path) -> None:
    file.write_text(LINES)
    said = read_tokens(str(file))
    assert (said.targets, said.faults) == (TARGETS, [])


def test_a_byte_order_mark_and_the_line_ends_of_others_are_no_matter(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfone: vm1:1\r\ntwo: vm1:2\r\n")
    assert [*read_tokens(str(file)).targets] == ["one", "two"]


BAD = [
    ("no colon at all", "this is not TOKEN: TARGET"),
    ("tight:vm1:5900", "this is not TOKEN: TARGET"),
    (": vm1:5900", "this is not TOKEN: TARGET"),
    ("secret: vm1", "vm1"),
    ("secret: http://vm1:80/", "it is a URL"),
    ("secret: vm1:port", "vm1:port"),
    ("good: vm1:2", "stands further up"),
]


@pytest.mark.parametrize(("line", "said"), BAD)
def test_a_bad_line_is_told_of_by_its_place_and_never_by_its_token(
    file: Path, line: str, said: str
) -> None:
    file.write_text(f"good: vm1:1\n{line}\n")
    (fault,) = read_tokens(str(file)).faults
    assert fault.startswith(f"{file}, line 2: ")
    assert said in fault
    assert "secret" not in fault
    assert "tight" not in fault


def test_the_last_of_two_lines_counts(file: Path) -> None:
    file.write_text("one: vm1:1\none: vm1:2\n")
    assert read_tokens(str(file)).targets == {"one": TcpTarget("vm1", 2)}


@pytest.mark.parametrize("line", [line for line, _ in BAD])
def test_strict_takes_none_of_a_file_with_a_bad_line(file: Path, line: str) -> None:
    file.write_text(f"good: vm1:1\n{line}\n")
    with pytest.raises(StartError, match=r"line 2.*--strict-tokens"):
        source(file, strict=True)


def test_a_file_of_faults_alone_is_a_mistake(file: Path) -> None:
    file.write_text("one\ntwo\n")
    with pytest.raises(StartError, match=r"no token that leads anywhere.*line 1"):
        source(file)


def test_an_empty_file_has_no_tokens_and_is_none(file: Path) -> None:
    file.write_text("# nobody today\n")
    assert source(file).tokens.targets == {}


def test_a_directory_is_all_of_its_files_that_are_not_hidden(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("one: vm1:2\n")
    (tmp_path / "a").write_text("one: vm1:1\ntwo: vm1:3\n")
    (tmp_path / ".hidden").write_text("three: vm1:4\n")
    (tmp_path / "sub").mkdir()
    it = source(tmp_path)
    assert [port_of(it, token) for token in ("one", "two")] == [2, 3]
    with pytest.raises(TokenRefused):
        it.find(Token("three"))
    (tmp_path / "c").write_text("four: vm1:5\n")
    assert port_of(it, "four") == 5
    (tmp_path / "a").unlink()
    with pytest.raises(TokenRefused):
        it.find(Token("two"))


def test_a_change_counts_at_once_however_quick_and_like_the_last(file: Path) -> None:
    """Of the same length, within a tick of the file's clock."""
    file.write_text("one: vm1:1\n")
    it = source(file)
    for port in range(1, 10):
        file.write_text(f"one: vm1:{port}\n")
        assert port_of(it, "one") == port


def test_a_settled_file_is_not_read_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("one: vm1:1\n")
    os.utime(file, (1, 1))
    # Its change time cannot be set: it counts as settled.
    monkeypatch.setattr("wsproxy_gevent.targets.token_file.UNSETTLED_SECONDS", 0.0)
    it = source(file)
    monkeypatch.setattr("wsproxy_gevent.targets.token_file.read_tokens", None)
    assert [port_of(it, "one") for _ in range(3)] == [1, 1, 1]


@pytest.mark.parametrize("broken", ["nothing that is a token\n", None, b"\xff\xfe\x00"])
def test_what_was_known_stays_while_the_file_is_broken_and_it_is_told_once(
    file: Path, broken: str | bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    file.write_text("one: vm1:1\n")
    it = source(file)
    if broken is None:
        file.unlink()
        file.mkdir()
        (file / "x").write_text("nothing\n")
    elif isinstance(broken, bytes):
        file.write_bytes(broken)
    else:
        file.write_text(broken)
    with caplog.at_level(logging.ERROR):
        assert [port_of(it, "one") for _ in range(5)] == [1] * 5
    assert caplog.text.count("the tokens of before stay in use") == 1


def test_a_file_may_come_later(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    it = source(file)
    assert "is not there yet" in caplog.text
    with pytest.raises(TokenRefused):
        it.find(Token("one"))
    file.write_text("one: vm1:1\n")
    assert port_of(it, "one") == 1


def test_a_file_that_is_gone_knows_nothing_new_and_forgets_nothing(file: Path) -> None:
    file.write_text("one: vm1:1\n")
    it = source(file)
    file.unlink()
    assert port_of(it, "one") == 1


def test_read_once_means_once(file: Path) -> None:
    file.write_text("one: vm1:1\n")
    it = source(file, watched=False)
    file.write_text("one: vm1:2\n")
    assert port_of(it, "one") == 1


def test_of_many_faults_the_first_are_told(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    file.write_text("one: vm1:1\n" + "bad\n" * 100)
    source(file)
    assert caplog.text.count("this is not TOKEN: TARGET") == FAULTS_TOLD
    assert f"and {100 - FAULTS_TOLD} lines more" in caplog.text


def test_an_unknown_token_is_told_by_its_hash(file: Path) -> None:
    file.write_text("one: vm1:1\n")
    with pytest.raises(TokenRefused) as caught:
        source(file).find(Token("sesame"))
    assert "sesame" not in caught.value.reason + caught.value.detail
    assert str(Token("sesame")) in caught.value.detail
