"""SIGHUP: all that new clients get is replaced or nothing is, and nobody is dropped."""

from __future__ import annotations

import itertools
import os
import pty
import re
import signal
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from .certificates import make_certificate, replace_file, served_serial
from .programs import Programs, free_port, wait_until_gone
from .proxy import COMMAND, Proxy, clean_environment, start_proxy
from .targets import echo, tcp_target
from .wire import CLOSE, Wire, any_certificate, masked_frame, upgrade_request

pytestmark = pytest.mark.e2e

HUPS = 200

# In a request, the token that leads to the target.
BEARER = "Authorization: Bearer sesame"

OUTCOME = re.compile(r"(?m)^.*(?:INFO reloaded|ERROR not reloaded).*$")


@pytest.fixture
def target() -> Iterator[str]:
    with tcp_target(echo) as port:
        yield f"127.0.0.1:{port}"


@dataclass
class Reloadable:
    """A proxy that was started from a file of settings, with a certificate."""

    proxy: Proxy
    config: Path
    certificate: Path
    token: Path
    tokens: Path

    def reload(self) -> str:
        """The line of the log that says what came of a SIGHUP."""
        before = len(OUTCOME.findall(self.proxy.program.output))

        def told() -> bool:
            return len(OUTCOME.findall(self.proxy.program.output)) > before

        os.kill(self.proxy.program.pid, signal.SIGHUP)
        self.proxy.program.wait_until(told, "outcome of a reload")
        return str(OUTCOME.findall(self.proxy.program.output)[before])


def start(
    programs: Programs, tmp_path: Path, settings: str, *arguments: str, patched: bool = False
) -> Reloadable:
    names = ("wsproxy.toml", "served.pem", "token", "tokens")
    config, certificate, token, tokens = (tmp_path / name for name in names)
    config.write_text(settings)
    certificate.write_bytes(make_certificate(1))
    token.write_text("sesame")
    files: list[str | Path] = [
        "--config",
        config,
        "--cert",
        certificate,
        "--admin-token",
        f"file:{token}",
    ]
    proxy = start_proxy(programs, *arguments, *files, cwd=tmp_path, patched=patched)
    return Reloadable(proxy, config, certificate, token, tokens)


def talk(wire: Wire, said: bytes) -> None:
    wire.send(masked_frame(said))
    assert wire.read_payload(len(said)) == said


def origin_answer(proxy: Proxy, origin: str) -> int:
    with Wire.open(proxy.port) as wire:
        wire.send(upgrade_request(proxy.host, f"Origin: {origin}"))
        return wire.read_answer().status


@dataclass
class Load:
    """Clients that come, say something over TLS or in plain, and go, until told to stop."""

    proxy: Proxy
    served: int = 0
    failures: list[str] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Load:
        tls = any_certificate()
        self._threads = [
            threading.Thread(target=self._run, args=(context,)) for context in (tls, None)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(20)

    def _run(self, tls: ssl.SSLContext | None) -> None:
        while not self._over.is_set():
            try:
                self._visit(tls)
            except Exception as error:  # noqa: BLE001  each is a failed test
                self.failures.append(repr(error))
            self.served += 1

    def _visit(self, tls: ssl.SSLContext | None) -> None:
        with Wire.open(self.proxy.port, tls=tls) as wire:
            wire.upgrade(self.proxy.host, BEARER)
            talk(wire, b"passing by")
            wire.send(masked_frame(struct.pack("!H", 1000), CLOSE))
            assert wire.read_close()[0] == 1000


def breakages(it: Reloadable, good: str, tokens: bytes) -> Iterator[bool]:
    """Change the files for ever; each value says whether they are right now."""
    for number in itertools.count(2):
        replace_file(it.certificate, make_certificate(number))
        yield True
        replace_file(it.certificate, b"no certificate at all")
        yield False
        replace_file(it.certificate, make_certificate(number))
        it.config.write_text(f"{good}heartbeat = 'never'\n")
        yield False
        it.config.write_text(good)
        yield True
        replace_file(it.token, b"")
        yield False
        replace_file(it.token, b"sesame")
        yield True
        replace_file(it.tokens, b"this names nothing\n")
        yield False
        replace_file(it.tokens, tokens)
        yield True


@pytest.mark.fault(28)
@pytest.mark.deadline(100)
@pytest.mark.parametrize("patched", [False, True])
def test_two_hundred_hups_under_load_drop_nobody(
    programs: Programs, target: str, tmp_path: Path, patched: bool
) -> None:
    good = f'tokens = "file:{tmp_path / "tokens"}"\n'
    tokens = f"sesame: {target}\n".encode()
    (tmp_path / "tokens").write_bytes(tokens)
    it = start(programs, tmp_path, good, patched=patched)
    with ExitStack() as held:
        sessions = [held.enter_context(Wire.open(it.proxy.port)) for _ in range(10)]
        sessions += [
            held.enter_context(Wire.open(it.proxy.port, tls=any_certificate())) for _ in range(10)
        ]
        for wire in sessions:
            wire.upgrade(it.proxy.host, BEARER)
        load = held.enter_context(Load(it.proxy))
        for number, right in zip(range(HUPS), breakages(it, good, tokens), strict=False):
            assert ("INFO reloaded" in it.reload()) is right
            talk(sessions[number % len(sessions)], b"still here")
        for wire in sessions:
            talk(wire, b"to the last")
    assert load.failures == []
    assert load.served > 50


@pytest.mark.fault(29)
def test_a_swapped_certificate_is_in_the_next_handshake(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    it = start(programs, tmp_path, f'target = "{target}"\n')
    assert served_serial(it.proxy.port) == 1
    replace_file(it.certificate, make_certificate(2))
    assert "INFO reloaded" in it.reload()
    assert served_serial(it.proxy.port) == 2
    replace_file(it.certificate, b"rubbish")
    assert "holds no certificate" in it.reload()
    assert served_serial(it.proxy.port) == 2
    it.certificate.unlink()
    assert "served.pem" in it.reload()
    assert served_serial(it.proxy.port) == 2


def test_new_rules_and_a_new_target_hold_for_new_clients(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    it = start(programs, tmp_path, f'target = "{target}"\n')
    page = "https://console.example"
    with Wire.open(it.proxy.port) as old:
        old.upgrade(it.proxy.host)
        assert origin_answer(it.proxy, page) == 403
        it.config.write_text(f'target = "echo:"\nallow_origin = ["{page}"]\n')
        assert "-> echo:" in it.reload()
        assert origin_answer(it.proxy, page) == 101
        talk(old, b"to the target of before")


def test_a_wrong_file_changes_nothing_not_even_in_part(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    it = start(programs, tmp_path, f'target = "{target}"\n')
    it.config.write_text('target = "echo:"\nallow_origin = ["https://a.example"]\nno_such = 1\n')
    line = it.reload()
    assert "'no_such' is no setting" in line
    assert it.proxy.program.output.count("no_such") == 1
    assert origin_answer(it.proxy, "https://a.example") == 403


def test_what_takes_a_restart_is_named(programs: Programs, target: str, tmp_path: Path) -> None:
    it = start(programs, tmp_path, f'target = "{target}"\n')
    it.config.write_text(f'target = "{target}"\nmax_connections = 5\nverbose = true\n')
    assert "INFO reloaded" in it.reload()
    it.proxy.program.wait_for_output("WARNING --max-connections has changed.* restart")


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])
def test_the_log_goes_on_in_a_new_file(
    number: signal.Signals, programs: Programs, target: str, tmp_path: Path
) -> None:
    log = tmp_path / "proxy.log"
    it = start(programs, tmp_path, f'target = "{target}"\n', "--log-file", str(log))
    it.proxy.program.wait_until(log.exists, "log")  # which is opened behind the port
    log.rename(tmp_path / "proxy.log.1")
    os.kill(it.proxy.program.pid, number)
    it.proxy.program.wait_until(log.exists, "new log file")
    with Wire.open(it.proxy.port) as wire:
        wire.upgrade(it.proxy.host)
        it.proxy.program.wait_until(lambda: "opened" in log.read_text(), "line in the new log")


def test_made_certificates_outlive_a_reload(
    programs: Programs, target: str, tmp_path: Path
) -> None:
    proxy = start_proxy(programs, target, "--cert", "auto", cwd=tmp_path)
    before = served_serial(proxy.port)
    it = Reloadable(proxy, *[tmp_path] * 4)
    assert "INFO reloaded" in it.reload()
    assert served_serial(proxy.port) == before


def test_the_end_of_its_terminal_is_its_own(target: str, tmp_path: Path) -> None:
    port = free_port()
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.execve(COMMAND[0], [*COMMAND, "-f", f"127.0.0.1:{port}", target], clean_environment())
    try:
        said = b""
        while b" -> " not in said:
            said += os.read(terminal, 4096)
        os.kill(pid, signal.SIGHUP)
        while b"reloaded" not in said:
            said += os.read(terminal, 4096)
    finally:
        os.close(terminal)
    wait_until_gone(pid)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_revoke_ends_the_sessions_whose_token_is_gone_and_no_others(
    programs: Programs, target: str, tmp_path: Path, workers: str
) -> None:
    lines = {name: f"{name}: {target}\n" for name in ("kept", "gone")}
    (tmp_path / "tokens").write_text("".join(lines.values()))
    settings = f'tokens = "file:{tmp_path / "tokens"}"\nrevoke = true\n'
    it = start(programs, tmp_path, settings, "--workers", workers)
    with ExitStack() as held:
        wires = [held.enter_context(Wire.open(it.proxy.port)) for _ in range(12)]
        for number, wire in enumerate(wires):
            wire.upgrade(it.proxy.host, f"Authorization: Bearer {[*lines][number % 2]}")
        replace_file(it.tokens, lines["kept"].encode())
        assert "INFO reloaded" in it.reload()
        for wire in wires[1::2]:
            assert wire.read_close() == (1008, "this token has been revoked")
        for wire in wires[::2]:
            talk(wire, b"still welcome")
    it.proxy.program.wait_for_output(r"(?s)(reason=token-revoked.*){6}")
