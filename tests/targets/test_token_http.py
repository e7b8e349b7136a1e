"""Tokens that an HTTP API knows: a real server, and one that does all that is wrong."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import gevent
import pytest

from tests.cases.tokens import HOSTILE
from tests.e2e.openssl import Authority
from tests.e2e.programs import free_port
from wsproxy_gevent.errors import Busy, ProxyError, SourceFailed, TargetForbidden, TokenRefused
from wsproxy_gevent.model import Target, TcpTarget, Token, UnixTarget
from wsproxy_gevent.net.turns import Turns
from wsproxy_gevent.targets import token_http
from wsproxy_gevent.targets.token_http import ANSWER_BYTES, HttpSource

THERE = TcpTarget("vm7.internal", 5900)
ASKED = Token("secret-one")

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Api:
    """Answers each GET as `answer` says; `asked` are the request lines and headers."""

    port: int
    answer: Callable[[BaseHTTPRequestHandler], Answer]
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/tokens/%s?all=1"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """That a client leaves, or an answer is broken off, is what is tried here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10

    def __init__(self, api: Api, *args: object) -> None:
        self._api = api
        api.connections += 1
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self._api.asked.append((self.path, dict(self.headers.items())))
        status, headers, body = self._api.answer(self)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers and "Transfer-Encoding" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def serving(
    answer: Callable[[BaseHTTPRequestHandler], Answer], tls: ssl.SSLContext | None = None
) -> Iterator[Api]:
    api = Api(0, answer)
    with _Server(("127.0.0.1", 0), partial(_Handler, api)) as server:
        api.port = server.server_port
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield api
        server.shutdown()
        thread.join()


@contextmanager
def answering(body: bytes | str | object, status: int = 200, **headers: str) -> Iterator[Api]:
    if not isinstance(body, bytes | str):
        body = json.dumps(body)
    sent = body if isinstance(body, bytes) else body.encode()
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    with serving(lambda _: (status, fields, sent)) as api:
        yield api


def source(url: str, *, ca: str | None = None, unix: bool = False) -> HttpSource:
    return HttpSource(url, turns=Turns(4), ca=ca, unix=unix)


def find(url: str, token: Token = ASKED) -> Target:
    return source(url).find(token)


def failure(url: str, kind: type[ProxyError] = SourceFailed) -> str:
    """What the log would say; what the client is told is the same for all."""
    with pytest.raises(kind) as caught:
        find(url)
    assert "secret" not in caught.value.reason + caught.value.detail
    if kind is SourceFailed:
        assert caught.value.reason.startswith("what knows the tokens ")
    return caught.value.detail


# -- What it is asked ----------------------------------------------------------------------


def test_it_is_asked_with_a_get_and_nothing_of_the_clients() -> None:
    with answering("vm7.internal:5900") as api:
        assert find(api.url) == THERE
    ((path, headers),) = api.asked
    assert path == "/tokens/secret-one?all=1"
    assert {name.lower() for name in headers} <= {
        *("host", "user-agent", "accept", "accept-encoding", "connection")
    }


@pytest.mark.parametrize("token", [t for t in HOSTILE if t.strip(".")])
def test_a_token_stays_within_its_place(hostile_api: Api, token: str) -> None:
    hostile_api.asked.clear()
    find(hostile_api.url, Token(token))
    ((path, _),) = hostile_api.asked
    before, _, after = path.partition("/tokens/")
    quoted, question, query = after.partition("?")
    assert (before, question, query) == ("", "?", "all=1")
    assert "/" not in quoted
    assert unquote(quoted) == token


@pytest.mark.parametrize("token", [".", "..", "..."])
def test_dots_would_be_taken_out_of_the_url(hostile_api: Api, token: str) -> None:
    hostile_api.asked.clear()
    with pytest.raises(TokenRefused):
        find(hostile_api.url, Token(token))
    assert not hostile_api.asked


@pytest.fixture(scope="module")
def hostile_api() -> Iterator[Api]:
    with answering("vm7.internal:5900") as api:
        yield api


def test_connections_are_kept_and_no_more_than_turns() -> None:
    with answering("vm7.internal:5900") as api:
        it = source(api.url)
        finding = [gevent.spawn(it.find, Token(f"t{number}")) for number in range(60)]
        gevent.joinall(finding, timeout=20, raise_error=True)
        assert {one.value for one in finding} == {THERE}
        assert len(api.asked) == 60
        assert api.connections <= 4


def test_the_environment_names_no_proxy_and_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    with answering("vm7.internal:5900") as api:
        assert find(api.url) == THERE


# -- What it answers -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "vm7.internal:5900",
        "vm7.internal:5900\r\n",
        {"host": "vm7.internal", "port": 5900},
        {"host": "vm7.internal", "port": "5900", "more": []},
        {"target": "vm7.internal:5900"},
    ],
)
def test_its_answer_is_a_target_as_text_or_json(body: object) -> None:
    with answering(body) as api:
        assert find(api.url) == THERE


@pytest.mark.parametrize(
    "body", ["vm7", "vm7:0", "vm7:5900\nvm8:5900", "{", "[]", "null", {"port": 1}, {}, "<html>"]
)
def test_an_answer_that_names_no_target_is_no_yes(body: object) -> None:
    with answering(body) as api:
        assert "names no target" in failure(api.url)


@pytest.mark.parametrize("status", [204, 400, 401, 403, 404, 410, 422])
def test_a_no_is_a_token_that_is_not_known(status: int) -> None:
    with answering("", status) as api:
        assert str(status) in failure(api.url, TokenRefused)


def test_an_empty_yes_is_a_no() -> None:
    with answering("") as api:
        failure(api.url, TokenRefused)


@pytest.mark.fault(34)
@pytest.mark.parametrize("status", [201, 206, 301, 302, 307, 308, 429, 500, 502, 503])
def test_whatever_else_is_neither(status: int) -> None:
    """A redirect would lead where nobody has said that tokens may go."""
    with answering("here:1") as elsewhere:
        place = f"http://127.0.0.1:{elsewhere.port}/"
        with answering("vm7.internal:5900", status, Location=place) as api:
            assert failure(api.url) == f"the token API: it answered {status}"
        assert not elsewhere.asked


def test_a_socket_of_this_machine_is_named_only_where_some_are_listed() -> None:
    with answering("unix:/run/docker.sock") as api:
        failure(api.url, TargetForbidden)
        found = source(api.url, unix=True).find(ASKED)
        assert found == UnixTarget("/run/docker.sock")


# -- What is wrong with it -----------------------------------------------------------------


@pytest.mark.fault(34)
@pytest.mark.parametrize("excess", [0, 1, 10_000_000])
def test_an_answer_is_not_read_beyond_what_names_a_target(excess: int) -> None:
    body = b"vm7.internal:5900".ljust(ANSWER_BYTES + excess)
    with answering(body) as api:
        if excess:
            assert "longer than 8192 bytes" in failure(api.url)
        else:
            assert find(api.url) == THERE


@pytest.mark.fault(34)
def test_nor_is_one_that_unpacks_to_more() -> None:
    import gzip

    body = gzip.compress(bytes(50_000_000))
    with answering(body, Content_Encoding="gzip") as api:
        assert "longer than 8192 bytes" in failure(api.url)


@pytest.mark.fault(34)
def test_one_that_drips_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_http, "LOOKUP_SECONDS", 0.3)
    ended = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> Answer:
        handler.send_response(200)
        handler.end_headers()
        try:
            for _ in range(500):
                handler.wfile.write(b" " * 20)
                time.sleep(0.01)  # a server's, on a thread of its own
        except OSError:
            ended.set()
        handler.close_connection = True
        raise ConnectionError

    with serving(drip) as api:
        failure(api.url, (SourceFailed, Busy))  # type: ignore[arg-type]
        assert ended.wait(5)


@pytest.mark.parametrize(
    "bytes_",
    [
        b"",
        b"\r\n\r\n",
        b"HTTP/1.1 ",
        b"\x16\x03\x01",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nvm7",
    ],
)
def test_what_is_no_http_is_no_answer(bytes_: bytes) -> None:
    def speak(handler: BaseHTTPRequestHandler) -> Answer:
        handler.wfile.write(bytes_)
        handler.close_connection = True
        raise ConnectionError

    with serving(speak) as api:
        failure(api.url)


def test_one_that_is_not_there_is_told_of() -> None:
    assert failure(f"http://127.0.0.1:{free_port()}/%s") == "the token API: ConnectionError"


def test_tls_is_verified_by_the_authority_that_is_named(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    directory = tmp_path_factory.mktemp("api") / "ours"
    authority = Authority.make(directory, "ours")
    ours = authority.sign("api", alternative="IP:127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ours.certificate, ours.key)
    with serving(lambda _: (200, {}, b"vm7.internal:5900"), context) as api:
        url = api.url.replace("http:", "https:")
        assert source(url, ca=str(authority.certificate)).find(ASKED) == THERE
        assert failure(url) == "the token API: SSLError"
