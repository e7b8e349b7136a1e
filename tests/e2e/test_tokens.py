"""Tokens, from a client to the target that each names, at every door and from every source."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import redis
from jwcrypto import jwk
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.cases.jwts import claims, signed

from .gates import DOORS, Gate, start_gate
from .programs import Programs, free_port, needs
from .proxy import start_proxy
from .targets import tcp_target, unix_target
from .wire import Wire, upgrade_request

pytestmark = pytest.mark.e2e

ONE, OTHER = "secret-one", "secret-other"


def saying(word: bytes) -> Callable[..., None]:
    """A service that says its name, and ends when its client does."""

    def handle(sock: object) -> None:
        sock.sendall(word)  # type: ignore[attr-defined]
        sock.recv(1)  # type: ignore[attr-defined]

    return handle


@pytest.fixture(scope="module")
def services() -> Iterator[dict[bytes, str]]:
    """Where each is, by what it says."""
    with ExitStack() as stack:
        words = (b"here", b"over")
        ports = [stack.enter_context(tcp_target(saying(word))) for word in words]
        yield {word: f"127.0.0.1:{port}" for word, port in zip(words, ports, strict=True)}


def led_to(port: int, *lines: str, path: str = "/", host: str = "127.0.0.1") -> bytes | int:
    """What the service behind a handshake says, or the status where there is none."""
    with Wire.open(port) as wire:
        wire.send(upgrade_request(host, *lines, path=path))
        answer = wire.read_answer()
        return wire.read_payload(4) if answer.status == 101 else answer.status


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def write_tokens(place: Path, services: dict[bytes, str]) -> str:
    tokens = place / "tokens"
    tokens.write_text(f"{ONE}: {services[b'here']}\n{OTHER}: {services[b'over']}\n")
    return f"file:{tokens}"


# -- Where a token stands, and how it is refused -------------------------------------------


@pytest.mark.parametrize("door", DOORS)
def test_a_token_in_each_of_its_places_leads_to_its_target_at_every_door(
    programs: Programs, tmp_path: Path, services: dict[bytes, str], door: str
) -> None:
    settings = {
        "TOKENS": write_tokens(tmp_path, services),
        "TOKEN_FROM": "query,bearer,subprotocol,cookie,path",
    }
    gate = start_gate(programs, door, "", tmp_path, settings)
    for token, said in ((ONE, b"here"), (OTHER, b"over"), ("secret-none", 403)):
        for lines, path in (
            ([], f"/?token={token}"),
            ([f"Authorization: Bearer {token}"], "/"),
            ([f"Sec-WebSocket-Protocol: binary, token.{encoded(token)}"], "/"),
            ([f"Cookie: a=b; token={token}"], "/"),
            ([], f"/vnc/{token}"),
        ):
            assert led_to(gate.port, *lines, path=path) == said
    assert led_to(gate.port) == 403
    gate.program.wait_for_output("token-refused(.|\n)*token-missing|path=/vnc/")
    assert "secret" not in gate.program.output
    assert encoded(ONE) not in gate.program.output
    gate.program.wait_for_output(r"session opened .*token=[0-9a-f]{8}\b")


def test_the_subprotocol_that_is_a_token_is_not_chosen(
    programs: Programs, tmp_path: Path, services: dict[bytes, str]
) -> None:
    proxy = start_proxy(programs, "--tokens", write_tokens(tmp_path, services), cwd=tmp_path)
    secret = f"token.{encoded(ONE)}"
    with connect(proxy.ws, subprotocols=["binary", secret], open_timeout=10) as peer:  # type: ignore[list-item]
        assert peer.subprotocol == "binary"
        assert peer.recv(10) == b"here"


def test_a_page_may_be_told_why(
    programs: Programs, tmp_path: Path, services: dict[bytes, str]
) -> None:
    tokens = write_tokens(tmp_path, services)
    plain = start_proxy(programs, "--tokens", tokens, cwd=tmp_path)
    with pytest.raises(InvalidStatus) as refused:
        connect(f"{plain.ws}?token=secret-none", open_timeout=10)
    assert refused.value.response.status_code == 403
    assert refused.value.response.headers["Wsproxy-Reason"] == "token-refused"
    told = start_proxy(programs, "--tokens", tokens, "--refuse-by", "close", cwd=tmp_path)
    for path in ("?token=secret-none", ""):
        with connect(told.ws + path, open_timeout=10) as peer, pytest.raises(ConnectionClosed):
            peer.recv(10)
        assert peer.close_code == 1008
        assert peer.close_reason is not None
        assert "token" in peer.close_reason
        assert "secret" not in peer.close_reason
    with connect(f"{told.ws}?token={ONE}", open_timeout=10) as peer:
        assert peer.recv(10) == b"here"


# -- Each source ---------------------------------------------------------------------------


def of_file(_: Programs, place: Path, services: dict[bytes, str]) -> list[str]:
    return ["--tokens", write_tokens(place, services)]


def of_directory(_: Programs, place: Path, services: dict[bytes, str]) -> list[str]:
    names = place / "names"
    names.mkdir()
    (names / ONE).write_text(services[b"here"])
    (names / OTHER).write_text(services[b"over"] + "\n")
    return ["--tokens", f"dir:{names}"]


def of_redis(programs: Programs, place: Path, services: dict[bytes, str]) -> list[str]:
    port = free_port()
    words = ("--port", str(port), "--requirepass", "sesame", "--save", "", "--dir", place)
    server = programs.start(needs("redis-server"), *words, name="redis")
    server.wait_until_listening(port)
    with redis.Redis("127.0.0.1", port, password="sesame") as client:
        client.set(ONE, services[b"here"])
        host, _, number = services[b"over"].partition(":")
        client.set(OTHER, json.dumps({"host": host, "port": int(number)}))
    (place / "password").write_text("sesame\n")
    url = f"redis://127.0.0.1:{port}"
    return ["--tokens", url, "--token-password", f"file:{place}/password"]


SOURCES = [of_file, of_directory, of_redis]


@pytest.mark.parametrize("source", SOURCES)
def test_each_source_leads_to_the_target_that_it_names(
    programs: Programs,
    tmp_path: Path,
    services: dict[bytes, str],
    source: Callable[[Programs, Path, dict[bytes, str]], list[str]],
) -> None:
    proxy = start_proxy(programs, *source(programs, tmp_path, services), cwd=tmp_path)
    for token, said in ((ONE, b"here"), (OTHER, b"over"), ("secret-none", 403)):
        assert led_to(proxy.port, path=f"/?token={token}") == said
    assert "secret" not in proxy.program.output
    assert "sesame" not in proxy.program.output


def test_a_directory_of_sockets(programs: Programs, tmp_path: Path) -> None:
    sockets = tmp_path / "s"
    sockets.mkdir()
    with unix_target(sockets / ONE, saying(b"here")):
        proxy = start_proxy(programs, "--tokens", f"unixdir:{sockets}", cwd=tmp_path)
        assert led_to(proxy.port, path=f"/?token={ONE}") == b"here"
        assert led_to(proxy.port, path=f"/?token=../s/{ONE}") == 403


def test_signed_tokens(programs: Programs, tmp_path: Path, services: dict[bytes, str]) -> None:
    ours, stranger = (jwk.JWK.generate(kty="EC", crv="P-256") for _ in range(2))
    (tmp_path / "key.pem").write_bytes(ours.export_to_pem())
    words = ("--tokens", f"jwt:{tmp_path}/key.pem", "--jwt-audience", "consoles")
    proxy = start_proxy(programs, *words, cwd=tmp_path)
    host, _, port = services[b"here"].partition(":")
    good = claims(
        "nbf", "iat", "iss", host=host, port=int(port), aud="consoles", exp=time.time() + 60
    )

    def shown(key: jwk.JWK, **changes: object) -> bytes | int:
        return led_to(
            proxy.port, f"Authorization: Bearer {signed(key, {**good, **changes}, 'ES256')}"
        )

    assert shown(ours) == b"here"
    assert shown(stranger) == 403
    assert shown(ours, exp=time.time() - 60) == 403
    assert shown(ours, aud="mail") == 403
    assert shown(ours, port=services[b"over"].partition(":")[2]) == 403
    proxy.program.wait_for_output("token-expired")


class _Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10

    def __init__(self, known: dict[str, str], *args: object) -> None:
        self._known = known
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        target = self._known.get(self.path.removeprefix("/tokens/"))
        body = json.dumps({"target": target}).encode() if target else b""
        self.send_response(200 if target else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def test_an_api(programs: Programs, tmp_path: Path, services: dict[bytes, str]) -> None:
    known = {ONE: services[b"here"], OTHER: services[b"over"]}
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Api, known)) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/tokens/%s"
        proxy = start_proxy(programs, "--tokens", url, cwd=tmp_path)
        for token, said in ((ONE, b"here"), (OTHER, b"over"), ("none", 403), ("../tokens/x", 403)):
            assert led_to(proxy.port, path=f"/?token={token}") == said
        server.shutdown()
    # Those that are kept open know no more than this: nobody can say.
    nowhere = start_proxy(programs, "--tokens", f"http://127.0.0.1:{free_port()}/%s", cwd=tmp_path)
    assert led_to(nowhere.port, path=f"/?token={ONE}") == 503
    nowhere.program.wait_for_output("token-source-failed.*ConnectionError")
    assert "secret" not in nowhere.program.output + proxy.program.output


# -- Many at once --------------------------------------------------------------------------

AT_ONCE = 500


def test_who_come_in_one_moment_are_all_led_to_their_targets(
    programs: Programs, tmp_path: Path, services: dict[bytes, str]
) -> None:
    lines = [f"t{n}: {services[b'here' if n % 2 else b'over']}\n" for n in range(AT_ONCE)]
    (tmp_path / "tokens").write_text("".join(lines))
    words = ("--tokens", f"file:{tmp_path}/tokens", "--max-pending-per-address", "0")
    proxy = start_proxy(programs, *words, cwd=tmp_path)
    with ExitStack() as stack:
        wires = [stack.enter_context(Wire.open(proxy.port)) for _ in range(AT_ONCE)]
        for number, wire in enumerate(wires):
            wire.send(upgrade_request("127.0.0.1", path=f"/?token=t{number}"))
        for number, wire in enumerate(wires):
            assert wire.read_answer().status == 101
            assert wire.read_payload(4) == (b"here" if number % 2 else b"over")


def test_a_token_has_as_many_sessions_as_it_may(
    programs: Programs, tmp_path: Path, services: dict[bytes, str]
) -> None:
    words = ("--tokens", write_tokens(tmp_path, services), "--max-per-token", "2")
    proxy = start_proxy(programs, *words, cwd=tmp_path)
    gate = Gate(proxy.program, proxy.port)
    with ExitStack() as stack:
        for _ in range(2):
            wire = stack.enter_context(Wire.open(proxy.port))
            wire.send(upgrade_request("127.0.0.1", path=f"/?token={ONE}"))
            assert wire.read_answer().status == 101
        answer = gate.ask(path=f"/?token={ONE}")
        assert (answer.status, answer.headers["wsproxy-reason"]) == (429, "token-full")
        assert led_to(proxy.port, path=f"/?token={OTHER}") == b"over"
    proxy.program.wait_for_output("(session closed(.|\n)*){3}")
    assert led_to(proxy.port, path=f"/?token={ONE}") == b"here"
    assert "secret" not in proxy.program.output


# A plugin of somebody's that keeps in a global what its judge looks at, and dawdles.
DAWDLING = """
import time
from websockify.auth_plugins import AuthenticationError

LAST = None


class Shelf:
    def __init__(self, src):
        self.src = src.split()

    def lookup(self, token):
        global LAST
        LAST = token
        time.sleep(0.0001)
        return ("127.0.0.1", self.src[int(LAST.partition("-")[0])])


class Contract:
    def authenticate(self, headers, target_host, target_port):
        time.sleep(0.0001)
        if headers["X-Mine"] != LAST:
            raise AuthenticationError(log_msg="crossed", response_code=409)
"""

PAIRS = 300


@pytest.mark.fault(44)
@pytest.mark.parametrize("patched", [False, True], ids=["unpatched", "patched"])
def test_two_at_once_never_get_each_others_target(
    programs: Programs,
    tmp_path: Path,
    services: dict[bytes, str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    patched: bool,
) -> None:
    (tmp_path / "dawdling.py").write_text(DAWDLING)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    ports = " ".join(services[word].partition(":")[2] for word in (b"here", b"over"))
    words = ("--token-plugin", "dawdling.Shelf", "--token-source", ports)
    more = ("--auth-plugin", "dawdling.Contract")
    if patched:  # whose own directory takes the place of PYTHONPATH
        (tmp_path / "patching").mkdir()
        (tmp_path / "patching" / "dawdling.py").write_text(DAWDLING)
    proxy = start_proxy(programs, *words, *more, cwd=tmp_path, patched=patched)
    for number in range(PAIRS):
        with Wire.open(proxy.port) as first, Wire.open(proxy.port) as second:
            for place, wire in enumerate((first, second)):
                token = f"{place}-{number}"
                wire.send(
                    upgrade_request("127.0.0.1", f"X-Mine: {token}", path=f"/?token={token}")
                )
            assert [wire.read_answer().status for wire in (first, second)] == [101, 101]
            assert first.read_payload(4) + second.read_payload(4) == b"hereover"
