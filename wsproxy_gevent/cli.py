"""The command line: words, options, and what they start.

Exit status 0 after an orderly end, 1 if the proxy could not run, 2 if the
command line, a variable or the file is wrong, 3 if the process that is asked
about does not run; the reason is one line on stderr.  Whatever can be found
wrong at start is found before the process goes to the background.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Protocol

from . import __version__, activation, check, control, engine, inetd, privileges, shim
from .config.arguments import help_text
from .config.loading import Loaded, load
from .config.profile import called_as
from .config.settings import Settings
from .config.words import Task
from .daemon import Daemon, Launch, detach, hold_standard_descriptors
from .errors import StartError, UsageError
from .net.probe import warning_in_time
from .pidfile import PidFile
from .prctl import set_process_name
from .preload import preload
from .reload import Reread, signals_held
from .supervisor import Detach, Stay, decide
from .targets.spelling import parse_target
from .telemetry.destinations import NO_DESTINATION, default_destination
from .thrift import thrifty
from .workers import one_or_many
from .wrap import Caller, Wrapping, plan

OK, COULD_NOT_RUN, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


class Served(Protocol):
    """What is started here: bound and checked when made, without a hub or a thread."""

    @property
    def start_line(self) -> str: ...

    def serve(self, ready: Callable[[], None]) -> int: ...


class MakeProxy(Protocol):
    """Makes it for settings, which a reload reads anew, and for a command to wrap."""

    def __call__(
        self, settings: Settings, reread: Reread, wrapping: Wrapping | None
    ) -> Served: ...


MakeBound = Callable[[Settings, Reread], Served]
Read = Callable[[], Loaded]


def main(
    argv: Sequence[str] | None = None,
    environ: Mapping[str, str] | None = None,
    make_proxy: MakeProxy = one_or_many,
) -> int:
    """Run the command; the value is the exit status."""
    hold_standard_descriptors()
    try:
        return _command(argv or sys.argv, os.environ if environ is None else environ, make_proxy)
    except UsageError as error:
        _complain(f"error: {error}")
        return WRONG_USAGE
    except StartError as error:
        _complain(f"error: {error}")
        return COULD_NOT_RUN
    except KeyboardInterrupt:
        return INTERRUPTED


def _command(argv: Sequence[str], environ: Mapping[str, str], make_proxy: MakeProxy) -> int:
    caller = Caller.now(environ, _directory())
    given = activation.sockets_given(environ, os.getpid())
    activation.forget(os.environ)
    read: Read = partial(load, argv, environ, caller.directory, sockets_given=given)
    loaded = read()
    if loaded.asked:
        _say(_ANSWERS[loaded.asked]())
        return OK
    wrapping = plan(loaded.settings, caller) if loaded.settings.command else None
    if wrapping is not None:
        read = partial(_with_command, wrapping, read)
        loaded = read()
    if loaded.task is not Task.SERVE:
        return _TASKS[loaded.task](loaded, _say)
    set_process_name(called_as(argv[0]))
    with inetd.out_of_sight() if loaded.settings.inetd else nullcontext():
        return _serve(loaded, read, environ, partial(make_proxy, wrapping=wrapping))


def _with_command(wrapping: Wrapping, read: Read) -> Loaded:
    """What is read, with the command as the target."""
    loaded = read()
    warnings = [*loaded.warnings, *([wrapping.warning] if wrapping.warning else [])]
    return replace(loaded, settings=wrapping.applied(loaded.settings), warnings=tuple(warnings))


def _serve(loaded: Loaded, read: Read, environ: Mapping[str, str], make_proxy: MakeBound) -> int:
    for warning in loaded.warnings:
        _complain(f"warning: {warning}")
    decision = decide(loaded.settings, environ, os.getpid(), os.getppid(), os.path.exists)
    syslog = default_destination()
    settings = decided(loaded.settings, decision, syslog)
    run = Run(
        settings,
        privileges.find_account(settings.user, settings.group),
        lambda: decided(read().settings, decision, syslog),
    )
    return run.start(make_proxy, decision)


_TASKS: Final[Mapping[Task, Callable[[Loaded, Callable[[str], None]], int]]] = {
    Task.CHECK: check.report,
    Task.STATUS: control.status,
    Task.RELOAD: control.reload,
    Task.STOP: control.stop,
    Task.INSTALL_SHIM: shim.install,
}


_ANSWERS: Final[Mapping[str, Callable[[], str]]] = {
    "help": help_text,
    "version": lambda: f"wsproxy-gevent {__version__} ({engine.NAME} engine)",
}


def _directory() -> str:
    try:
        return os.getcwd()
    except OSError:
        # It has been removed; what is named by a full path works all the same.
        return "/"


def decided(settings: Settings, decision: Stay | Detach, local_syslog: str | None) -> Settings:
    """The settings as the process will live: either in front or a daemon.

    A daemon that was given no place for its log takes the local syslog, if there is one;
    so does what inetd starts, whose stderr is the client.
    """
    stays = isinstance(decision, Stay)
    in_sight = stays and not settings.inetd
    homeless = not (in_sight or settings.log_file or settings.syslog)
    syslog = local_syslog if homeless else settings.syslog
    return replace(settings, foreground=stays, daemon=not stays, syslog=syslog)


@dataclass(frozen=True, slots=True)
class Run:
    """One start of the proxy, from the bound port to the exit status."""

    settings: Settings
    account: privileges.Account | None
    reread: Reread

    def start(self, make_proxy: MakeBound, decision: Stay | Detach) -> int:
        """Bind and check, then serve here or in the background."""
        if privileges.is_root_for_good(self.account):
            _complain(f"warning: {privileges.AS_ROOT}")
        os.umask(0o077)
        with signals_held():
            return self._start(make_proxy, decision)

    def _start(self, make_proxy: MakeBound, decision: Stay | Detach) -> int:
        proxy = make_proxy(self.settings, self.reread)
        if isinstance(decision, Detach):
            return self._in_background(proxy)
        if decision.why and not self.settings.inetd:
            _complain(f"stays in the foreground: {decision.why}")
        return self._serve(proxy, lambda: None)

    def _in_background(self, proxy: Served) -> int:
        if not log_places(self.settings):
            _complain(f"warning: {NO_DESTINATION}")
        line = detach()
        if isinstance(line, Daemon):
            return self._as_daemon(proxy, line)
        return self._report(proxy, line)

    def _as_daemon(self, proxy: Served, line: Daemon) -> int:
        try:
            return self._serve(proxy, line.serving)
        except (StartError, UsageError) as error:
            line.failed(str(error))
            return COULD_NOT_RUN

    def _report(self, proxy: Served, launch: Launch) -> int:
        pid = launch.wait()
        places = log_places(self.settings) or "nowhere"
        _say(f"{proxy.start_line}\nprocess {pid}, log: {places}; stop it with: kill {pid}")
        if self.settings.command or self.settings.finds_targets:
            return OK  # it is about to start; or there are none before requests name them
        if warning := warning_in_time(parse_target(self.settings.target or "")):
            _complain(f"warning: {warning}")
        return OK

    def _serve(self, proxy: Served, ready: Callable[[], None]) -> int:
        """Serve in this process, which is the final one, under its final user.  May switch."""
        with ExitStack() as held:
            if self.settings.run_dir:
                _make_run_dir(self.settings.run_dir)
            if self.settings.pid_file:
                held.enter_context(PidFile(self.settings.pid_file))
            preload()
            if self.account:
                if self.settings.log_file:
                    privileges.give_file(self.settings.log_file, self.account)
                privileges.become(self.account)
                self._warn_of_pid_file()
            held.enter_context(thrifty())
            return proxy.serve(ready)

    def _warn_of_pid_file(self) -> None:
        directory = os.path.dirname(self.settings.pid_file or "")
        if directory and not os.access(directory, os.W_OK | os.X_OK):
            _complain(
                f"warning: --pid-file will be left behind, empty: who --user names may not "
                f"remove files from {directory}"
            )


def _make_run_dir(path: str) -> None:
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
    except OSError as error:
        raise StartError(f"cannot make --run-dir {path}: {error.strerror}") from error


def log_places(settings: Settings) -> str:
    """Where a daemon's log goes, in words; empty for nowhere."""
    syslog = settings.syslog and f"syslog {settings.syslog}"
    return " and ".join(place for place in (settings.log_file, syslog) if place)


def _say(text: str) -> None:
    _print(1, f"{text.rstrip()}\n")


def _complain(text: str) -> None:
    """One line on stderr, whatever the text."""
    _print(2, f"wsproxy-gevent: {' '.join(text.split())}\n")


def _print(descriptor: int, text: str) -> None:
    """Straight to the descriptor: it takes any name that a file can have, and a fork
    finds no half-written line in a buffer."""
    try:
        os.write(descriptor, text.encode("utf-8", "backslashreplace"))
    except OSError:
        # Nobody reads; the exit status still tells.
        return
