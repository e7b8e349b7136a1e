"""Services that say who may come in: the documents' own, and one that does all that is wrong."""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from .gates import DOORS, Gate, start_gate
from .openssl import Authority
from .programs import ROOT, Programs, free_port, needs
from .proxy import COMMAND, clean_environment, start_proxy
from .targets import echo, tcp_target
from .wire import Wire, masked_frame, upgrade_request

pytestmark = pytest.mark.e2e


# -- The documents' ------------------------------------------------------------------------


def start_documented(programs: Programs, language: str, target: str, directory: Path) -> int:
    """The hook of that language as docs/logins.md has it, but for the port and the target."""
    page = (ROOT / "docs" / "logins.md").read_text()
    (code,) = re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    port = free_port()
    assert "vm7:5900" in code
    code = code.replace("8000", str(port)).replace("vm7:5900", target)
    path = directory / f"hook.{language}"
    path.write_text(code)
    commands: dict[str, list[str | Path]] = {
        "python": [needs("python3"), path],
        "js": [needs("node"), path],
        "php": [needs("php"), "-S", f"127.0.0.1:{port}", path],
    }
    programs.start(*commands[language], name=language).wait_until_listening(port)
    return port


@pytest.mark.parametrize("language", ["python", "js", "php"])
def test_each_hook_of_the_documents_does_what_it_says(
    programs: Programs, tmp_path: Path, language: str
) -> None:
    with tcp_target(echo) as target:
        port = start_documented(programs, language, f"127.0.0.1:{target}", tmp_path)
        url = f"http://127.0.0.1:{port}/auth"
        proxy = start_proxy(programs, "127.0.0.1:1", "--auth-url", url, cwd=tmp_path)
        gate = Gate(proxy.program, proxy.port)
        for _ in range(3):  # over a kept connection, where there is one
            assert gate.ask(path="/?token=abc").status == 101
            assert refusal(gate, "/?token=x") == (403, "hook-refused", "there is no such machine")


def refusal(gate: Gate, path: str) -> tuple[int, str, str]:
    with Wire.open(gate.port) as wire:
        wire.send(upgrade_request(f"127.0.0.1:{gate.port}", path=path))
        answer = wire.read_answer()
        text = wire.read_to_end().decode().strip()
    return answer.status, answer.headers["wsproxy-reason"], text


# -- One that does as it is told --------------------------------------------------------------


class Hook:
    """Answers by the path that is asked for; `asked` holds what it was told."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.connections = 0
        self.held = threading.Event()
        self.target = ""

    @contextmanager
    def serve(self, tls: ssl.SSLContext | None = None) -> Iterator[int]:
        hook = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                hook.connections += 1
                super().setup()

            def do_GET(self) -> None:
                told = {name.lower(): value for name, value in self.headers.items()}
                hook.asked.append(told)
                name = told["x-forwarded-uri"].partition("?")[0].strip("/")
                hook.answers.get(name, hook.yes)(self)

            def log_message(self, *_: object) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            self.held.set()
            server.shutdown()
            server.server_close()
            thread.join()

    @property
    def answers(self) -> dict[str, Callable[[BaseHTTPRequestHandler], None]]:
        return {
            "redirect": lambda h: say(h, 302, "", Location="/auth?yes"),
            "page": lambda h: say(h, 200, "<html>sign in</html>"),
            "long": lambda h: say(h, 200, json.dumps({"user": "a", "x": "x" * 9000})),
            "broken": lambda h: say(h, 500, "Traceback: secrets"),
            "pay": lambda h: say(h, 402, "pay first"),
            "ask": lambda h: say(h, 401, "who is it", **{"WWW-Authenticate": "Basic realm=x"}),
            "kept": lambda h: say(h, 200, '{"user": "k"}', **{"Cache-Control": "max-age=60"}),
            "short": lambda h: say(h, 200, json.dumps({"expires": time.time() + 1})),
            "over": lambda h: say(h, 200, json.dumps({"expires": time.time() - 1})),
            "there": lambda h: say(h, 200, json.dumps({"target": self.target})),
            "cloud": lambda h: say(h, 200, '{"target": "169.254.169.254:80"}'),
            "slow": self.slow,
        }

    def yes(self, handler: BaseHTTPRequestHandler) -> None:
        say(handler, 200, json.dumps({"user": "alice"}))

    def slow(self, handler: BaseHTTPRequestHandler) -> None:
        self.held.wait(30)
        handler.close_connection = True


def say(handler: BaseHTTPRequestHandler, status: int, text: str, **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(text)))
    handler.end_headers()
    handler.wfile.write(text.encode())


@pytest.fixture(scope="module")
def hook() -> Hook:
    return Hook()


@pytest.fixture(scope="module", params=DOORS)
def gate(
    request: pytest.FixtureRequest,
    lasting: Programs,
    hook: Hook,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gate]:
    cwd = tmp_path_factory.mktemp("hook")
    (cwd / "web").mkdir()
    (cwd / "web" / "page.html").write_text("a page")
    with hook.serve() as port:
        settings = {
            "AUTH_URL": f"http://127.0.0.1:{port}/auth?key=hush",
            "WEB": f"{cwd}/web",
            "WEB_AUTH": "1",
        }
        made = start_gate(lasting, request.param, "echo:", cwd, settings)
        yield made
        assert "hush" not in made.program.output


def test_it_is_told_who_comes_and_names_the_user(gate: Gate, hook: Hook) -> None:
    answer = gate.ask("Cookie: session=7", "Authorization: Bearer xyz", path="/vm?token=t%201")
    assert answer.status == 101
    gate.program.wait_for_output("session opened .* user=alice")
    told = hook.asked[-1]
    assert told["host"].startswith("127.0.0.1:")
    assert told["cookie"] == "session=7"
    assert told["authorization"] == "Bearer xyz"
    assert told["x-forwarded-for"] == "127.0.0.1"
    assert told["x-forwarded-host"] == f"127.0.0.1:{gate.port}"
    assert told["x-forwarded-proto"] == "http"
    assert told["x-forwarded-uri"] == "/vm?token=t%201"
    assert told["x-wsproxy-token"] == "t 1"


def test_its_refusal_reaches_the_client(gate: Gate) -> None:
    assert refusal(gate, "/pay") == (402, "hook-refused", "pay first")
    answer = gate.ask(path="/ask")
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Basic realm=x")


@pytest.mark.fault(33)
@pytest.mark.parametrize("path", ["redirect", "page", "long", "broken"])
def test_an_answer_that_is_neither_lets_nobody_in(gate: Gate, path: str) -> None:
    status, reason, text = refusal(gate, f"/{path}")
    assert (status, reason) == (503, "hook-failed")
    assert "secrets" not in text
    gate.program.wait_for_output("hook-failed .*--auth-url, 127.0.0.1:")


def test_it_may_name_the_target_but_not_any(gate: Gate, hook: Hook) -> None:
    with tcp_target(echo) as port:
        hook.target = f"localhost:{port}"
        with Wire.open(gate.port) as wire:
            wire.send(upgrade_request(f"127.0.0.1:{gate.port}", path="/there"))
            assert wire.read_answer().status == 101
            wire.send(masked_frame(b"to the very one"))
            assert wire.read_payload(15) == b"to the very one"
        gate.program.wait_for_output(f"session opened .* target=localhost:{port} ")
    assert refusal(gate, "/cloud")[0] == 403
    gate.program.wait_for_output("169.254.169.254")


def test_pages_ask_it_as_well(gate: Gate, hook: Hook) -> None:
    with Wire.open(gate.port) as wire:
        wire.send(f"GET /page.html HTTP/1.1\r\nHost: 127.0.0.1:{gate.port}\r\n\r\n".encode())
        assert wire.read_answer().status == 200
        assert wire.read(6) == b"a page"
    assert hook.asked[-1]["x-forwarded-uri"] == "/page.html"
    with Wire.open(gate.port) as wire:
        wire.send(f"GET /pay HTTP/1.1\r\nHost: 127.0.0.1:{gate.port}\r\n\r\n".encode())
        assert wire.read_answer().status == 402


def test_connections_are_kept(gate: Gate, hook: Hook) -> None:
    gate.ask()
    before = hook.connections
    for _ in range(5):
        assert gate.ask().status == 101
    assert hook.connections == before


def test_an_answer_is_kept_where_it_says_so(gate: Gate, hook: Hook) -> None:
    gate.ask(path="/kept")
    before = len(hook.asked)
    for _ in range(3):
        assert gate.ask(path="/kept").status == 101
    assert len(hook.asked) == before


def test_a_session_ends_when_its_time_is_over(gate: Gate) -> None:
    with Wire.open(gate.port) as wire:
        wire.send(upgrade_request(f"127.0.0.1:{gate.port}", path="/short"))
        assert wire.read_answer().status == 101
        assert wire.read_close() == (1008, "your login has expired; log in again")
    gate.program.wait_for_output("session closed .*close_code=1008 reason=login-expired")
    assert refusal(gate, "/over")[:2] == (403, "login-expired")


@pytest.mark.fault(33)
def test_while_it_is_silent_others_come_in(programs: Programs, tmp_path: Path) -> None:
    hook = Hook()
    with hook.serve() as port:
        url = f"http://127.0.0.1:{port}/auth"
        proxy = start_proxy(programs, "echo:", "--auth-url", url, cwd=tmp_path)
        gate = Gate(proxy.program, proxy.port)
        with Wire.open(gate.port) as wire:
            wire.send(upgrade_request(proxy.host, path="/slow"))
            for _ in range(3):
                assert gate.ask().status == 101
            assert wire.read_answer().status == 503
        gate.program.wait_for_output("did not answer within 5 s")


def test_nobody_is_asked_about_who_has_left(programs: Programs, tmp_path: Path) -> None:
    hook = Hook()
    with hook.serve() as port:
        url = f"http://127.0.0.1:{port}/auth"
        proxy = start_proxy(programs, "echo:", "--auth-url", url, "-v", cwd=tmp_path)
        with Wire.open(proxy.port) as wire:
            wire.send(upgrade_request(proxy.host, path="/slow"))
            wire.wait_until_read()
        proxy.program.wait_for_output("stage=login reason=peer-left")


def test_a_hook_that_is_not_there_lets_nobody_in(programs: Programs, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}/auth"
    proxy = start_proxy(programs, "echo:", "--auth-url", url, cwd=tmp_path)
    assert refusal(Gate(proxy.program, proxy.port), "/")[:2] == (503, "hook-failed")


@pytest.mark.parametrize(("name", "status"), [("127.0.0.1", 101), ("127.0.0.2", 503)])
def test_over_tls_it_must_be_who_it_says(
    programs: Programs, tmp_path: Path, name: str, status: int
) -> None:
    authority = Authority.make(tmp_path / "authority", "the authority")
    signed = authority.sign("hook", alternative=f"IP:{name}")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(signed.certificate, signed.key)
    with Hook().serve(tls) as hook:
        port = free_port()
        words = ("-f", f"127.0.0.1:{port}", "echo:", "--auth-url", f"https://127.0.0.1:{hook}/")
        environment = {**clean_environment(), "SSL_CERT_FILE": str(authority.certificate)}
        program = programs.start(*COMMAND, *words, env=environment, cwd=tmp_path)
        program.wait_until_listening(port)
        assert [Gate(program, port).ask().status for _ in range(2)] == [status] * 2
