"""What the end-to-end tests share: programs, a browser, and a deadline for each test."""

from __future__ import annotations

import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from types import FrameType

import pytest
from playwright.sync_api import Browser, Page

from .browser import chromium, new_page
from .programs import Programs
from .targets import echo, tcp_target
from .websockify import Websockify, install_shim

# Seconds a test may take unless `@pytest.mark.deadline(seconds)` says otherwise.
DEADLINE = 60


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "deadline(seconds): what the test may take at most")


@pytest.fixture(autouse=True)
def _deadline(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that hangs fails, with the place where it hung."""
    marker = request.node.get_closest_marker("deadline")
    seconds = marker.args[0] if marker else DEADLINE

    def expired(_number: int, _frame: FrameType | None) -> None:
        pytest.fail(f"the test took more than its {seconds} s")

    before = signal.signal(signal.SIGALRM, expired)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def programs() -> Iterator[Programs]:
    """Programs that end with the test."""
    mine = Programs()
    yield mine
    mine.stop_all()


@pytest.fixture(scope="module")
def lasting() -> Iterator[Programs]:
    """Programs that end with the module."""
    mine = Programs()
    yield mine
    mine.stop_all()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in a profile of its own; what its console says is shown on failure."""
    with new_page(browser) as opened:
        yield opened


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        report.sections += [
            (f"{program.name}, pid {program.pid}", program.output[-8000:])
            for program in Programs.started
        ]
    if report.when == "teardown":
        Programs.forget_ended()
    return report


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The name websockify for the proxy."""
    return install_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def websockify(programs: Programs, tmp_path: Path, shim: Path) -> Websockify:
    return Websockify(programs, tmp_path, shim)


@pytest.fixture(scope="package")
def target() -> Iterator[str]:
    """An echo service."""
    with tcp_target(echo) as port:
        yield f"127.0.0.1:{port}"
