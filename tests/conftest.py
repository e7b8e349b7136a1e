"""What all tests share: the engine that they are about."""

from __future__ import annotations

import pytest

from .engine import WrongEngineError, check, in_use


def pytest_configure() -> None:
    try:
        check()
    except WrongEngineError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_report_header() -> str:
    return f"engine: {in_use()}"
