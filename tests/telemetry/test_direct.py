"""Logging without a thread."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from wsproxy_gevent.telemetry.destinations import open_sinks
from wsproxy_gevent.telemetry.direct import DirectLogging
from wsproxy_gevent.telemetry.sinks import Line

logger = logging.getLogger("wsproxy_gevent.anything")


def started(path: Path, *, verbose: bool = False) -> DirectLogging:
    sinks = open_sinks(log_file=str(path), syslog=None, stderr=False)
    return DirectLogging(sinks, verbose=verbose)


def test_a_line_is_written_when_the_call_returns_and_no_thread_does_it(tmp_path: Path) -> None:
    path, threads = tmp_path / "log", threading.active_count()
    logging_to = started(path)
    logger.info("said %s", "it")
    assert path.read_text().endswith(" INFO said it\n")
    assert threading.active_count() == threads
    logging_to.stop()


def test_debugging_is_for_the_verbose(tmp_path: Path) -> None:
    for verbose in (False, True):
        logging_to = started(tmp_path / f"{verbose}", verbose=verbose)
        logger.debug("details")
        logging_to.stop()
    assert (tmp_path / "False").read_text() == ""
    assert "details" in (tmp_path / "True").read_text()


def test_the_file_is_opened_anew(tmp_path: Path) -> None:
    path = tmp_path / "log"
    logging_to = started(path)
    path.rename(tmp_path / "old")
    logging_to.reopen()
    logger.info("later")
    logging_to.stop()
    assert "later" in path.read_text()


def test_nothing_is_written_after_the_end_which_may_come_twice(tmp_path: Path) -> None:
    logging_to = started(tmp_path / "log")
    logging_to.stop()
    logging_to.stop()
    logger.info("too late")
    assert (tmp_path / "log").read_text() == ""


def test_a_sink_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    class Full:
        def write(self, line: Line) -> None:
            raise OSError("no space")

        def close(self) -> None:
            """Nothing is open."""

    sinks = [Full(), *open_sinks(log_file=str(tmp_path / "log"), syslog=None, stderr=False)]
    logging_to = DirectLogging(sinks, verbose=False)
    logger.info("all the same")
    logging_to.stop()
    assert "all the same" in (tmp_path / "log").read_text()
