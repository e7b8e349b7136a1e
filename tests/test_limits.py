"""What the limit of open files has room for."""

from __future__ import annotations

import resource

import pytest

from wsproxy_gevent import limits


@pytest.mark.parametrize(
    ("files", "connections"),
    [
        (resource.RLIM_INFINITY, limits.MOST_CONNECTIONS),
        (1_000_000, limits.MOST_CONNECTIONS),
        (1024, (1024 - limits.DESCRIPTORS_OF_OURS) // limits.DESCRIPTORS_EACH),
        (16, 1),
    ],
)
def test_connections_follow_the_limit_of_open_files(
    monkeypatch: pytest.MonkeyPatch, files: int, connections: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    assert limits.connections_allowed() == connections
