"""websockify's options about tokens and logins by plugin: what each does."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from wsproxy_gevent.config.profile import UNSUPPORTED

from .programs import free_port
from .proxy import Proxy
from .targets import tcp_target
from .websockify import Websockify
from .wire import Answer, Wire, upgrade_request

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(bool(UNSUPPORTED), reason=f"not served yet: {', '.join(UNSUPPORTED)}"),
]


@contextmanager
def greeter(name: bytes) -> Iterator[str]:
    """A target that says who it is, and goes."""
    with tcp_target(lambda sock: sock.sendall(name)) as port:
        yield f"127.0.0.1:{port}"


@pytest.fixture(scope="module")
def one() -> Iterator[str]:
    with greeter(b"one") as address:
        yield address


@pytest.fixture(scope="module")
def two() -> Iterator[str]:
    with greeter(b"two") as address:
        yield address


def serve(websockify: Websockify, *options: str | Path) -> Proxy:
    """`websockify OPTIONS PORT`: there is no target argument beside tokens."""
    port = free_port()
    program = websockify.run(*options, f"127.0.0.1:{port}")
    program.wait_until_listening(port)
    return Proxy(program, port)


def ask(proxy: Proxy, path: str = "/", *lines: str, host: str = "") -> tuple[Answer, bytes]:
    """The answer to a handshake, and the three bytes behind a 101."""
    with Wire.open(proxy.port) as wire:
        wire.send(upgrade_request(host or proxy.host, *lines, path=path))
        answer = wire.read_answer()
        return answer, wire.read_payload(3) if answer.status == 101 else b""


def check_tokens(proxy: Proxy) -> None:
    """`one` and `two` lead there, and nothing else leads anywhere."""
    assert ask(proxy, "/?token=one")[1] == b"one"
    assert ask(proxy, "/websockify?token=two")[1] == b"two"
    assert [ask(proxy, path)[0].status for path in ("/?token=three", "/")] == [403, 403]


@pytest.fixture
def tokens(tmp_path: Path, one: str, two: str) -> Path:
    file = tmp_path / "tokens"
    file.write_text(f"# where to\none: {one}\n\ntwo: {two}\n")
    return file


@pytest.mark.option("--target-config")
@pytest.mark.parametrize("name", ["tokens", "."])
def test_target_config_is_a_file_of_tokens_or_a_directory_of_such(
    name: str, websockify: Websockify, tokens: Path, tmp_path: Path
) -> None:
    directory = tmp_path / "only"
    directory.mkdir()
    tokens.rename(directory / "tokens")
    check_tokens(serve(websockify, f"--target-config={directory / name}"))


@pytest.mark.option("--token-plugin", "--token-source")
def test_token_plugin_looks_tokens_up_in_its_source(websockify: Websockify, tokens: Path) -> None:
    check_tokens(serve(websockify, "--token-plugin", "TokenFile", "--token-source", tokens))


@pytest.mark.option("--token-source")
def test_token_source_without_a_plugin_is_an_error(websockify: Websockify, tokens: Path) -> None:
    asked = websockify.run("--token-source", tokens, "0", "localhost:1")
    assert asked.exit_status() == 2
    assert "--token-plugin" in asked.output


def test_a_token_that_was_written_a_moment_ago_is_known(
    websockify: Websockify, tokens: Path, one: str
) -> None:
    """A console's page is opened as soon as its token is in the file."""
    proxy = serve(websockify, "--token-plugin=TokenFile", f"--token-source={tokens}")
    assert ask(proxy, "/?token=new")[0].status == 403
    with tokens.open("a") as file:
        file.write(f"new: {one}\n")
    assert ask(proxy, "/?token=new")[1] == b"one"


@pytest.mark.option("--host-token")
def test_host_token_is_the_name_in_the_host_header(websockify: Websockify, tokens: Path) -> None:
    proxy = serve(websockify, "--host-token", "--token-plugin=TokenFile", "--token-source", tokens)
    assert ask(proxy, host="one")[1] == b"one"
    assert ask(proxy, host="two:6080")[1] == b"two"
    assert ask(proxy, "/?token=one", host="three")[0].status == 403


def basic(text: str) -> str:
    return f"Authorization: Basic {base64.b64encode(text.encode()).decode()}"


@pytest.mark.option("--auth-plugin", "--auth-source")
def test_auth_plugin_lets_in_whom_its_source_names(websockify: Websockify, one: str) -> None:
    proxy = websockify.serve("--auth-plugin=BasicHTTPAuth", "--auth-source=me:secret", one)
    assert ask(proxy, "/", basic("me:secret"))[1] == b"one"
    for lines in ((), (basic("me:wrong"),)):
        answer, _ = ask(proxy, "/", *lines)
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("Basic ")
