"""Names and passwords at each of the three doors, asked by curl and by a WebSocket client."""

from __future__ import annotations

import base64
import os
import re
import signal
from pathlib import Path

import bcrypt
import pytest
from argon2 import PasswordHasher

from .gates import DOORS, Gate, start_gate
from .programs import Programs
from .proxy import start_proxy
from .test_curl import curl
from .wire import Wire, upgrade_request

pytestmark = pytest.mark.e2e


def hashed(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


def basic(name: str, password: str) -> str:
    return "Authorization: Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("logins")
    (directory / "web").mkdir()
    (directory / "web" / "page.html").write_text("<!DOCTYPE html><title>a page</title>")
    argon2 = PasswordHasher().hash("opensesame")
    (directory / "users").write_text(f"alice:{argon2}\nbob:{hashed('swordfish')}\n")
    return directory


@pytest.fixture(scope="module", params=DOORS)
def gate(request: pytest.FixtureRequest, lasting: Programs, place: Path) -> Gate:
    settings = {
        "BASIC_AUTH": f"htpasswd:{place}/users",
        "WEB": f"{place}/web",
        "WEB_AUTH": "1",
        "HEALTH": "1",
    }
    return start_gate(lasting, request.param, "echo:", place, settings)


@pytest.mark.parametrize(("name", "password"), [("alice", "opensesame"), ("bob", "swordfish")])
def test_the_right_password_opens_pages_and_sessions(gate: Gate, name: str, password: str) -> None:
    status, _, body = curl("-u", f"{name}:{password}", f"{gate.http}/page.html")
    assert (status, "a page" in body) == (200, True)
    assert gate.ask(basic(name, password)).status == 101
    gate.program.wait_for_output(f"session opened .* user={name}")


def test_without_one_everything_asks_for_it(gate: Gate) -> None:
    status, head, body = curl(f"{gate.http}/page.html")
    assert (status, "a page" in body) == (401, False)
    assert 'www-authenticate: basic realm="wsproxy-gevent"' in head
    answer = gate.ask()
    assert (answer.status, answer.headers["wsproxy-reason"]) == (401, "login-required")
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert curl(f"{gate.http}/absent")[0] == 401
    assert curl("-I", f"{gate.http}/page.html")[0] == 401
    assert curl(f"{gate.http}/healthz")[0] == 200


def test_who_guesses_is_braked_and_who_knows_is_not(gate: Gate) -> None:
    statuses = [gate.ask(basic("alice", f"guess {number}")).status for number in range(14)]
    assert statuses[:10] == [401] * 10
    assert statuses[10:] == [429] * 4
    assert gate.ask(basic("alice", "opensesame")).status == 101
    status, head, _ = curl("-u", "bob:wrong", f"{gate.http}/page.html")
    assert status == 429
    assert re.search(r"^retry-after: [0-9]+$", head, re.MULTILINE)
    assert curl("-u", "bob:swordfish", f"{gate.http}/page.html")[0] == 200


def test_no_password_stands_in_the_log(gate: Gate) -> None:
    assert gate.ask(basic("alice", "opensesame")).status == 101
    gate.program.wait_for_output("session closed .* user=alice")
    for secret in ("opensesame", "swordfish", "guess", basic("alice", "opensesame")[21:]):
        assert secret not in gate.program.output


def test_a_changed_file_holds_for_the_next_one_who_comes(
    programs: Programs, tmp_path: Path
) -> None:
    users = tmp_path / "users"
    users.write_text(f"alice:{hashed('one')}\n")
    proxy = start_proxy(programs, "echo:", "--basic-auth", f"htpasswd:{users}", cwd=tmp_path)
    gate = Gate(proxy.program, proxy.port)
    assert gate.ask(basic("alice", "one")).status == 101
    users.write_text(f"alice:{hashed('two')}\n")
    proxy.program.wait_until(
        lambda: gate.ask(basic("alice", "one")).status in (401, 429), "the new file"
    )
    assert gate.ask(basic("alice", "two")).status == 101
    users.write_text("alice:in the clear\n")
    os.kill(proxy.program.pid, signal.SIGHUP)
    proxy.program.wait_for_output("not reloaded, .*users, line 1")
    assert gate.ask(basic("alice", "two")).status == 101
    assert "in the clear" not in proxy.program.output


def test_a_password_on_the_command_line_is_taken_with_a_warning(
    programs: Programs, tmp_path: Path
) -> None:
    proxy = start_proxy(programs, "echo:", "--basic-auth", "alice:sesame", cwd=tmp_path)
    proxy.program.wait_for_output("others can see --basic-auth in the list of processes")
    assert Gate(proxy.program, proxy.port).ask(basic("alice", "sesame")).status == 101
    assert "sesame" not in proxy.program.output


def test_sessions_go_on_while_passwords_are_checked(programs: Programs, tmp_path: Path) -> None:
    """A hash of a second and more holds nobody up."""
    slow = PasswordHasher(time_cost=24, memory_cost=65536, parallelism=1).hash("sesame")
    (tmp_path / "users").write_text(f"alice:{slow}\n")
    words = ("--basic-auth", f"htpasswd:{tmp_path}/users")
    proxy = start_proxy(programs, "echo:", *words, cwd=tmp_path)
    gate = Gate(proxy.program, proxy.port)
    with Wire.open(gate.port) as wire:
        wire.send(upgrade_request(proxy.host, basic("alice", "sesame")))
        # Asked behind it and answered before it.
        assert gate.ask().status == 401
        wire.sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            wire.sock.recv(1)
        wire.sock.settimeout(15)
        assert wire.read_answer().status == 101
