from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from wsproxy_gevent.errors import StartError, UsageError
from wsproxy_gevent.telemetry.destinations import Logging, default_destination, start_logging

ROOT = Path(__file__).parents[2]

logger = logging.getLogger("wsproxy_gevent.tests")


@pytest.fixture(autouse=True)
def _logging_is_as_before() -> Iterator[None]:
    root, package = logging.getLogger(), logging.getLogger("wsproxy_gevent")
    before = (list(root.handlers), root.level, package.level)
    yield
    assert (list(root.handlers), root.level, package.level) == before


def started(path: Path | None, *, verbose: bool = False, stderr: bool = False) -> Logging:
    log_file = None if path is None else str(path)
    return start_logging(verbose=verbose, log_file=log_file, syslog=None, stderr=stderr)


def texts(path: Path) -> list[str]:
    """The lines without their time."""
    return [line[20:] for line in path.read_text().splitlines()]


def test_what_is_logged_is_in_the_file_after_the_stop(tmp_path: Path) -> None:
    log = started(tmp_path / "log")
    logger.info("session %s", "opened")
    logger.warning("careful")
    logger.debug("not said")
    logging.getLogger("people.plugin").warning("theirs")
    assert log.stop()
    assert texts(tmp_path / "log") == ["INFO session opened", "WARNING careful", "WARNING theirs"]


def test_verbose_logs_more_of_us_and_not_of_others(tmp_path: Path) -> None:
    log = started(tmp_path / "log", verbose=True)
    logger.debug("ours")
    logging.getLogger("people.plugin").debug("theirs")
    assert log.stop()
    assert texts(tmp_path / "log") == ["DEBUG ours"]


def test_a_traceback_is_set_in(tmp_path: Path) -> None:
    log = started(tmp_path / "log")
    try:
        raise ValueError("broken\nERROR forged")
    except ValueError:
        logger.exception("a plugin failed")
    assert log.stop()
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines[0].endswith("ERROR a plugin failed")
    assert all(line.startswith("\t") for line in lines[1:])
    assert lines[-2:] == ["\tValueError: broken", "\tERROR forged"]


def test_a_line_that_cannot_be_formatted_is_told_and_harms_nobody(tmp_path: Path) -> None:
    log = started(tmp_path / "log")
    # To our handler alone: the one of pytest raises.
    log._handler.handle(logger.makeRecord(logger.name, 20, "", 1, "%d of", ("many",), None))
    assert log.stop()
    (line,) = texts(tmp_path / "log")
    assert line.startswith("INFO a log line of wsproxy_gevent.tests cannot be formatted: ")


def test_a_logging_filter_is_heeded(tmp_path: Path) -> None:
    log = started(tmp_path / "log")
    (handler,) = [h for h in logging.getLogger().handlers if h is log._handler]
    handler.addFilter(lambda record: "quiet" not in record.getMessage())
    logger.info("quiet")
    logger.info("loud")
    assert log.stop()
    assert texts(tmp_path / "log") == ["INFO loud"]


def test_after_a_stop_nothing_is_written_and_a_second_one_is_harmless(tmp_path: Path) -> None:
    log = started(tmp_path / "log")
    assert log.stop()
    logger.warning("late")
    log.write_stdout("late")
    assert log.stop()
    assert texts(tmp_path / "log") == []


def test_reopening_goes_on_under_the_name(tmp_path: Path) -> None:
    log = started(tmp_path / "log")
    logger.info("before")
    reached(log)
    (tmp_path / "log").rename(tmp_path / "log.1")
    log.reopen()
    logger.info("after")
    assert log.stop()
    assert texts(tmp_path / "log.1") == ["INFO before"]
    assert texts(tmp_path / "log") == ["INFO after"]


def reached(log: Logging) -> None:
    done = threading.Event()
    log._outbox.post_always(done.set)
    assert done.wait(5)


def test_one_line_goes_to_each_place(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
        syslog.settimeout(5)
        syslog.bind(str(tmp_path / "syslog"))
        log = start_logging(
            verbose=False,
            log_file=str(tmp_path / "log"),
            syslog=str(tmp_path / "syslog"),
            stderr=True,
            ident="websockify",
        )
        logger.info("everywhere")
        assert log.stop()
        assert f"websockify[{os.getpid()}]: everywhere".encode() in syslog.recv(1000)
    assert texts(tmp_path / "log") == ["INFO everywhere"]
    assert capfd.readouterr().err.endswith("INFO everywhere\n")


def test_glyphs_go_to_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    log = started(None)
    log.write_stdout("}>")
    log.write_stdout("{<")
    assert log.stop()
    assert capfd.readouterr() == ("}>{<", "")


def test_a_place_that_is_full_is_reported_elsewhere(capfd: pytest.CaptureFixture[str]) -> None:
    log = started(Path("/dev/full"), stderr=True)
    logger.info("said")
    assert log.stop()
    said, *reports = capfd.readouterr().err.splitlines()
    assert said.endswith("INFO said")
    assert "WARNING 1 log lines were lost" in reports[0]


def test_without_a_place_nothing_falls_back_to_standard_error(
    capfd: pytest.CaptureFixture[str],
) -> None:
    log = started(None)
    logger.warning("to nobody")
    assert log.stop()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("place", ["missing/log", "."])
def test_a_log_file_that_cannot_be_opened_is_a_start_error_with_the_cure(
    tmp_path: Path, place: str
) -> None:
    with pytest.raises(StartError, match=r"cannot be opened.*another --log-file"):
        started(tmp_path / place)


def test_a_syslog_that_is_not_there_is_a_start_error_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"no syslog answers.*--log-file"):
        start_logging(
            verbose=False,
            log_file=str(tmp_path / "log"),
            syslog=str(tmp_path / "none"),
            stderr=False,
        )
    links = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
    assert str(tmp_path / "log") not in [os.readlink(x) for x in links if os.path.lexists(x)]


def test_a_misspelt_syslog_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="--syslog 'localhost'"):
        start_logging(verbose=False, log_file=None, syslog="localhost", stderr=False)


def test_the_default_is_the_local_syslog_where_there_is_one(tmp_path: Path) -> None:
    path = str(tmp_path / "log")
    assert default_destination(path) is None
    Path(path).touch()
    assert default_destination(path) is None
    os.unlink(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
        syslog.bind(path)
        assert default_destination(path) == path


# What holds for a whole process: standard error is a pipe that nobody reads,
# or is closed, and monkey-patching makes greenlets of the threads' names.
STALLED = """
import logging, os, sys, time
PATCH
import gevent
from wsproxy_gevent.telemetry.destinations import start_logging
reader, writer = os.pipe()
os.dup2(writer, 2)
log = start_logging(verbose=False, log_file=None, syslog=None, stderr=True)
ours = logging.getLogger("wsproxy_gevent.tests")
ticks = []
ticking = gevent.spawn(lambda: [ticks.append(gevent.sleep(0)) for _ in range(50)])
for number in range(300):
    ours.info("x" * 4000)
    gevent.sleep(0)
ticking.join(5)
assert len(ticks) == 50
assert not log.stop(0.05)
print("lived", flush=True)
os._exit(0)
"""

CLOSED = """
import logging, os, sys
PATCH
import gevent
from wsproxy_gevent.telemetry.destinations import start_logging
log = start_logging(verbose=False, log_file=sys.argv[1], syslog=None, stderr=True)
logging.getLogger("wsproxy_gevent.tests").warning("said")
log.write_stdout("}")
gevent.sleep(0)
sys.exit(0 if log.stop(5) else 1)
"""

PATCHES = ["", "from gevent import monkey; monkey.patch_all()"]


def run(
    script: str, patch: str, *arguments: str, streams: str = ""
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script.replace("PATCH", patch), *arguments]
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {streams}', "sh", *command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )


@pytest.mark.parametrize("patch", PATCHES, ids=["unpatched", "patched"])
def test_a_blocked_standard_error_never_holds_the_hub(patch: str) -> None:
    done = run(STALLED, patch)
    assert (done.returncode, done.stdout) == (0, "lived\n"), done.stderr


@pytest.mark.parametrize("patch", PATCHES, ids=["unpatched", "patched"])
def test_a_process_without_standard_streams_logs_to_its_file(tmp_path: Path, patch: str) -> None:
    done = run(CLOSED, patch, str(tmp_path / "log"), streams="<&- >&- 2>&-")
    assert done.returncode == 0
    assert (tmp_path / "log").read_text().endswith("WARNING said\n")


def test_syslog_works_under_monkey_patching(tmp_path: Path) -> None:
    script = CLOSED.replace(
        "log_file=sys.argv[1], syslog=None", "log_file=None, syslog=sys.argv[1]"
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
        syslog.settimeout(5)
        syslog.bind(str(tmp_path / "syslog"))
        done = run(script, PATCHES[1], str(tmp_path / "syslog"))
        assert (done.returncode, done.stdout) == (0, "}"), done.stderr
        assert syslog.recv(1000).endswith(b": said")
