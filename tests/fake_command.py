"""The command with a proxy that serves nothing, for tests of how it starts and ends.

`FAKE_PROXY` in the environment says how it behaves; `FAKE_REPORT` names a
port of the test's, to which it says what it has become.  That connection
ends when the process does.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import sys
from collections.abc import Callable

from wsproxy_gevent.cli import main
from wsproxy_gevent.config.settings import Settings
from wsproxy_gevent.errors import StartError


class FakeProxy:
    start_line = "from here to there"

    def __init__(
        self, settings: Settings, reread: Callable[[], Settings], wrapping: object
    ) -> None:
        self.settings = settings
        self.behaviour = os.environ["FAKE_PROXY"]
        self.socket = socket.socket()
        self.report = socket.create_connection(
            ("127.0.0.1", int(os.environ["FAKE_REPORT"])), timeout=20
        )
        if self.behaviour == "cannot be made":
            raise StartError("the port\nis taken")

    def serve(self, ready: Callable[[], None]) -> int:
        # As a log does that writes from a thread of its own.
        os.dup(1)
        stops = {signal.SIGTERM}
        signal.pthread_sigmask(signal.SIG_BLOCK, stops)
        if self.behaviour == "cannot serve":
            raise StartError("no log can be written")
        if self.behaviour == "dies":
            os._exit(3)
        ready()
        self.report.sendall(json.dumps(self.facts()).encode() + b"\n")
        signal.sigwait(stops)
        return 7

    def facts(self) -> dict[str, object]:
        before = os.umask(0)
        os.umask(before)
        with open("/proc/self/comm") as comm:
            name = comm.read().strip()
        return {
            "pid": os.getpid(),
            "session": os.getsid(0),
            "directory": os.getcwd(),
            "umask": before,
            "name": name,
            "is_null": [is_null(number) for number in range(3)],
            "lowest_socket": self.socket.fileno(),
            "user": os.geteuid(),
            "foreground": self.settings.foreground,
            "daemon": self.settings.daemon,
            "cert": self.settings.cert,
        }


def is_null(number: int) -> bool:
    facts = os.fstat(number)
    return stat.S_ISCHR(facts.st_mode) and facts.st_rdev == os.stat(os.devnull).st_rdev


if __name__ == "__main__":
    sys.exit(main(make_proxy=FakeProxy))
