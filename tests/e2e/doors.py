"""Every way to start the proxy in one process or several, patched and not."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .pools import APPLICATION, GUNICORN, PROXY_WORKER, WEBSOCKET_WORKER, Pool
from .programs import Programs, free_port
from .proxy import COMMAND, environment_of

NAMES = {PROXY_WORKER: "gunicorn", WEBSOCKET_WORKER: "gevent-websocket"}


@dataclass(frozen=True, slots=True)
class Door:
    """`worker` is gunicorn's class; without one the command starts the proxy itself."""

    worker: str = ""
    unix: bool = False
    patched: bool = False
    preload: bool = False

    def __str__(self) -> str:
        words = [NAMES.get(self.worker, "wsproxy-gevent")]
        traits = {"unix": self.unix, "patched": self.patched, "preload": self.preload}
        return "-".join([*words, *(name for name, holds in traits.items() if holds)])

    def start(
        self, programs: Programs, target: str, cwd: Path, *, workers: int, grace: int = 20
    ) -> Pool:
        """The proxy once each process serves; sessions have `grace` seconds to go."""
        path = cwd / "proxy.sock" if self.unix else None
        port = 0 if path else free_port()
        words = self._gunicorn if self.worker else self._command
        program = programs.start(
            *words(path or f"127.0.0.1:{port}", target, str(workers), grace),
            name=str(self),
            env={**environment_of(cwd, patched=self.patched), "WSPROXY_TARGET": target},
            cwd=cwd,
        )
        pool = Pool(program, port, cwd, path)
        if workers > 1:
            program.wait_for_output(rf"(?s)(Booting worker.*){{{workers}}}")
        program.wait_until(lambda: answers(pool), "session")
        return pool

    def _command(self, place: Path | str, target: str, workers: str, grace: int) -> list[str]:
        source = ["--unix-listen", str(place)] if self.unix else [str(place)]
        return [*COMMAND, "-f", "--workers", workers, "--grace", str(grace), *source, target]

    def _gunicorn(self, place: Path | str, target: str, workers: str, grace: int) -> list[str]:
        bind = f"unix:{place}" if self.unix else str(place)
        words = ["-k", self.worker, "-w", workers, "-b", bind, "--no-control-socket"]
        words += ["--preload"] * self.preload
        # Sessions get two seconds less.
        return [str(GUNICORN), *words, "--graceful-timeout", str(grace + 2), APPLICATION]


def answers(pool: Pool) -> bool:
    """Whether a session can be had."""
    with suppress(OSError, EOFError), pool.session():
        return True
    return False


ONE_PROCESS = [Door(), Door(patched=True)]

# gunicorn patches whatever runs gevent-websocket's worker.
SEVERAL = [
    *(Door(worker, unix) for worker in ("", *NAMES) for unix in (False, True)),
    *(Door(worker, unix, patched=True) for worker in ("", PROXY_WORKER) for unix in (False, True)),
]
