"""websockify's options about tokens and plugins: what each does."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

import pytest

from .targets import tcp_target
from .websockify import Websockify, get
from .wire import Wire, upgrade_request

pytestmark = pytest.mark.e2e

# A plugin of somebody's own, as it stands in their repository.
OWN = """
from websockify.token_plugins import BasePlugin
from websockify import auth_plugins as auth

LAST = None


class Shelf(BasePlugin):
    def lookup(self, token):
        global LAST
        LAST = token
        return ("127.0.0.1", self.source) if token in ("alice", "mallory") else None


class Contract(auth.BasePlugin):
    def authenticate(self, headers, target_host, target_port):
        if LAST == "mallory":
            raise auth.AuthenticationError(
                log_msg="no contract", response_code=402, response_headers={"X-Why": "unpaid"},
                response_msg="pay first",
            )
"""


@pytest.fixture(scope="module")
def named() -> Iterator[str]:
    """A service that says its name and ends."""
    with tcp_target(lambda sock: sock.sendall(b"here")) as port:
        yield f"127.0.0.1:{port}"


def ask(port: int, path: str = "/", *lines: str, host: str = "127.0.0.1") -> int:
    """The status of a handshake; of a session the service's word was read as well."""
    with Wire.open(port) as wire:
        wire.send(upgrade_request(host, *lines, path=path))
        status = wire.read_answer().status
        if status == 101:
            assert wire.read_payload(4) == b"here"
        return status


@pytest.mark.option("--target-config")
def test_target_config_is_a_file_of_tokens(websockify: Websockify, named: str) -> None:
    (websockify.cwd / "targets").write_text(f"one: {named}\n")
    proxy = websockify.serve_tokens("--target-config=targets")
    assert ask(proxy.port, "/websockify?token=one") == 101
    assert ask(proxy.port, "/websockify?token=two") == 403


@pytest.mark.option("--token-plugin")
@pytest.mark.option("--token-source")
def test_a_token_file_may_be_written_just_before_the_browser_comes(
    websockify: Websockify, named: str
) -> None:
    place = websockify.cwd / "tokens"
    proxy = websockify.serve_tokens("--token-plugin", "TokenFile", "--token-source", "tokens")
    assert ask(proxy.port, "/?token=secret-one") == 403
    for number in range(20):
        place.write_text(f"secret-one: {named}\n" + "".join(f"n{number}: {named}\n"))
        assert ask(proxy.port, f"/?token=n{number}") == 101
    output = proxy.program.output
    assert "secret-one" not in output
    assert re.search(r"session opened .* token=[0-9a-f]{8}\b", output)


def test_a_plugin_of_ones_own_and_its_judge_run_as_one(websockify: Websockify, named: str) -> None:
    (websockify.cwd / "own.py").write_text(OWN)
    proxy = websockify.serve_tokens(
        *("--token-plugin", "own.Shelf", "--token-source", named.rpartition(":")[2]),
        *("--auth-plugin", "own.Contract"),
        env={"PYTHONPATH": str(websockify.cwd)},
    )
    assert ask(proxy.port, "/?token=alice") == 101
    assert ask(proxy.port, "/?token=bob") == 403
    with Wire.open(proxy.port) as wire:
        wire.send(upgrade_request("127.0.0.1", path="/?token=mallory"))
        answer = wire.read_answer()
        body = wire.read(int(answer.headers["content-length"]))
    assert (answer.status, answer.headers["x-why"], body) == (402, "unpaid", b"pay first\n")
    proxy.program.wait_for_output("plugin-refused.*no contract")


@pytest.mark.option("--host-token")
def test_the_host_may_be_the_token(websockify: Websockify, named: str) -> None:
    (websockify.cwd / "tokens").write_text(f"one.example: {named}\n")
    proxy = websockify.serve_tokens(
        "--token-plugin=TokenFile", "--token-source=tokens", "--host-token"
    )
    assert ask(proxy.port, host="one.example:6080") == 101
    assert ask(proxy.port, "/?token=one.example") == 403


@pytest.mark.option("--auth-plugin")
@pytest.mark.option("--auth-source")
def test_an_auth_plugin_of_websockifys_names_asks_for_its_login(
    websockify: Websockify, named: str
) -> None:
    proxy = websockify.serve(
        *("--auth-plugin", "BasicHTTPAuth", "--auth-source", "alice:open sesame"), named
    )
    good = base64.b64encode(b"alice:open sesame").decode()
    bad = base64.b64encode(b"alice:sesame street").decode()
    assert ask(proxy.port, "/", f"Authorization: Basic {good}") == 101
    assert ask(proxy.port, "/", f"Authorization: Basic {bad}") == 401
    assert ask(proxy.port, "/", "Authorization: Basic !!") == 403
    assert ask(proxy.port) == 401


def test_an_auth_plugin_may_stand_before_the_pages(websockify: Websockify, named: str) -> None:
    (websockify.cwd / "page.html").write_text("hello")
    proxy = websockify.serve(
        *("--web", ".", "--web-auth", "--auth-plugin", "ExpectOrigin"),
        *("--auth-source", "https://a.example"),
        named,
    )
    assert get(proxy, "/page.html")[0] == 403
    with Wire.open(proxy.port) as wire:
        head = f"GET /page.html HTTP/1.1\r\nHost: {proxy.host}\r\n"
        wire.send(f"{head}Origin: https://a.example\r\n\r\n".encode())
        assert wire.read_answer().status == 200


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--token-plugin", "own.Missing"], "--token-plugin own.Missing: AttributeError"),
        (["--token-plugin", "nowhere.Shelf"], "No module named 'nowhere'.*PYTHONPATH"),
        (["--token-plugin", "TokenFile"], "needs a --token-source"),
    ],
)
def test_a_plugin_that_cannot_be_had_is_an_error_at_start(
    websockify: Websockify, options: list[str], said: str
) -> None:
    (websockify.cwd / "own.py").write_text(OWN)
    program = websockify.run(*options, "127.0.0.1:0", env={"PYTHONPATH": str(websockify.cwd)})
    program.wait_for_output(said)
    assert program.exit_status() != 0
