"""What all tests share: the engine that they are about, which is named above them."""

from __future__ import annotations

from wsproxy_gevent import engine


def pytest_report_header() -> str:
    return f"engine: {engine.NAME}"
