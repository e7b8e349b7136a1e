"""Client certificates that OpenSSL made, at each of the three doors."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from .certificates import make_certificate
from .openssl import Authority, Client
from .pools import PROXY_WORKER, WEBSOCKET_WORKER, start_gunicorn
from .programs import Program, Programs
from .proxy import start_proxy
from .test_curl import curl
from .wire import Answer, Wire, any_certificate, upgrade_request

pytestmark = pytest.mark.e2e


@dataclass(frozen=True, slots=True)
class People:
    """`alice`, `bob` and `carol` are of one authority, which signed mallory nothing."""

    authority: Authority
    alice: Client
    bob: Client
    carol: Client
    dave: Client
    mallory: Client


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    directory = tmp_path_factory.mktemp("authorities")
    ours = Authority.make(directory / "ours", "the authority")
    theirs = Authority.make(directory / "theirs", "the authority")
    return People(
        authority=ours,
        alice=ours.sign("alice"),
        bob=ours.sign("bob", alternative="email:Bob@example.org"),
        carol=ours.sign("carol"),
        dave=ours.sign("dave"),
        mallory=theirs.sign("alice"),
    )


@dataclass(frozen=True, slots=True)
class Gate:
    program: Program
    port: int

    def ask(self, tls: ssl.SSLContext) -> Answer:
        with Wire.open(self.port, tls=tls) as wire:
            wire.send(upgrade_request(f"127.0.0.1:{self.port}"))
            return wire.read_answer()


@pytest.fixture(scope="module")
def listed(people: People) -> str:
    return f"cn:alice,san:bob@example.org,sha256:{people.carol.fingerprint}"


@pytest.fixture(scope="module", params=["wsproxy-gevent", PROXY_WORKER, WEBSOCKET_WORKER])
def gate(
    request: pytest.FixtureRequest,
    lasting: Programs,
    people: People,
    listed: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gate]:
    """Takes those who are listed; who shows no certificate hears of it by HTTP."""
    cwd = tmp_path_factory.mktemp("gate")
    (cwd / "own.pem").write_bytes(make_certificate(1))
    (cwd / "page.html").write_text("a page")
    authority = str(people.authority.certificate)
    if request.param == "wsproxy-gevent":
        words = ("--cert", "own.pem", "--cafile", authority, "--client-cert", listed)
        web = ("--web", str(cwd), "--web-auth")
        proxy = start_proxy(lasting, "echo:", *words, *web, cwd=cwd)
        yield Gate(proxy.program, proxy.port)
        return
    words = ("--certfile", "own.pem", "--ca-certs", authority, "--cert-reqs", "1")
    pool = start_gunicorn(
        *(lasting, "echo:", *words),
        cwd=cwd,
        worker=request.param,
        CLIENT_CERT=listed,
        WEB=str(cwd),
        WEB_AUTH="1",
    )
    yield Gate(pool.program, pool.port)


def test_who_is_listed_comes_in_by_any_of_the_three_spellings(gate: Gate, people: People) -> None:
    for client in (people.alice, people.bob, people.carol):
        assert gate.ask(client.tls()).status == 101
        gate.program.wait_for_output(f"session opened .* user={client.name}")


def test_who_is_not_listed_is_told_so(gate: Gate, people: People) -> None:
    answer = gate.ask(people.dave.tls())
    assert (answer.status, answer.headers["wsproxy-reason"]) == (403, "client-cert-refused")
    gate.program.wait_for_output("client-cert-refused .*--client-cert cn:dave")


def test_who_shows_none_is_told_so(gate: Gate) -> None:
    answer = gate.ask(any_certificate())
    assert (answer.status, answer.headers["wsproxy-reason"]) == (403, "client-cert-refused")


def test_a_name_that_somebody_else_signed_does_not_come_in(gate: Gate, people: People) -> None:
    # With TLS 1.3 the client is done before the server says no.
    with pytest.raises((ssl.SSLError, EOFError, ConnectionError)):
        gate.ask(people.mallory.tls())


def test_nobody_comes_in_without_tls(programs: Programs, people: People, tmp_path: Path) -> None:
    words = ("--cert", "auto", "--verify-client", "--cafile", people.authority.certificate)
    proxy = start_proxy(programs, "echo:", *words, cwd=tmp_path)
    with Wire.open(proxy.port) as wire:
        wire.send(upgrade_request(proxy.host))
        assert wire.read_answer().status == 403
    with pytest.raises((ssl.SSLError, EOFError, ConnectionError)):
        Gate(proxy.program, proxy.port).ask(any_certificate())
    assert Gate(proxy.program, proxy.port).ask(people.dave.tls()).status == 101


def test_a_worker_that_asks_for_none_is_refused_at_start(
    programs: Programs, people: People, tmp_path: Path
) -> None:
    (tmp_path / "own.pem").write_bytes(make_certificate(1))
    pool = start_gunicorn(
        programs,
        "echo:",
        "--certfile",
        "own.pem",
        cwd=tmp_path,
        worker=WEBSOCKET_WORKER,
        CLIENT_CERT="cn:alice",
    )
    assert pool.program.exit_status() != 0
    assert "--cert-reqs" in pool.program.output


def test_pages_are_for_the_same_people(gate: Gate, people: People) -> None:
    url = f"https://127.0.0.1:{gate.port}/page.html"
    alice, dave = people.alice, people.dave
    assert curl("--cert", str(alice.certificate), "--key", str(alice.key), url)[::2] == (
        200,
        "a page",
    )
    assert curl("--cert", str(dave.certificate), "--key", str(dave.key), url)[0] == 403
    assert curl(url)[0] == 403
