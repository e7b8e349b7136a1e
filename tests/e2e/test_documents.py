"""Every command line of README, docs and conf, run as it stands there.

Only places are put in others' stead: ports, the target, and directories of
the system, which become some of the test's own.  A line that fits none of
the ways to run one fails, so that a new line needs one.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

import pytest
from argon2 import PasswordHasher

from .certificates import make_certificate, public_key
from .documents import PAGES, Block, blocks
from .pools import is_alive, unix_session
from .programs import ROOT, Program, Programs, free_port, needs, wait_until_gone
from .proxy import SCRIPT, clean_environment
from .targets import echo, tcp_target, unix_target
from .wire import Wire, upgrade_request

pytestmark = pytest.mark.e2e

BIN = SCRIPT.parent

SYSTEM_DIRECTORY: Final = re.compile(r"(?<![\w./~])/(?=(?:etc|run|usr|var)/)")
STARTED = re.compile(r"process (\d+), log: .*; stop it with: kill \1")
PAGE = re.compile(r"open (http://127\.0\.0\.1:(\d+)/) in a browser")


class Stage:
    """Where a block's lines are run: the places that they name, and what runs of them."""

    def __init__(self, programs: Programs, root: Path, held: ExitStack) -> None:
        self.root = root
        self.program: Program | None = None
        self._programs = programs
        self._daemon: int | None = None
        self.port, self.admin_port = free_port(), free_port()
        self.target = f"127.0.0.1:{held.enter_context(tcp_target(echo))}"
        self._prepare(held)
        held.callback(self.end)

    def _prepare(self, held: ExitStack) -> None:
        for name in ("run/vm7", "run/wsproxy", "etc/ssl", "usr/share/novnc", "var/log/vnc"):
            (self.root / name).mkdir(parents=True)
        (self.root / "usr/local/bin").mkdir(parents=True)
        for name in ("wsproxy-gevent", "websockify"):
            (self.root / "usr/local/bin" / name).symlink_to(SCRIPT)
        (self.root / "usr/share/novnc/index.html").write_text("a page")
        (self.root / "etc/wsproxy.token").write_text("sesame\n")
        (self.root / "etc/wsproxy.users").write_text(f"alice:{PasswordHasher().hash('x')}\n")
        (self.root / "etc/wsproxy.tokens").write_text(f"open-sesame: {self.target}\n")
        (self.root / "etc/wsproxy.jwt.pem").write_bytes(public_key())
        for name in ("gateway.pem", "clients-ca.pem", "ssl/console.pem"):
            (self.root / "etc" / name).write_bytes(make_certificate(1))
        settings = (ROOT / "conf/wsproxy.toml").read_text()
        (self.root / "etc/wsproxy.toml").write_text(self.placed(settings))
        held.enter_context(unix_target(self.root / "run/vm7/vnc.sock", echo))

    def placed(self, text: str) -> str:
        """With places of ours where the documents name somebody's."""
        text = SYSTEM_DIRECTORY.sub(f"{self.root}/", text)
        text = re.sub(r"\b(localhost:(5900|23)|vnc\.internal:5900|host:5901)\b", self.target, text)
        text = text.replace("0.0.0.0:", "127.0.0.1:").replace("vnc host:1 ", "vnc localhost:1 ")
        text = re.sub(r"(?<![\w.])(127\.0\.0\.1:)?6081\b", rf"\g<1>{self.admin_port}", text)
        return re.sub(r"(?<!\w)(6080|9001|(?<=PORT=)5000)\b", str(self.port), text)

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            **clean_environment(),
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.root),
            "MAINPID": str(self._daemon),
        }

    def start(
        self, line: str, *, cwd: Path | None = None, variables: Mapping[str, str] | None = None
    ) -> Program:
        """Run the line in a shell, in place of what ran before."""
        self.end()
        # The shell becomes the program, whose pid is then the one to signal.
        self.program = self._programs.start(
            *("bash", "-c", re.sub(r"^((?:\w+=\S+ )*)", r"\1exec ", self.placed(line))),
            name=line,
            env={**self.environment, **(variables or {})},
            cwd=cwd or self.root,
        )
        return self.program

    def run(self, line: str, *, cwd: Path | None = None, seconds: float = 30) -> str:
        """Run the line beside what runs; it must end well.  What it said."""
        script = f"{self.placed(line)}\nwait"
        program = self._programs.start(
            "bash", "-ec", script, name=line, env=self.environment, cwd=cwd or self.root
        )
        assert program.exit_status(seconds) == 0, program.fail("did not end well")
        return program.output

    def start_daemon(self, line: str) -> None:
        """Run a line that detaches, in place of what ran before."""
        self.end()
        said = STARTED.search(self.run(line))
        assert said, f"{line} did not detach"
        self._daemon = int(said[1])

    def end(self) -> None:
        if self.program is not None:
            # A Procfile runner ends as its own signal would end it.
            assert self.program.stop() in (0, 128 + signal.SIGTERM)
        if self._daemon is not None:
            with suppress(ProcessLookupError):
                os.kill(self._daemon, signal.SIGTERM)
            wait_until_gone(self._daemon)
        self.program = self._daemon = None

    def check_session(self) -> None:
        with Wire.open(self.port) as wire:
            wire.upgrade(f"127.0.0.1:{self.port}")
            assert is_alive(wire)


# -- The ways to run a line ------------------------------------------------------------------


def in_front(stage: Stage, line: str) -> None:
    program = stage.start(line)
    if "--unix-listen" in line:
        program.wait_for_output(r" -> ")
        with unix_session(stage.root / "run/wsproxy/wsproxy.sock") as wire:
            assert is_alive(wire)
        return
    program.wait_until_listening(stage.port)
    stage.check_session()
    if "--workers 4" in line:
        program.wait_for_output(r"(?s)(Booting worker.*){4}")


def in_background(stage: Stage, line: str) -> None:
    stage.start_daemon(line)
    stage.check_session()


def behind_a_login(stage: Stage, line: str) -> None:
    """Nobody is let in who comes like this."""
    stage.start_daemon(line)
    with Wire.open(stage.port) as wire:
        wire.send(upgrade_request(f"127.0.0.1:{stage.port}"))
        assert wire.read_answer().status in (401, 403, 503)


def by_a_token(stage: Stage, line: str) -> None:
    """The one of the file leads somewhere; without one nobody is led anywhere."""
    stage.start_daemon(line)
    with Wire.open(stage.port) as wire:
        wire.send(upgrade_request(f"127.0.0.1:{stage.port}"))
        assert wire.read_answer().status == 403
    if "file:" in line:
        with Wire.open(stage.port) as wire:
            wire.upgrade(f"127.0.0.1:{stage.port}", "Authorization: Bearer open-sesame")
            assert is_alive(wire)


def behind_a_balancer(stage: Stage, line: str) -> None:
    """This machine, too, is one whose word is taken, and which must give it."""
    stage.start_daemon(line)
    with Wire.open(stage.port) as wire:
        wire.send(b"PROXY TCP4 192.0.2.1 192.0.2.2 50000 443\r\n")
        wire.upgrade(f"127.0.0.1:{stage.port}")
        assert is_alive(wire)


def with_a_page(stage: Stage, line: str) -> None:
    """A word: its target, where the line names none, comes from the environment."""
    names_target = re.search(r" vnc \S*:", line)
    variables = {} if names_target else {"WSPROXY_TARGET": stage.target}
    program = stage.start(line, variables=variables)
    check_page(program)


def check_page(program: Program) -> None:
    port = int(program.wait_for_output(PAGE.pattern, seconds=60)[2])
    with Wire.open(port) as wire:
        wire.send(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        assert wire.read_answer().status == 200


def make_demo(stage: Stage, line: str) -> None:
    """Its target is the demo's own; a signal to make does not reach what it runs."""
    program = stage.start(line, cwd=ROOT)
    check_page(program)
    for pid in Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text().split():
        os.kill(int(pid), signal.SIGINT)
    program.exit_status()
    stage.program = None


def make_test(stage: Stage, line: str) -> None:
    """What runs this test; it is not run within itself."""
    said = stage.run(line.replace("make", "make -n"), cwd=ROOT)
    for part in ("ruff check", "mypy", "debian-packages", "-m pytest"):
        assert part in said


def under_gunicorn(stage: Stage, line: str) -> None:
    variables = {"PORT": str(stage.port), "WSPROXY_TARGET": stage.target}
    program = stage.start(line, cwd=ROOT, variables=variables)
    program.wait_until_listening(stage.port)
    stage.check_session()


def word_about_a_process(stage: Stage, line: str) -> None:
    """About one that runs: the block's own, or else one that is started for it."""
    pid_file = Path(stage.placed(re.findall(r"--pid-file (\S+)", line)[0]))
    if not pid_file.exists():
        other = f"wsproxy-gevent 6080 localhost:5900 --reuse-port --pid-file {pid_file}"
        assert STARTED.search(stage.run(other))
    pid = int(pid_file.read_text())
    stage.run(line)
    if " stop " in line:
        wait_until_gone(pid)
        assert not pid_file.exists()
    else:
        os.kill(pid, 0)


def install_the_shim(stage: Stage, line: str) -> None:
    (stage.root / ".local/bin").mkdir(parents=True)
    stage.run(line)
    assert (stage.root / ".local/bin/websockify").samefile(SCRIPT)


# What stands in for the command of a line, by what the line tells it.
SERVICES: Final = (
    ("{port}", "port {port}"),
    ("{socket}", "socket {socket}"),
    ("--unix-target /run/me/vnc.sock", "socket /run/vm7/wrapped.sock"),
    ("localhost:5901", "port INNER"),
    ("./server", "env"),
    ("vncserver", "any PUBLIC"),
)


def with_a_command(stage: Stage, line: str) -> None:
    """The line's own part as it stands, with a service of ours as its command."""
    how = next(service for told, service in SERVICES if told in line)
    ours, _, rest = re.findall(r"^(\S+) (\d+)(.*?) -- ", line)[0]
    rest = rest.replace("/run/me/vnc.sock", "/run/vm7/wrapped.sock").replace("5901", "INNER")
    shortened = f'{ours} 6080{rest} -- "$PYTHON" "$SERVICE" {how}'
    variables = {
        "PYTHON": sys.executable,
        "SERVICE": str(ROOT / "tests/e2e/peers/service.py"),
        "PATH": f"{stage.root}/usr/local/bin:{stage.environment['PATH']}",
    }
    filled = shortened.replace("INNER", str(free_port())).replace("PUBLIC", "6080")
    program = stage.start(filled, variables=variables)
    program.wait_for_output("command: listening at")
    stage.check_session()


def check_it(stage: Stage, line: str) -> None:
    stage.end()
    assert "it would start" in stage.run(line).splitlines()


def ask_with_curl(stage: Stage, line: str) -> None:
    needs("curl")
    assert stage.run(f"{line} --silent --show-error --fail").endswith("ok\n")


def install_afresh(stage: Stage, line: str) -> None:
    """From a copy, for what a build leaves behind."""
    copy = stage.root / "clone"
    kept = shutil.ignore_patterns(".*", "node_modules", "build", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, copy, ignore=kept)
    stage.run(line.replace("python3", sys.executable), cwd=copy, seconds=280)
    assert (stage.root / ".wsproxy/bin/wsproxy-gevent").exists()


def install_an_extra(stage: Stage, line: str) -> None:
    """Installing is tried elsewhere; here, that there is such an extra."""
    (extra,) = re.findall(r"'\.\[(\w+)\]'", line)
    assert re.search(rf"^{extra} = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)


def enable_a_unit(stage: Stage, line: str) -> None:
    """There is no systemd here; the unit is there, and says what enabling it means."""
    assert "[Install]" in (ROOT / "conf" / line.split()[-1]).read_text()


def hang_up(stage: Stage, line: str) -> None:
    stage.run(line)
    stage.check_session()


WAYS: Final[tuple[tuple[str, Callable[[Stage, str], None]], ...]] = (
    (r"(wsproxy-gevent|websockify) \d+.* -- ", with_a_command),
    (r"wsproxy-gevent install-shim ~/\.local/bin", install_the_shim),
    (r"wsproxy-gevent (status|reload|stop) ", word_about_a_process),
    (r"wsproxy-gevent check ", check_it),
    (r"\S*wsproxy-gevent (vnc|demo)\b", with_a_page),
    (r"wsproxy-gevent (-f|--profile websockify) ", in_front),
    (r"wsproxy-gevent 6080 .*--(basic-auth|auth-url|verify-client)\b", behind_a_login),
    (r"wsproxy-gevent 6080 --tokens ", by_a_token),
    (r"wsproxy-gevent 6080 .*--proxy-protocol\b", behind_a_balancer),
    (r"(/usr/local/bin/)?wsproxy-gevent (--config /etc/wsproxy\.toml|6080 )", in_background),
    (r"(WSPROXY_TARGET=\S+ )?gunicorn -", under_gunicorn),
    (r"WSPROXY_TARGET=\S+ PORT=5000 honcho start", under_gunicorn),
    (r"make demo\b", make_demo),
    (r"make test\b", make_test),
    (r"python3 -m venv ~/\.wsproxy && \S+/pip install ", install_afresh),
    (r"pip install '\.\[\w+\]'$", install_an_extra),
    (r"curl ", ask_with_curl),
    (r"systemctl enable --now wsproxy-gevent\.(service|socket)$", enable_a_unit),
    (r"/bin/kill -HUP \$MAINPID$", hang_up),
)


def way_of(line: str) -> Callable[[Stage, str], None]:
    for pattern, way in WAYS:
        if re.match(pattern, line):
            return way
    raise AssertionError(f"no way is known to run this line of the documents: {line}")


@pytest.fixture
def stage(programs: Programs, tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as held:
        yield Stage(programs, tmp_path, held)


@pytest.mark.deadline(300)
@pytest.mark.parametrize("block", list(blocks()), ids=str)
def test_what_a_document_says_can_be_run(block: Block, stage: Stage) -> None:
    for line in block.lines:
        way_of(line)(stage, line)


def test_a_line_that_nobody_knows_to_run_is_an_error() -> None:
    with pytest.raises(AssertionError, match="no way is known"):
        way_of("wsproxy-gevent --no-such-thing 6080 localhost:5900")


def test_a_block_of_commands_says_that_it_is_one() -> None:
    """Else it would not be read."""
    for page in PAGES:
        fences = re.findall(
            r"^```(\w*)\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL
        )
        for language, text in fences:
            commands = re.search(r"^(wsproxy-gevent|gunicorn|make|pip|curl) ", text, re.MULTILINE)
            assert language == "sh" or not commands, (page, text)
