"""Compile the load generator: two programs, `client` and `target`.

OpenSSL is needed for the TLS modes alone; without its headers the client is
built without, and says so when asked for TLS.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).resolve().parent / "load"
BUILD = Path(__file__).resolve().parent / ".build"

SHARED = ("load",)
TARGET = ("target",)
CLIENT = ("link", "frames", "session", "bulk", "ask", "scene", "connect", "client")


class CannotBuild(Exception):
    """No C compiler, or it refused."""


@dataclass(frozen=True)
class Load:
    client: Path
    target: Path
    tls: bool


def compiler() -> str | None:
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def build(into: Path = BUILD) -> Load:
    """Compile what is older than its sources."""
    into.mkdir(parents=True, exist_ok=True)
    tls = _has_openssl()
    load = Load(into / "client", into / "target", tls)
    _compile(load.target, (*SHARED, *TARGET))
    options = (("-DWITH_TLS",), ("-lssl", "-lcrypto")) if tls else ((), ())
    _compile(load.client, (*SHARED, *CLIENT), *options)
    return load


def _has_openssl() -> bool:
    try:
        _run("-E", "-include", "openssl/ssl.h", "-x", "c", "/dev/null", "-o", "/dev/null")
    except CannotBuild:
        if compiler() is None:
            raise
        return False
    return True


def _compile(
    program: Path,
    names: tuple[str, ...],
    before: tuple[str, ...] = (),
    after: tuple[str, ...] = (),
) -> None:
    sources = [SOURCES / f"{name}.c" for name in names]
    newest = max(file.stat().st_mtime for file in SOURCES.iterdir())
    if program.exists() and program.stat().st_mtime > newest:
        return
    # Never into a program that runs: a second build beside a run must not disturb it.
    made = program.with_suffix(f".{os.getpid()}")
    options = ("-O2", "-Wall", "-Wextra", *before)
    _run(*options, *map(str, sources), "-o", str(made), *after)
    made.replace(program)


def _run(*arguments: str) -> None:
    cc = compiler()
    if cc is None:
        raise CannotBuild("no C compiler: install gcc")
    done = subprocess.run([cc, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotBuild(done.stderr)
    sys.stderr.write(done.stderr)


if __name__ == "__main__":
    load = build()
    print(load.client, load.target, sep="\n")
