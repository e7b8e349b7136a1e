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


def test_a_record_takes_a_descriptor_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 1024))
    room = 1024 - limits.DESCRIPTORS_OF_OURS
    assert limits.connections_allowed(recording=True) == room // (limits.DESCRIPTORS_EACH + 1)


def test_the_soft_limit_is_raised_to_the_hard_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limit: asked.append(limit))
    limits.raise_open_files()
    assert asked == [(4096, 4096)]


def test_a_limit_that_may_not_be_raised_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_what: int, _limit: tuple[int, int]) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "setrlimit", refuse)
    limits.raise_open_files()
