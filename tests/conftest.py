"""What all tests share: their engine, signals that are not ignored, and a place for figures."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from wsproxy_gevent import engine

# Which a shell ignores for what it runs in the background, as `nohup` does;
# every process that a test starts would inherit that.
_OFTEN_IGNORED = (signal.SIGHUP, signal.SIGQUIT, signal.SIGINT)


def pytest_report_header() -> str:
    return f"engine: {engine.NAME}"


def pytest_configure(config: pytest.Config) -> None:
    for number in _OFTEN_IGNORED:
        if signal.getsignal(number) is signal.SIG_IGN:
            interrupts = number is signal.SIGINT
            signal.signal(number, signal.default_int_handler if interrupts else signal.SIG_DFL)


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Tells a figure, which docs/faults.md then shows."""

    def tell(what: str) -> None:
        record_property("measured", what)

    return tell
