"""The command line, as far as text goes: options anywhere, in whatever spelling.

Long options are written out in full first, so that an abbreviation that
websockify knows keeps its meaning beside options that it does not have; then
argparse takes them from among the arguments.  Values are read elsewhere.
"""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from ..errors import UsageError
from . import profile
from .declare import Declaration, Topic
from .settings import DECLARATIONS

Texts = Mapping[str, bool | list[str]]


@dataclass(frozen=True, slots=True)
class CommandLine:
    """`texts` are the options that were given, by the setting's name.

    A switch is True or False; anything else is the list of its texts.
    `asked` is "help" or "version" when that is all that is wanted, or "check".
    `command` is what stands behind `--`, as it stands there.
    """

    arguments: list[str]
    texts: Texts
    asked: str | None = None
    command: tuple[str, ...] = ()


# -- Spelling -------------------------------------------------------------------


def _spellings() -> Iterator[tuple[str, bool]]:
    """Every long option with whether it takes a value."""
    yield from (("--help", False), ("--version", False), ("--check", False))
    for one in DECLARATIONS.values():
        yield one.flag, not one.kind.is_switch
        if one.negation:
            yield one.negation, False


TAKES_VALUE: Final = dict(_spellings())

# A negation is written in full: `--no` alone shall not turn anything off.
_NEGATIONS: Final = {one.negation for one in DECLARATIONS.values()}

_SHORT: Final = {flag for one in DECLARATIONS.values() for flag in one.flags[:-1]} | {"-t"}


def full_name(option: str) -> str:
    """The long option that a spelling or an unambiguous abbreviation means."""
    if option in TAKES_VALUE:
        return option
    for known in (profile.OPTIONS, [name for name in TAKES_VALUE if name not in _NEGATIONS]):
        found = [name for name in known if name.startswith(option)]
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(f"{option} is ambiguous: {', '.join(sorted(found))}")
    near = difflib.get_close_matches(option, TAKES_VALUE, 1)
    hint = f"did you mean {near[0]}?" if near else "--help lists the options"
    raise UsageError(f"unknown option {option}; {hint}")


def in_full(arguments: Sequence[str]) -> Iterator[str]:
    """The same arguments with each long option as `--name` or `--name=value`.

    An option takes whatever stands behind it,
    a leading dash included, unless that is an option itself.
    """
    rest = iter(arguments)
    for argument in rest:
        if not argument.startswith("--"):
            yield argument
            continue
        option, equals, value = argument.partition("=")
        name = full_name(option)
        if equals and not TAKES_VALUE[name]:
            raise UsageError(f"{name} takes no value")
        if TAKES_VALUE[name] and not equals:
            equals, value = "=", _value_of(name, rest)
        yield f"{name}{equals}{value}"


def _value_of(name: str, rest: Iterator[str]) -> str:
    value = next(rest, None)
    if value is None or value in TAKES_VALUE or value in _SHORT:
        raise UsageError(f"{name} needs a value{f', not {value}' if value else ''}")
    return value


# -- Parsing --------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """Raises instead of exiting."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def parser() -> argparse.ArgumentParser:
    """One parser for parsing and for the help, made from the declarations."""
    made = _Parser(
        prog="wsproxy-gevent",
        usage=_USAGE,
        description="Put a WebSocket port in front of a TCP service.",
        epilog=_EPILOG,
        add_help=False,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
    )
    for flags, meaning in _QUESTIONS.items():
        asked = flags[-1][2:]
        made.add_argument(*flags, dest="asked", action="store_const", const=asked, help=meaning)
    for topic in Topic:
        group = made.add_argument_group(topic.value)
        for one in (one for one in DECLARATIONS.values() if one.topic is topic):
            _add(group.add_argument, one)
    return made


_QUESTIONS: Final = {
    ("-h", "--help"): "Show this help and end.",
    ("--version",): "Show the version and end.",
    ("-t", "--check"): "Check all that a start would, show the settings, and end.",
}

_USAGE: Final = """\
wsproxy-gevent [options] [source_addr:]source_port target
       wsproxy-gevent [options] [source_addr:]source_port -- COMMAND [argument ...]
       wsproxy-gevent [options] demo
       wsproxy-gevent [options] vnc [host[:display|:port]]
       wsproxy-gevent check [what you would start it with]
       wsproxy-gevent status|reload|stop --pid-file FILE
       wsproxy-gevent install-shim DIR"""

_EPILOG: Final = """\
demo serves a page that talks to an embedded echo service; vnc serves a desktop
page for a VNC server, localhost:5900 if none is named (host:1 is display 1, port
5901).  Both listen on loopback unless --source says otherwise.

A COMMAND is started and forwarded to.  It is told its port by {port} in its arguments
or PORT in its environment, or a unix socket by {socket}; one that binds source_port
is moved to its port.

check does what -t does.  status ends with 0 if the process runs and 3 if not;
reload has it read its settings and files again; stop ends when it is gone.
They know the process by --pid-file or --run-dir, or by the --config that names one.

install-shim makes DIR/websockify, by which name this command has websockify's defaults.

Options may stand anywhere and may be abbreviated.  Each has a variable,
WSPROXY_PID_FILE for --pid-file, and a key in the file of --config, pid_file.
Flags win over variables, variables over the file.  --no-NAME turns the switch
--NAME off again.
"""


def _add(add: Callable[..., object], one: Declaration) -> None:
    meaning = f"{one.meaning} {_default_of(one)}".strip().replace("%", "%%")
    if not one.kind.is_switch:
        metavar = one.kind.metavar
        add(*one.flags, dest=one.name, action="append", metavar=metavar, help=meaning)
        return
    add(*one.flags, dest=one.name, action="store_const", const=True, help=meaning)
    if one.negation:
        hidden = argparse.SUPPRESS
        add(one.negation, dest=one.name, action="store_const", const=False, help=hidden)


def in_words(default: object) -> str:
    """A default as the user would write it; empty for one that says nothing."""
    if isinstance(default, bool):
        return "on" if default else "off"
    if default is None or default == ():
        return ""
    return f"{default:g}" if isinstance(default, float) else str(default)


def _default_of(one: Declaration) -> str:
    ours = one.shown or ("" if one.default is False else in_words(one.default))
    theirs = in_words(one.default_in(lenient=True))
    also = f"websockify: {theirs}" if one.default_in(lenient=True) != one.default else ""
    both = "; ".join(text for text in (ours and f"default: {ours}", also) if text)
    repeatable = "Repeatable. " if one.kind.is_list else ""
    return repeatable + (f"({both})" if both else "")


def parse(arguments: Sequence[str]) -> CommandLine:
    """The options and the arguments between them.

    No place is declared to argparse: what it does not know is left over in
    its order, wherever the options stood.
    """
    ours, command = _split(arguments)
    found, left = parser().parse_known_args(list(in_full(ours)))
    for argument in left:
        if argument.startswith("-") and argument != "-":
            raise UsageError(f"unknown option {argument}; --help lists the options")
    texts = dict(vars(found))
    return CommandLine(left, texts, asked=texts.pop("asked", None), command=command)


def _split(arguments: Sequence[str]) -> tuple[Sequence[str], tuple[str, ...]]:
    """What is ours, and the command behind `--`."""
    if "--" not in arguments:
        return arguments, ()
    at = arguments.index("--")
    if at + 1 == len(arguments):
        raise UsageError("no command stands behind '--', as in 5901 -- vncserver :1 -fg")
    return arguments[:at], tuple(arguments[at + 1 :])


def help_text() -> str:
    return parser().format_help()
